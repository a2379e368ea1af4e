"""Migraine digital-twin platform: simulate patients, learn what to ask them, keep a twin of each."""

__version__ = "0.1.0"
