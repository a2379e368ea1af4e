"""Sensors: `inbox` sees files that wait, `retraining` what the warning checks found."""
