"""How a person's days follow each other.

Begin with `kalman`, the linear-Gaussian filter and smoother; `state_space` fits it, `transition` chooses between it and
the mixture of experts (`experts/`).
"""
