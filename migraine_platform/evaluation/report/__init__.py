"""Reports that people and machines read: the evaluation's page, its JSON, and one page a patient.

Everything here is read from declared tables through a function `read(table) -> frame`; nothing is computed anew that a
table already holds. Begin with `page`; `machine` is the JSON, `personal/` one page a patient.
"""
