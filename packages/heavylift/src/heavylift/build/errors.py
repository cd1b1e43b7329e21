"""Errors of the build: the command line prints them as one paragraph."""

from __future__ import annotations

from heavylift.errors import HeavyliftError


class BuildError(HeavyliftError):
    """A build cannot go on; the message says what is wrong, where, and the remedy."""


class MissingModuleError(BuildError):
    """A module of the applib imports one that is not there.

    Args:
        message: as for every error.
        module: the one that was to be imported.
        missing: the one that is not there.
    """

    def __init__(self, message: str, module: str, missing: str) -> None:
        super().__init__(message)
        self.module = module
        self.missing = missing
