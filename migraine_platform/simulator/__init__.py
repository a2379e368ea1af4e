"""The generative model of a migraine patient: who they are, their days, their attacks."""
