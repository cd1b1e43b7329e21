"""Errors that a user can act on: the command line prints them as one paragraph and exits with 1."""

from __future__ import annotations


class HeavyliftError(Exception):
    """What was wrong, where, and what to do about it, in one or two sentences."""
