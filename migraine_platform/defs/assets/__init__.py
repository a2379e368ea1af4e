"""Assets, a module a stage, in the order of the data.

Begin with `priors`, then `cohort`, `aline`, `twins`, `evaluation`; `ingest` and `realism` stand beside the cohort,
`warehouse`, `report` and `exports` at the end.
"""
