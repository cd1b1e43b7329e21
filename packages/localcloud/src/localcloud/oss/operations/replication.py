"""Replication of objects into other buckets: rules are added and closed, and what they want is copied, in the order of the changes.

A copy is what its source is, with its version, its times and its entity tag; what is kept of it otherwise is the target's own. It
is no change that another rule hears of: what comes from elsewhere goes no further.

Sources: see `settings.replication`; Function Compute, "Overview of OSS triggers" (the events of copies). That a copy has its
source's storage class is assumed, and that what cannot be copied, since the target is gone or retains what stands there, never is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

from localcloud.kernel.errors import ApiError
from localcloud.kernel.times import to_milliseconds
from localcloud.oss.errors import OssError
from localcloud.oss.model import NO_PROTECTION, Bucket, DeleteMarker, Storage, StoredObject, Version
from localcloud.oss.operations.acls import check_object_acl
from localcloud.oss.operations.base import Operations
from localcloud.oss.operations.events import Events
from localcloud.oss.settings.encryption import ALGORITHM, KEY, KeyState
from localcloud.oss.settings.replication import (
    CLOSING,
    PARAMETER,
    STARTING,
    Rule,
    change_rule,
    find_rule,
    keep_rules,
    rules_of,
    with_rule,
)
from localcloud.oss.settings.versioning import versioning_of
from localcloud.oss.store.replications import Pending
from localcloud.oss.store.store import Store

PAGE = 100  # versions that are looked up at a time
RETRY = 30.0  # seconds until what was refused is tried again

Allow = Callable[
    [str, Bucket, str], bool
]  # says whether an action is allowed on a bucket, or on the object of a key in it
Agents = Callable[[str, Rule], Allow]  # from the owner of a bucket and a rule of it; raises ApiError

logger = logging.getLogger(__name__)


def as_owner(owner: str, rule: Rule) -> Allow:
    """Allow a rule everything."""
    return lambda action, bucket, key: True


class ReplicationOperations(Operations):
    """The rules of all buckets.

    Args:
        store: where buckets are kept.
        events: told of what copies change.
        clock: seconds since the epoch.
        key_state: returns the state of an account's key of that id in KMS; None: there is none.
        agents: says what a rule may do.
    """

    def __init__(
        self, store: Store, *, events: Events, clock: Callable[[], float], key_state: KeyState, agents: Agents
    ) -> None:
        super().__init__(store, events=events, clock=clock, key_state=key_state)
        self._agents = agents
        store.replications.clock = clock
        self._complained: set[tuple[str, str]] = set()  # rules, of which the log has said why they do not work

    def on_change(self, told: Callable[[], object]) -> None:
        """Have a function called, in any thread, when there is something to copy."""
        self._store.replications.told = told

    def add(self, bucket: str, rule: Rule) -> None:
        """Add a rule to a bucket.

        Raises:
            OssError: NoSuchBucket, and what `with_rule` raises.
        """
        with self._store.lock:
            holder, target = self._store.buckets.get(bucket), self._store.buckets.find(rule.bucket)
            if target and not _may_have(rule, holder, target):
                target = None
            with_rule(holder, rule, target)  # which refuses
            versions = self._versions(bucket, rule) if rule.historical else []
            rule = replace(rule, before=len(versions))

            def note() -> None:
                self._store.replications.drop(bucket, rule.rule_id)
                self._store.replications.note_all(bucket, rule.rule_id, versions)

            self._store.write(note)
            self._keep(bucket, lambda found: with_rule(found, rule, target))

    def _versions(self, bucket: str, rule: Rule) -> list[tuple[str, str]]:
        """Return the versions in a bucket that a rule wants, of each key from old to new."""
        found = [(item.key, item.version) for item, _ in self._store.versions.after(bucket) if rule.wants(item.key)]
        return found[::-1]

    def close(self, bucket: str, rule_id: str) -> bool:
        """Delete a rule, which copies nothing more; return False if it was deleted before. Where there is none, nothing is done.

        Raises:
            OssError: NoSuchBucket, NoSuchReplicationRule (there are others).
        """
        with self._store.lock:
            holder = self._store.buckets.get(bucket)
            if not rules_of(holder):
                return True
            if find_rule(holder, rule_id).closed is not None:
                return False
            self._keep(bucket, lambda found: change_rule(found, rule_id, closed=self._clock()))
            self._store.write(lambda: self._store.replications.drop(bucket, rule_id), frees=True)
        self._store.replications.told()
        return True

    def control_time(self, bucket: str, rule_id: str, *, on: bool) -> None:
        """Switch the control of a rule's replication time.

        Raises:
            OssError: NoSuchBucket, NoSuchReplicationRule.
        """
        self._keep(bucket, lambda found: change_rule(found, rule_id, rtc=on))

    def progress(self, bucket: str, rule: Rule) -> dict[str, object]:
        """Return how far a rule is, as answers have it: the part of what was there before, and the time of what is copied."""
        now = self._clock()
        left, oldest = self._store.replications.left(bucket, rule.rule_id)
        if rule.status(now) != "doing":
            return {"HistoricalObject": "0"}
        done = 1 - left / rule.before if rule.before else 1.0
        return {
            "HistoricalObject": f"{done:g}" if rule.historical else None,
            "NewObject": to_milliseconds(now if oldest is None else oldest),
        }

    def run(self, now: float | None = None) -> int:
        """Copy what the rules that work want, and forget those that are closed.

        Args:
            now: the moment, in seconds since the epoch; None: the clock's.

        Returns:
            The number of versions, markers and deletions that were copied.
        """
        moment, count = self._clock() if now is None else now, 0
        for bucket in self._store.buckets.all():
            for rule in rules_of(bucket):
                if rule.is_gone(moment):
                    self._forget(bucket.name, rule)
                elif rule.status(moment) == "doing":
                    count += self._work(bucket, rule)
        return count

    def due(self) -> float | None:
        """Return the seconds until a run has something to do that nobody tells; None: there is nothing."""
        now = self._clock()
        times = []
        for bucket in self._store.buckets.all():
            for rule in rules_of(bucket):
                if rule.closed is not None:
                    times.append(rule.closed + CLOSING - now)
                elif rule.status(now) == "starting":
                    times.append(rule.created + STARTING - now)
                elif self._store.replications.first(bucket.name, rule.rule_id, 0, 1):
                    times.append(RETRY)
        return max(min(times), 0.0) if times else None

    def _keep(self, bucket: str, change: Callable[[Bucket], str | None]) -> None:
        def change_bucket(found: Bucket | None) -> Bucket:
            holder = found or self._store.buckets.get(bucket)
            document = change(holder)
            settings = {name: value for name, value in holder.settings.items() if name != PARAMETER}
            return replace(holder, settings=settings if document is None else {**settings, PARAMETER: document})

        self._store.buckets.change(bucket, change_bucket)

    def _forget(self, bucket: str, rule: Rule) -> None:
        self._complained.discard((bucket, rule.rule_id))

        def without(found: Bucket) -> str | None:
            return keep_rules([each for each in rules_of(found) if each != rule])

        self._keep(bucket, without)

    def _work(self, bucket: Bucket, rule: Rule) -> int:
        """Copy what a rule wants; what is refused stays for another time."""
        replications, count, behind = self._store.replications, 0, 0
        try:
            if not replications.first(bucket.name, rule.rule_id, 0, 1):
                return 0
            allow = self._agents(bucket.owner, rule)
            if not allow("oss:ReplicateList", bucket, ""):
                raise _refusal("oss:ReplicateList", bucket.name)
            while page := replications.first(bucket.name, rule.rule_id, behind, PAGE):
                for each in page:
                    try:
                        count += self._copy(bucket.name, rule, each, allow)
                    except ApiError as error:
                        self._complain(bucket, rule, error)
                behind = page[-1].number
        except ApiError as error:
            self._complain(bucket, rule, error)
        return count

    def _complain(self, bucket: Bucket, rule: Rule, error: ApiError) -> None:
        if (bucket.name, rule.rule_id) not in self._complained:
            self._complained.add((bucket.name, rule.rule_id))
            logger.warning("the rule %s of %s cannot replicate all: %s", rule.rule_id, bucket.name, error)

    def _copy(self, bucket: str, rule: Rule, pending: Pending, allow: Allow) -> bool:
        """Make a version in the target what it is in the source, if it has to; return False if nothing was done.

        Nobody changes either of them meanwhile.

        Raises:
            ApiError: it is refused, or the disk is full.
        """
        key, version = pending.key, pending.version
        with self._store.lock:
            source, target = self._store.buckets.find(bucket), self._store.buckets.find(rule.bucket)
            found = self._find(bucket, key, version)
            present = self._find(rule.bucket, key, version)
            if (
                source is None
                or target is None
                or not _is_at_work(rule, source, target)
                or not _wants(rule, found, present)
            ):
                self._done(pending)
                return False
            self._check(allow, source, target, key, found)
            try:
                standing = present if isinstance(present, StoredObject) else None
                if found is None or (standing and versioning_of(target) is None):
                    self._check_mutable(target, standing)
                item = self._make_copy(rule, target, found, standing)
            except OssError as error:
                logger.warning("%s of %s is not replicated into %s: %s", key, bucket, rule.bucket, error)
                self._done(pending)
                return False
            blob = None
            if isinstance(found, StoredObject) and isinstance(item, StoredObject) and item.data == found.data:
                blob = self._store.blobs.share(found)
                item = replace(item, data=blob.data)

            def write() -> list[str]:
                freed = self._store.objects.replicate(rule.bucket, key, version, item)
                self._store.replications.remove(pending.number)
                return freed

            with self._store.blobs.giving(blob) if blob else nullcontext():
                freed = self._store.write(write)
            self._store.blobs.drop(freed)
        self._tell(item, present, rule)
        return True

    def _find(self, bucket: str, key: str, version: str) -> Version | None:
        objects = self._store.objects
        return objects.find(bucket, key, version) or objects.find_marker(bucket, key, version)

    def _done(self, pending: Pending) -> None:
        self._store.write(lambda: self._store.replications.remove(pending.number), frees=True)

    def _check(self, allow: Allow, source: Bucket, target: Bucket, key: str, found: Version | None) -> None:
        """Refuse what the rule may not do.

        Raises:
            ApiError: AccessDenied.
        """
        needed = [("oss:ReplicatePut" if isinstance(found, StoredObject) else "oss:ReplicateDelete", target)]
        if isinstance(found, StoredObject):
            needed.append(("oss:ReplicateGet", source))
        for action, bucket in needed:
            if not allow(action, bucket, key):
                raise _refusal(action, f"{bucket.name}/{key}")

    def _make_copy(
        self, rule: Rule, target: Bucket, found: Version | None, present: StoredObject | None
    ) -> Version | None:
        """Return what a version becomes in the target, with the data file of what stands there if its bytes are the same.

        Raises:
            OssError: what `_settle` raises.
        """
        if found is None:
            return None
        if isinstance(found, DeleteMarker):
            return replace(found, bucket=target.name)
        attributes, acl = found.attributes, found.attributes.acl
        try:
            check_object_acl(target, acl)
        except OssError:
            acl = "default"
        encryption = dict(attributes.storage.encryption)
        if encryption.get(ALGORITHM) == "KMS":
            encryption.pop(KEY, None)
            if rule.kms_key:
                encryption[KEY] = rule.kms_key
        storage = self._settle(
            Storage(storage_class=attributes.storage.storage_class, encryption=encryption, protection=NO_PROTECTION),
            target,
        )
        same = present is not None and _bytes_of(present) == _bytes_of(found)
        return replace(
            found,
            bucket=target.name,
            data=present.data if same and present else found.data,
            restoration=None,
            select_meta=None,
            attributes=replace(attributes, acl=acl, storage=storage),
        )

    def _tell(self, item: Version | None, present: Version | None, rule: Rule) -> None:
        told = item or present
        if isinstance(item, StoredObject):
            name = "ObjectModified" if isinstance(present, StoredObject) else "ObjectCreated"
        else:
            name = "ObjectRemoved"
        if isinstance(told, StoredObject):
            self._events.tell(f"ObjectReplication:{name}", told, rule.role or "")


def _may_have(rule: Rule, source: Bucket, target: Bucket) -> bool:
    """Return True if a rule of a bucket may have that target: another account's takes a role, which it lets write there."""
    return target.owner == source.owner or rule.role is not None


def _is_at_work(rule: Rule, source: Bucket, target: Bucket) -> bool:
    """Return True if a bucket has a rule still, which nobody has deleted, and the target is not another one by now."""
    kept = any(each.rule_id == rule.rule_id and each.closed is None for each in rules_of(source))
    return kept and target.region == rule.region and _may_have(rule, source, target)


def _wants(rule: Rule, found: Version | None, present: Version | None) -> bool:
    """Return True if a rule has something to do for a version, as it is in the source and in the target."""
    if isinstance(found, StoredObject):
        return found.attributes.storage.encryption.get(ALGORITHM) != "KMS" or bool(rule.kms)
    if isinstance(found, DeleteMarker):
        return present is None
    return present is not None and rule.deletes


def _bytes_of(item: StoredObject) -> tuple[object, ...]:
    """Return what tells the bytes of an object from those of another one under its key."""
    return item.etag, item.size, item.crc64, item.modified, item.kind, item.symlink_target


def _refusal(action: str, resource: str) -> OssError:
    return OssError("AccessDenied", f"the rule's role may not do {action} on {resource}.")
