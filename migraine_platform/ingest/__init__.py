"""Observations from outside: from files of people and devices to rows that can be laid over measured days.

Begin with `inbox`, how files are taken, and `sources/`, one module a kind of file; `recorded` is what is known of each
day then. Does not belong here: what twins make of it (twin/).
"""
