"""The ideal learner: the true population model, the patient's parameters learned from his measured days.

Begin with `learner`; it is the ceiling that twins are compared with in `benchmarks/twin_forecast.py`.
"""
