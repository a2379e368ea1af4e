"""Observations from outside: from files of people and devices to rows that can be laid over measured days."""
