"""OSS of one account in one region: its operations, on one store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localcloud.kms.model import State
from localcloud.oss.operations.appends import AppendOperations
from localcloud.oss.operations.buckets import BucketOperations
from localcloud.oss.operations.copies import CopyOperations
from localcloud.oss.operations.events import Events, Subscriber
from localcloud.oss.operations.lifecycle import LifecycleOperations
from localcloud.oss.operations.objects import ObjectOperations
from localcloud.oss.operations.restores import RestoreOperations
from localcloud.oss.operations.symlinks import SymlinkOperations
from localcloud.oss.operations.uploads import UploadOperations
from localcloud.oss.settings.encryption import KeyState
from localcloud.oss.store.store import Store


class OssService:
    """The operations by resource. They block (they write files), are thread-safe, and raise `OssError` with the documented code.

    Args:
        folder: where buckets and objects are kept.
        account_id: the owner of every bucket.
        clock: seconds since the epoch.
        key_state: returns the state of KMS's key of that id; None: there is none.

    Attributes:
        lock: held while the store is used: who gets it without waiting reads a few rows without waiting.

    Raises:
        LocalCloudError: the folder cannot be used as it is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        account_id: str,
        clock: Callable[[], float],
        key_state: KeyState = lambda _: State.ENABLED,
    ) -> None:
        self._store = store = Store(folder)
        self._events = events = Events(clock)
        self.lock = store.lock
        self.blobs = store.blobs
        self.buckets = BucketOperations(store, account_id=account_id, clock=clock)
        self.objects = ObjectOperations(store, events=events, clock=clock, key_state=key_state)
        self.restores = RestoreOperations(store, events=events, clock=clock, key_state=key_state)
        self.symlinks = SymlinkOperations(store, events=events, clock=clock, key_state=key_state)
        self.appends = AppendOperations(store, events=events, clock=clock, key_state=key_state)
        self.uploads = UploadOperations(store, events=events, clock=clock, key_state=key_state)
        self.lifecycle = LifecycleOperations(store, events=events, clock=clock, key_state=key_state)
        self.copies = CopyOperations(
            store, objects=self.objects, uploads=self.uploads, events=events, clock=clock, key_state=key_state
        )

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have every object event told to a function, after it is durable, in the thread that caused it."""
        self._events.subscribe(subscriber)

    def close(self) -> None:
        """Close the store; nothing may be called afterwards."""
        self._store.close()
