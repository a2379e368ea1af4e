"""Digital twins: a personal model for every patient, batched over patients, calibrated, explained.

Begin with `core.twins`, what a twin is and how an evening updates it, and `core.prediction`, its forecast of tomorrow.
The groups, each of which imports only from those before it:

    data        days as arrays, and one patient's day as people and services look at it
    dynamics    how days follow each other: state space by Kalman filter, mixture of experts
    hazard      the chance of an onset: hypotheses of who the patient is, filtered day by day
    core        the model that all twins share, the twins, their forecasts, the checks before these are published
    drift       whether a patient has changed, in what, and since when
    triggers    what a patient's triggers do: sensitivities, thresholds, interactions
    symptoms    how a patient's attacks go: phases, time to the next, signs that announce it
    updating    one evening of twins: filter, forecast, watch, adapt, retrain; twins as files and rows
    cohort      all twins of a cohort: made, updated by batch every night, replayed after late observations, audited
    reporting   figures, and one twin for a terminal

Does not belong here: how models compare (evaluation/), what starts an update (defs/).
"""
