"""Errors that a user can act on: the command line prints them as one paragraph and exits with 1."""

from __future__ import annotations


class HeavyliftError(Exception):
    """An error that a user can act on; the message says what is wrong, where, and the remedy."""
