"""Logistic regression as a task (`task`), and its exact posterior (`reference`)."""
