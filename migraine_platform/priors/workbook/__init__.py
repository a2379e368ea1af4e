"""The clinician's workbook.

Begin with `workbook`; `row` reads one line, `ranges` a typical range, `fills` what is empty.
"""
