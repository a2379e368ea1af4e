"""What no asset or command uses: published benchmarks, and references that only tests and benchmarks need.

ideal_learner      the ceiling of twins: the true population model, the patient's parameters learned from his days
location_finding   the published benchmark of adaptive design: where is the source?
psychometric       which stimulus to show, depending on what about the observer matters
logistic           logistic regression on the mock distribution, with its exact posterior
diary              which past days of a new patient's diary to ask about
imputation         filling gaps by a joint Gaussian; no model needs it, for the twins' filters leave gaps out
budget             how long training lasts: so many rounds, or so many minutes
"""
