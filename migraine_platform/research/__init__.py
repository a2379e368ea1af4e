"""What no asset or command uses: methods that were compared, and references that tests and benchmarks need.

imputation: filling gaps by a joint Gaussian. No model of the platform needs it, for the twins' filters leave gaps out.
"""
