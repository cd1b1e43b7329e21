"""Errors of the build: the command line prints them as one paragraph."""

from __future__ import annotations


class BuildError(Exception):
    """What was wrong, where, and what to do about it."""
