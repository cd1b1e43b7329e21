"""The lifecycle of objects and uploads: a run does what the rules of all buckets say of a moment."""

from __future__ import annotations

import contextlib

from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket, StoredObject
from localcloud.oss.operations.base import Operations
from localcloud.oss.settings.expiry import Rule, rules_of
from localcloud.oss.settings.worm import is_protected


class LifecycleOperations(Operations):
    """The lifecycle rules of one account's buckets."""

    def apply(self, now: float | None = None) -> int:
        """Delete the objects and abort the uploads that are due, and return how many.

        Args:
            now: the moment, in seconds since the epoch; None: the clock's.
        """
        moment = self._clock() if now is None else now
        return sum(
            self._apply(bucket, rules, moment) for bucket in self._store.buckets.all() if (rules := rules_of(bucket))
        )

    def _apply(self, bucket: Bucket, rules: list[Rule], now: float) -> int:
        count = 0

        def is_due(item: StoredObject) -> bool:
            return any(rule.expires(item, now) for rule in rules) and not is_protected(bucket, item.modified, now)

        with contextlib.suppress(
            OssError
        ):  # the bucket was deleted meanwhile, or the disk is full: the next run goes on
            for item in self._store.objects.after(bucket.name, "", ""):
                if is_due(item) and self._store.objects.delete(bucket.name, item.key, now=now, when=is_due).item:
                    count += 1
            for upload in self._store.uploads.all(bucket.name):
                if any(rule.aborts(upload, now) for rule in rules):
                    self._store.uploads.abort(upload)
                    count += 1
        return count
