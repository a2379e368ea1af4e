"""What a person does not bring about: calendar, weather, cycle, and the features that follow their priors.

Begin with `features`, the copula over an AR(1) process; `weather` has the station files beside it, `trigger_rules` says
which days are trigger days. Does not belong here: what follows from attacks or from the latent state (generative/).
"""
