"""The contents of the account's SLS at one moment, and how they change.

Contents are an immutable value. A change is checked, written to disk, and only then takes effect.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from localcloud.kernel.documents import KeptDocument
from localcloud.sls.errors import SlsError
from localcloud.sls.model import NAME, NAME_RULE, Contents


class ContentKeeper:
    """Keeps the contents; each kind of resource has operations in a subclass.

    Args:
        store: where contents are kept.
        clock: seconds since the epoch.

    Raises:
        LocalCloudError: the state on disk cannot be read.
    """

    def __init__(self, store: KeptDocument[Contents], *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()  # held while something changes
        self._contents = store.load()

    def _save(self, contents: Contents) -> None:
        self._store.save(contents)
        self._contents = contents


def check_name(kind: str, name: str) -> None:
    """Refuse a name of another form.

    Raises:
        SlsError: ParameterInvalid.
    """
    if not NAME.fullmatch(name):
        raise SlsError("ParameterInvalid", f"The {kind} name {name[:80]!r} is invalid: use {NAME_RULE}.")
