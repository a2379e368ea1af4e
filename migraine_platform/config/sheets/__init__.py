"""Spreadsheets that clinicians fill in.

Begin with `spreadsheet`, a file as rows of cells; `triggers` reads a clinician's own triggers. Does not belong here:
the feature table, which is more than settings (priors/workbook/).
"""
