"""Forecasts to be compared. Begin with `compared`; `days` says which are scored, `models` lists who forecasts."""
