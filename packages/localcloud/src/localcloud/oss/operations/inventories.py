"""Inventories: a run makes the lists that are due, each with its manifest, in the buckets that they name.

The role of an inventory is asked each time: it has to trust OSS, and to be allowed to put the list. While it is not, or the target
has gone, there is no list, the log says why, and the next run tries again.

Source: OSS, "Bucket inventory".
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from zlib import crc32

from localcloud.kernel.errors import ApiError
from localcloud.oss.errors import OssError, no_such_bucket
from localcloud.oss.model import Attributes, Bucket, Storage, StoredObject, Version
from localcloud.oss.operations.objects import ObjectOperations
from localcloud.oss.settings.collection import INVENTORY
from localcloud.oss.settings.inventories import Inventory, ListFile, inventories_of, pack_list, write_manifest
from localcloud.oss.store.store import Store

MADE = "inventory-made"  # among a bucket's settings: by inventory, when its last list was made, and a checksum of what it was

_LOG = logging.getLogger(__name__)
# Refuses a role that may not write below the beginning of a key into a bucket.
CheckWriter = Callable[[str, Bucket, str], None]
Entry = tuple[Version, bool]  # a version, and whether it is its key's latest


def anybody(role: str, bucket: Bucket, key: str) -> None:
    """Let every role write."""


class InventoryOperations:
    """The inventories of all buckets.

    Args:
        store: where buckets are kept, and read.
        objects: writes the lists.
        clock: seconds since the epoch.
        check_writer: gets a role's ARN, the target and a key; raises an ApiError where the role may not put it.
    """

    def __init__(
        self,
        store: Store,
        *,
        objects: ObjectOperations,
        clock: Callable[[], float],
        check_writer: CheckWriter = anybody,
    ) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._check_writer = check_writer
        self._ending = threading.Event()

    def end(self) -> None:
        """Have the list that is being made given up, and all that follow; a later run makes them."""
        self._ending.set()

    def make(self, now: float | None = None) -> int:
        """Make the lists that are due.

        Args:
            now: the moment, in seconds since the epoch; None: the clock's.

        Returns:
            The number of lists that were made.
        """
        moment = self._clock() if now is None else now
        return sum(self._make_all(bucket, moment) for bucket in self._store.buckets.all())

    def _make_all(self, bucket: Bucket, now: float) -> int:
        made = json.loads(bucket.settings.get(MADE, "{}"))
        count = 0
        for inventory in inventories_of(bucket):
            checksum = crc32(bucket.settings[INVENTORY.key(inventory.name)].encode())
            last, known = made.get(inventory.name, (None, None))
            if inventory.is_due(now, last if known == checksum else None) and self._make(bucket, inventory, now):
                made[inventory.name] = [now, checksum]
                count += 1
        if count:
            self._remember(bucket, made)
        return count

    def _make(self, bucket: Bucket, inventory: Inventory, now: float) -> bool:
        folder = inventory.folder(bucket.name)
        moment = time.strftime("%Y-%m-%dT%H-%MZ", time.gmtime(now))
        try:
            target = self._store.buckets.get(inventory.target)
            if target.owner != bucket.owner:
                raise OssError("AccessDenied", f"the bucket {target.name} is another account's")
            self._check_writer(inventory.role, target, folder)
            entries = self._until_end(self._store.versions.after(bucket.name, inventory.filter.prefix))
            item = self._put(
                inventory,
                f"{folder}data/{uuid.uuid4()}.csv.gz",
                pack_list(bucket.name, inventory, entries),
                bucket.owner,
            )
            file = ListFile(item.key, item.size, bytes.fromhex(item.etag))
            manifest = write_manifest(bucket.name, inventory, [file], now)
            checksum = hashlib.md5(manifest, usedforsecurity=False).hexdigest().upper()
            self._put(inventory, f"{folder}{moment}/manifest.json", [manifest], bucket.owner)
            self._put(inventory, f"{folder}{moment}/manifest.checksum", [checksum.encode()], bucket.owner)
        except ApiError as error:
            _LOG.warning("the inventory %s of %s makes no list: %s", inventory.name, bucket.name, error.message)
            return False
        return True

    def _until_end(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if self._ending.is_set():
                raise OssError("ServiceUnavailable", "the embedded cloud ends; it is made after its next start")
            yield entry

    def _put(self, inventory: Inventory, key: str, content: Iterable[bytes], owner: str) -> StoredObject:
        attributes = Attributes(storage=Storage(encryption=inventory.encryption))
        blob = self._store.blobs.write(content)
        return self._objects.put(inventory.target, key, blob, attributes, requester=owner)

    def _remember(self, bucket: Bucket, made: dict[str, object]) -> None:
        """Keep what was made, of the inventories that the bucket still has."""

        def change(present: Bucket | None) -> Bucket:
            if present is None or present.created != bucket.created:
                raise no_such_bucket(bucket.name)
            kept = {name: entry for name, entry in made.items() if name in INVENTORY.of(present)}
            return replace(present, settings={**present.settings, MADE: json.dumps(kept)})

        with contextlib.suppress(OssError):  # gone, or the disk is full: the list is made again
            self._store.buckets.change(bucket.name, change)
