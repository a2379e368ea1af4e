"""The simulator: one generative model of a patient, and everything that is computed from that model.

Begin with `cohort.cohort_simulator.CohortSimulator`, which simulates patients batch by batch. The groups, each of which
imports only from those before it:

    random      counter-based random numbers, and quantile functions
    exogenous   calendar, weather, menstrual cycle, and the daily features that follow their priors
    generative  latent state, hazard, attacks, treatment, change: the model, and trajectories drawn from it
    filtering   forecasts from what was measured: a particle filter on the generative model
    cohort      parameters fitted to the configured targets, batches of patients, interventions, rows of tables
    hourly      days refined to hours, and what can be inferred from them
    checks      whether a cohort is what was configured, and how it compares with the literature

Does not belong here: what learns from simulated patients (aline/, twin/).
"""
