"""Cohorts: parameters fitted to the configured targets, and patients simulated batch by batch.

Begin with `cohort_simulator`; `parameter_fitting` finds strengths and intercepts, `frames` makes rows of tables,
`interventions` simulates the same patients with a treatment and without.
"""
