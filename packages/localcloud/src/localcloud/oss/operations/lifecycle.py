"""The lifecycle of objects, their versions and uploads: a run does what the rules of all buckets say of a moment."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import replace

from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket, DeleteMarker, StoredObject, Version
from localcloud.oss.operations.base import Operations
from localcloud.oss.settings import objectworm
from localcloud.oss.settings.expiry import Rule, colder_class, rules_of
from localcloud.oss.settings.monitoring import last_access
from localcloud.oss.settings.worm import is_protected


class LifecycleOperations(Operations):
    """The lifecycle rules of all buckets."""

    def apply(self, now: float | None = None) -> int:
        """Delete the objects and versions, abort the uploads, and move into colder storage what is due.

        Args:
            now: the moment, in seconds since the epoch; None: the clock's.

        Returns:
            The number of objects, versions, delete markers and uploads that were removed.
        """
        moment = self._clock() if now is None else now
        with contextlib.suppress(OssError):  # the disk is full; what was noted in memory is found all the same
            self._store.accesses.write()
        return sum(
            self._apply(bucket, rules, moment) for bucket in self._store.buckets.all() if (rules := rules_of(bucket))
        )

    def _apply(self, bucket: Bucket, rules: Sequence[Rule], now: float) -> int:
        count = 0
        with contextlib.suppress(OssError):  # the bucket has gone meanwhile, or the disk is full: the next run goes on
            entries = self._store.versions.after(bucket.name)
            for _, versions in itertools.groupby((item for item, _ in entries), key=lambda item: item.key):
                count += self._apply_to_key(bucket, rules, list(versions), now)
            for upload in self._store.uploads.after(bucket.name):
                if any(rule.aborts(upload, now) for rule in rules):
                    with contextlib.suppress(OssError):  # it has ended meanwhile
                        self._store.uploads.abort(upload)
                        count += 1
        return count

    def _apply_to_key(self, bucket: Bucket, rules: Sequence[Rule], versions: list[Version], now: float) -> int:
        """Apply rules to all versions of a key, which come from new to old.

        The oldest is first to go, and a delete marker goes only when nothing is left behind it: what it hides never comes to light.
        """
        successors = [None, *(item.modified for item in versions)]
        behind = 0  # older versions that stay
        for item, since in reversed(list(zip(versions, successors, strict=False))):
            if isinstance(item, DeleteMarker):
                gone = not behind and self._drop(rules, item, since, now)
            else:
                gone = self._expire(bucket, rules, item, since, now)
                if not gone:
                    self._move(bucket, rules, item, since, now)
            behind += not gone
        return len(versions) - behind

    def _expire(
        self, bucket: Bucket, rules: Sequence[Rule], item: StoredObject, since: float | None, now: float
    ) -> bool:
        def is_due(found: StoredObject) -> bool:
            if since is not None and self._is_current(item):  # since a moment ago: the newer one was deleted
                return False
            if is_protected(bucket, found.modified, now) or (since is not None and objectworm.is_protected(found, now)):
                return False
            return any(rule.expires(found, now, since) for rule in rules)

        if not is_due(item):
            return False
        version = None if since is None else item.version
        return self._store.objects.delete(item.bucket, item.key, now=now, version=version, when=is_due).item is not None

    def _drop(self, rules: Sequence[Rule], marker: DeleteMarker, since: float | None, now: float) -> bool:
        if not any(rule.drops(marker, now, since) for rule in rules):
            return False
        self._store.objects.delete(marker.bucket, marker.key, now=now, version=marker.version)
        return True

    def _move(self, bucket: Bucket, rules: Sequence[Rule], item: StoredObject, since: float | None, now: float) -> None:
        read = self._store.accesses.find(item.bucket, item.key) if any(rule.asks_for_access for rule in rules) else None

        def next_class(found: StoredObject) -> str | None:
            accessed = last_access(bucket, found.modified, read)
            colder = colder_class(rules, found, now, since, accessed)
            if colder is None and since is None and read is not None and accessed is not None:
                in_ia = found.attributes.storage.storage_class == "IA" and read > found.modified
                return "Standard" if in_ia and any(rule.returns(found, now, accessed) for rule in rules) else None
            return colder

        def change(_: Bucket, before: StoredObject | None) -> StoredObject:
            found = self._existing(before, item.bucket, item.key, item.version)
            storage_class = next_class(found)
            if storage_class is None:  # it was replaced meanwhile
                return found
            storage = replace(found.attributes.storage, storage_class=storage_class)
            return replace(found, attributes=replace(found.attributes, storage=storage), restoration=None)

        if next_class(item) is not None:
            with contextlib.suppress(OssError):  # it was deleted meanwhile
                self._store.objects.change(item.bucket, item.key, change, item.version)

    def _is_current(self, item: StoredObject) -> bool:
        current = self._store.objects.find(item.bucket, item.key)
        return current is not None and current.version == item.version
