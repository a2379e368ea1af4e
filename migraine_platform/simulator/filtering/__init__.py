"""Filtering: what measured days say of tomorrow when the patient's parameters are known.

Begin with `oracle`, the particle filter; `particles` is the cloud, `observed_*` weigh it by what was recorded.
"""
