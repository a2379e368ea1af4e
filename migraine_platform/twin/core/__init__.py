"""Twins and their forecasts.

Begin with `twins` and `prediction`; `model` is what all twins of a population share, `promotion_checks` what forecasts
must show before they are published.
"""
