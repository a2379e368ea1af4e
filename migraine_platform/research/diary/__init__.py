"""A new patient's diary as a task: which past days to ask about."""
