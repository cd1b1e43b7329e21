"""The effects of a bucket's lifecycle rules on objects, versions and uploads at a moment. Pure.

A day of a rule is 24 hours from the object's last change, or from when a version ceased to be current (assumed: OSS rounds up to
its nightly run). Of a version that is not current any more, the last access counts as that of the object before it (assumed).

Sources: OSS, "Lifecycle rules based on the last modified time", "… on the last access time"; PutBucketLifecycle.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote
from xml.etree.ElementTree import Element

from localcloud.kernel.times import to_http
from localcloud.oss.model import Bucket, DeleteMarker, ObjectKind, StoredObject, Upload
from localcloud.oss.settings.lifecycle import COLDER, SETTING, read_date
from localcloud.oss.settings.tags import tags_of
from localcloud.oss.xml import parse

DAY = 86_400.0  # seconds
SMALL = 64 * 1024  # bytes; OSS, PutBucketLifecycle, AllowSmallFile
LAST = 253_402_214_400.0  # the last midnight that a header can name, of 9999-12-31 (RFC 9110 section 5.6.7)


@dataclass(frozen=True, kw_only=True, slots=True)
class When:
    """The moment at which an action is due; one of the three."""

    days: int | None = None  # after the last change
    before: float | None = None  # for what was changed before it, in seconds since the epoch
    date: float | None = None  # from it on, in seconds since the epoch

    def has_come(self, modified: float, now: float) -> bool:
        """Return True if it has come for something that was changed last at a moment."""
        if self.days is not None:
            return now >= modified + self.days * DAY
        if self.before is not None:
            return modified < self.before <= now
        return self.date is not None and now >= self.date

    def moment(self, modified: float) -> float | None:
        """Return when it comes, in seconds since the epoch, for something that was changed last at a moment; None: never."""
        if self.days is not None:
            return modified + self.days * DAY
        return self.date if self.before is None else self.before if modified < self.before else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A move into a colder storage class."""

    when: When
    storage_class: str
    by_access: bool = False  # the days are those since the last access
    returns: bool = False  # an object that is read again goes back to Standard
    spares_small: bool = False  # what is smaller than `SMALL` stays


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """Objects that a rule leaves out."""

    prefix: str
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """An enabled rule."""

    name: str
    prefix: str
    tags: Mapping[str, str]
    larger_than: int | None  # bytes
    smaller_than: int | None  # bytes
    excluded: tuple[Exclusion, ...]
    expiration: When | None
    abort: When | None
    transitions: tuple[Transition, ...]
    drops_markers: bool  # delete markers that hide nothing any more
    noncurrent_expiration: When | None
    noncurrent_transitions: tuple[Transition, ...]

    def expires(self, item: StoredObject, now: float, since: float | None = None) -> bool:
        """Return True if the rule deletes an object or a version at a moment.

        Args:
            item: the object or version.
            now: the moment, in seconds since the epoch.
            since: when the version ceased to be current; None: it is current.
        """
        when, begin = (self.expiration, item.modified) if since is None else (self.noncurrent_expiration, since)
        return when is not None and when.has_come(begin, now) and self._speaks_of(item)

    def expiry(self, item: StoredObject) -> float | None:
        """Return when the rule deletes an object if it stays as it is, in seconds since the epoch; None: never."""
        if self.expiration is None or not self._speaks_of(item):
            return None
        return self.expiration.moment(item.modified)

    def drops(self, marker: DeleteMarker, now: float, since: float | None) -> bool:
        """Return True if the rule removes a delete marker that hides nothing; arguments as in `expires`."""
        if not marker.key.startswith(self.prefix):
            return False
        if since is None:
            return self.drops_markers
        return self.noncurrent_expiration is not None and self.noncurrent_expiration.has_come(since, now)

    @property
    def asks_for_access(self) -> bool:
        """True if a transition asks when an object was last accessed."""
        return any(each.by_access for each in (*self.transitions, *self.noncurrent_transitions))

    def moves(self, item: StoredObject, now: float, since: float | None, accessed: float | None) -> list[str]:
        """Return the storage classes that the rule moves an object or a version to.

        Args:
            item: see `expires`.
            now: likewise.
            since: likewise.
            accessed: when it was last accessed, in seconds since the epoch; None: that is not tracked.
        """
        transitions, begin = (
            (self.transitions, item.modified) if since is None else (self.noncurrent_transitions, since)
        )
        due = [
            each.storage_class
            for each in transitions
            if (start := accessed if each.by_access else begin) is not None
            and each.when.has_come(start, now)
            and not (each.spares_small and item.size < SMALL)
        ]
        return due if due and self._speaks_of(item) else []

    def returns(self, item: StoredObject, now: float, accessed: float) -> bool:
        """Return True if the rule moves an object in IA back to Standard; arguments as in `moves`."""
        return any(
            each.returns and each.by_access and each.storage_class == "IA" and not each.when.has_come(accessed, now)
            for each in self.transitions
        ) and self._speaks_of(item)

    def aborts(self, upload: Upload, now: float) -> bool:
        """Return True if the rule aborts an upload at a moment; tags and sizes are those of objects."""
        return (
            self.abort is not None and self.abort.has_come(upload.initiated, now) and upload.key.startswith(self.prefix)
        )

    def _speaks_of(self, item: StoredObject) -> bool:
        if not item.key.startswith(self.prefix):
            return False
        if (self.larger_than is not None and item.size <= self.larger_than) or (
            self.smaller_than is not None and item.size >= self.smaller_than
        ):
            return False
        tags = tags_of(item.attributes.tagging) if self.tags or self.excluded else {}
        return self.tags.items() <= tags.items() and not any(
            item.key.startswith(each.prefix) and each.tags.items() <= tags.items() for each in self.excluded
        )


