"""Twins for people: figures for the UI (`figures`), one twin in a terminal (`show`)."""
