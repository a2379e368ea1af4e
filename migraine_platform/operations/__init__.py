"""Keeping a running platform: clock, one run at a time, health page, notices, storage.

Begin with `health`, the verdict on the platform, and `clock`, which day it is. Does not belong here: Dagster (defs/).
"""