def colder_class(
    rules: Iterable[Rule], item: StoredObject, now: float, since: float | None, accessed: float | None = None
) -> str | None:
    """Return the coldest storage class that rules move an object or a version to; None: it stays where it is.

    Arguments are as in `Rule.moves`.

    Symlinks stay, having no bytes of their own (assumed); appendable objects get colder than Archive when they are sealed.
    Source: OSS, SealAppendObject.
    """
    if item.symlink_target is not None:
        return None
    limit = COLDER["Archive"] if item.kind is ObjectKind.APPENDABLE and item.sealed is None else max(COLDER.values())
    moves = {storage_class for rule in rules for storage_class in rule.moves(item, now, since, accessed)}
    due = {storage_class for storage_class in moves if COLDER[storage_class] <= limit}
    coldest = max(due, key=COLDER.__getitem__, default=None)
    present = COLDER.get(item.attributes.storage.storage_class or "", 0)
    return coldest if coldest is not None and COLDER[coldest] > present else None


def rules_of(bucket: Bucket) -> Sequence[Rule]:
    """Return the enabled rules of a bucket."""
    document = bucket.settings.get(SETTING.parameter)
    return _read(document) if document is not None else ()


@lru_cache(maxsize=32)  # each reading of an object asks for its bucket's
def _read(document: str) -> Sequence[Rule]:
    rules = parse(document.encode(), SETTING.root).findall("Rule")
    return [_rule(element) for element in rules if element.findtext("Status") == "Enabled"]


def expiration_of(bucket: Bucket, item: StoredObject) -> str | None:
    """Return when a bucket's rules delete an object, and by which one, as `x-oss-expiration` tells it; None: they do not.

    The midnight in UTC at which or after which that is, and of several rules the first (assumed: both as S3 has them). Rules that
    reach beyond `LAST` are as none.

    Source: OSS, "Lifecycle rules based on the last modified time".
    """
    due = [
        (moment, rule.name) for rule in rules_of(bucket) if (moment := rule.expiry(item)) is not None and moment <= LAST
    ]
    if not due:
        return None
    moment, name = min(due)
    return f'expiry-date="{to_http(math.ceil(moment / DAY) * DAY)}", rule-id="{quote(name)}"'


def _rule(element: Element) -> Rule:
    return Rule(
        name=element.findtext("ID") or "",
        prefix=element.findtext("Prefix") or "",
        tags=_tags(element.findall("Tag")),
        larger_than=_size(element, "ObjectSizeGreaterThan"),
        smaller_than=_size(element, "ObjectSizeLessThan"),
        excluded=tuple(
            Exclusion(prefix=each.findtext("Prefix") or "", tags=_tags(each.findall("Tag")))
            for each in element.findall("Filter/Not")
        ),
        expiration=_when(element.find("Expiration")),
        abort=_when(element.find("AbortMultipartUpload")),
        transitions=_transitions(element, "Transition"),
        drops_markers=element.findtext("Expiration/ExpiredObjectDeleteMarker") == "true",
        noncurrent_expiration=_when(element.find("NoncurrentVersionExpiration")),
        noncurrent_transitions=_transitions(element, "NoncurrentVersionTransition"),
    )


def _when(action: Element | None) -> When | None:
    if action is None:
        return None
    before, date = action.findtext("CreatedBeforeDate"), action.findtext("Date")
    days = action.findtext("Days") or action.findtext("NoncurrentDays")
    return When(
        days=int(days) if days else None,
        before=read_date("CreatedBeforeDate", before) if before else None,
        date=read_date("Date", date) if date else None,
    )


def _transitions(rule: Element, action: str) -> tuple[Transition, ...]:
    return tuple(
        Transition(
            when=when,
            storage_class=element.findtext("StorageClass") or "",
            by_access=element.findtext("IsAccessTime") == "true",
            returns=element.findtext("ReturnToStdWhenVisit") == "true",
            spares_small=element.findtext("AllowSmallFile") == "false",
        )
        for element in rule.findall(action)
        if (when := _when(element)) is not None
    )


def _size(element: Element, name: str) -> int | None:
    text = element.findtext(f"Filter/{name}")
    return int(text) if text else None


def _tags(elements: Iterable[Element]) -> dict[str, str]:
    return {tag.findtext("Key") or "": tag.findtext("Value") or "" for tag in elements}
