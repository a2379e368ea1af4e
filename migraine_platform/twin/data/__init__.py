"""Patients' days as arrays, and one patient's state on one day.

Begin with `features`, the order of every array, and `histories`, which reads recorded days into arrays.
"""
