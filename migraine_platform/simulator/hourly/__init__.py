"""Windows of 24 hours: days of simulated trajectories refined to hours, for questions that are asked within a day.

Begin with `windows`; `window_posterior` is the exact answer that a network can be held against.
"""
