"""Amortised inference and the choice of questions: one network gives posteriors and the next query."""
