"""The contents of an account's SLS at one moment, and the names that they share with other accounts'."""

from __future__ import annotations

import threading
from collections.abc import Callable

from localcloud.kernel.documents import KeptDocument
from localcloud.kernel.keeper import Keeper
from localcloud.sls.errors import SlsError
from localcloud.sls.model import NAME, NAME_RULE, Contents


class ProjectNames:
    """The names of all accounts' projects: none is of two.

    Attributes:
        lock: held while the contents of any account change.
        keepers: they keep the contents of the accounts.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.keepers: list[ContentKeeper] = []

    def is_taken(self, name: str) -> bool:
        """Return True if a project has that name, whoever owns it."""
        return any(keeper.has_project(name) for keeper in self.keepers)


class ContentKeeper(Keeper[Contents]):
    """Keeps the contents of one account; see `Keeper`.

    Args:
        store: where contents are kept.
        clock: seconds since the epoch.
        names: those of all accounts' projects.

    Raises:
        LocalCloudError: the state on disk cannot be read.
    """

    def __init__(self, store: KeptDocument[Contents], *, clock: Callable[[], float], names: ProjectNames) -> None:
        super().__init__(store, clock=clock, lock=names.lock)
        self._is_taken = names.is_taken
        names.keepers.append(self)

    def has_project(self, name: str) -> bool:
        """Return True if there is a project of that name."""
        return name in self._kept.projects


def check_name(kind: str, name: str, code: str) -> None:
    """Refuse a name of another form.

    Raises:
        SlsError: with that code.
    """
    if not NAME.fullmatch(name):
        raise SlsError(code, f"{kind} name {name[:80]!r} is invalid: use {NAME_RULE}")
