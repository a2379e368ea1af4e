"""Dagster: assets, checks, jobs and schedules. An asset reads, calls one science function, writes, tells."""
