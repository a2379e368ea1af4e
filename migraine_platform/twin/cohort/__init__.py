"""All twins of a cohort, batch by batch.

Begin with `build`, which makes them with all their tables, and `cohort_update`, which brings them up to the day;
`replay` takes late observations, `audit` keeps the trail of what was forecast.
"""
