"""Dagster: assets, checks, jobs, schedules, sensors. An asset reads, calls one science function, writes, tells.

Begin with `build`, all definitions of one configuration; `assets/` has a module a stage, `checks/` and `sensors/` what
watches them, `runs/` how they are carried out, `automation` when. The only package that knows Dagster.
"""
