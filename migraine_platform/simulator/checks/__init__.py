"""Checks of a simulated cohort: complete, as configured, and how it compares with literature and real data.

Begin with `validation`; `realism` holds references, `targets` measures what the fit was for on patients it never saw.
"""
