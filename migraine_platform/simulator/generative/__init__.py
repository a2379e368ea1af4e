"""The generative model, the one definition of a patient's days and attacks.

Begin with `model`, what a trajectory is simulated in, and `trajectories`, which simulates it; `hazard` is the chance of
an onset, `attacks` its course, `dynamics` the latent state. Does not belong here: inference (filtering/), or how
parameters are fitted (cohort/).
"""
