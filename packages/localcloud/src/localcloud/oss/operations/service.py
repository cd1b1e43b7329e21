"""OSS of all accounts in all regions: its operations, on one store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localcloud.kms.model import State
from localcloud.oss.model import Bucket, ObjectEvent
from localcloud.oss.operations.accesslogs import AccessLogs
from localcloud.oss.operations.appends import AppendOperations
from localcloud.oss.operations.buckets import BucketOperations
from localcloud.oss.operations.copies import CopyOperations
from localcloud.oss.operations.events import Events, Subscriber
from localcloud.oss.operations.fetches import FetchOperations
from localcloud.oss.operations.inventories import CheckWriter, InventoryOperations, anybody
from localcloud.oss.operations.lifecycle import LifecycleOperations
from localcloud.oss.operations.objects import ObjectOperations
from localcloud.oss.operations.owned import OwnObjects
from localcloud.oss.operations.replication import Agents, ReplicationOperations, as_owner
from localcloud.oss.operations.restores import RestoreOperations
from localcloud.oss.operations.symlinks import SymlinkOperations
from localcloud.oss.operations.uploads import UploadOperations
from localcloud.oss.settings.encryption import KeyState
from localcloud.oss.store.store import Store


class OssService:
    """The operations by resource. They block (they write files), are thread-safe, and raise `OssError` with the documented code.

    Args:
        folder: where buckets and objects are kept.
        account_id: the first account.
        region: the home region: of the other services, and of buckets that are made without naming one.
        clock: seconds since the epoch.
        key_state: returns the state of an account's key of that id in KMS; None: there is none.
        check_writer: see `InventoryOperations`.
        agents: says what a rule of replication may do.

    Attributes:
        buckets: those of the first account.
        lock: held while the store is used: who gets it without waiting reads a few rows without waiting.

    Raises:
        LocalCloudError: the folder cannot be used as it is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        account_id: str,
        region: str,
        clock: Callable[[], float],
        key_state: KeyState = lambda _, __: State.ENABLED,
        check_writer: CheckWriter = anybody,
        agents: Agents = as_owner,
    ) -> None:
        self._clock = clock
        self._region = region
        self._store = store = Store(folder, account_id, region)
        self._events = events = Events(clock)
        self.lock = store.lock
        self.blobs = store.blobs
        self.accesses = store.accesses
        self.buckets = self.buckets_of(account_id)
        self.objects = ObjectOperations(store, events=events, clock=clock, key_state=key_state)
        self.restores = RestoreOperations(store, events=events, clock=clock, key_state=key_state)
        self.symlinks = SymlinkOperations(store, events=events, clock=clock, key_state=key_state)
        self.appends = AppendOperations(store, events=events, clock=clock, key_state=key_state)
        self.uploads = UploadOperations(store, events=events, clock=clock, key_state=key_state)
        self.lifecycle = LifecycleOperations(store, events=events, clock=clock, key_state=key_state)
        self.inventories = InventoryOperations(store, objects=self.objects, clock=clock, check_writer=check_writer)
        self.fetches = FetchOperations(store, objects=self.objects, clock=clock)
        self.logs = AccessLogs(store, objects=self.objects, folder=folder / "logs", clock=clock)
        self.replication = ReplicationOperations(store, events=events, clock=clock, key_state=key_state, agents=agents)
        self.copies = CopyOperations(
            store, objects=self.objects, uploads=self.uploads, events=events, clock=clock, key_state=key_state
        )

    def buckets_of(self, account_id: str) -> BucketOperations:
        """Return the operations on an account's buckets."""
        return BucketOperations(self._store, account_id=account_id, region=self._region, clock=self._clock)

    def objects_of(self, account_id: str) -> OwnObjects:
        """Return the objects of an account, as services of the cloud read them."""
        return OwnObjects(self.objects, self.buckets_of(account_id), region=self._region)

    def find_bucket(self, name: str) -> Bucket | None:
        """Return a bucket, whoever owns it, or None; it does not wait for anything."""
        return self._store.buckets.find(name)

    def get_bucket(self, name: str) -> Bucket:
        """Return a bucket, whoever owns it.

        Raises:
            OssError: NoSuchBucket.
        """
        return self._store.buckets.get(name)

    def all_buckets(self) -> list[Bucket]:
        """Return the buckets of all accounts in order of their names."""
        return self._store.buckets.all()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have every object event in the first account's buckets of the home region told to a function.

        It is told after it is durable, in its thread.
        """

        def tell(event: ObjectEvent) -> None:
            bucket = self.buckets.find(event.bucket)
            if bucket and bucket.region == self._region:
                subscriber(event)

        self._events.subscribe(tell)

    def close(self) -> None:
        """Close the store; nothing may be called afterwards."""
        self._store.close()
