"""The one base of errors that a user can mend."""

from __future__ import annotations


class UserError(Exception):
    """Bad input or an impossible request: the message alone says what is wrong, where, and what was expected."""
