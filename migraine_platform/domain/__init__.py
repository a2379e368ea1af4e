"""What exists, declared once: the triggers of migraine and the kinds of change of a person.

Begin with `triggers`. Names of columns, sizes of arrays and labels are derived from here. Does not belong here:
numbers, which are settings (config/), and what is computed.
"""
