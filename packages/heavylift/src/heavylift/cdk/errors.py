"""Errors of an app, before anything is synthesized."""

from __future__ import annotations

from collections.abc import Iterable

from heavylift.errors import HeavyliftError


class InfraError(HeavyliftError):
    """The app cannot describe the stack; the message says the remedy."""


class SettingsError(InfraError):
    """Settings are wrong.

    Args:
        problems: one sentence for each; all that were found.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
