"""Diaries of a real study: their patients become twins, and are forecast beside the models one would use else."""
