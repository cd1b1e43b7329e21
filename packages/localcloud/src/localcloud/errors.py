"""The root of the errors that the embedded cloud tells its operator about (not its API clients)."""

from __future__ import annotations


class LocalCloudError(Exception):
    """What was wrong, where, and what to do about it."""
