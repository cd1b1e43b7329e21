"""The state of a service: an immutable value in a document, which each change replaces.

A change is checked, written to disk, and only then takes effect, so a refused or failed change loses nothing, and readers on other
threads always see a whole state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from localcloud.kernel.documents import KeptDocument

State = TypeVar("State")


class Keeper(Generic[State]):
    """Keeps the state; each kind of resource has operations in a subclass.

    Args:
        store: where the state is kept.
        clock: seconds since the epoch.
        lock: held while something changes; None: one of its own.

    Raises:
        LocalCloudError: the state on disk cannot be read.
    """

    def __init__(
        self,
        store: KeptDocument[State],
        *,
        clock: Callable[[], float],
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lock = lock or threading.RLock()
        self._kept = store.load()

    def _save(self, state: State) -> None:
        self._store.save(state)
        self._kept = state
