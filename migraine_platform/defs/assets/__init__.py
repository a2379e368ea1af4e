"""The assets, a module a stage."""
