"""What a bucket's lifecycle rules do, and to which objects and uploads, at a moment. Pure.

A day of a rule is 24 hours from the object's last change (assumed: OSS rounds up to its nightly run). Rules by the time of the last
access (`IsAccessTime`) do nothing: the embedded cloud does not record it. Transitions are not made: `not implemented`.

Source: OSS, "Lifecycle rules based on the last modified time"; PutBucketLifecycle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from localcloud.oss.model import Bucket, StoredObject, Upload
from localcloud.oss.settings.lifecycle import SETTING, read_date
from localcloud.oss.settings.tags import tags_of
from localcloud.oss.xml import parse

DAY = 86_400.0  # seconds


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """Objects that a rule leaves out."""

    prefix: str
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """An enabled rule."""

    prefix: str
    tags: Mapping[str, str]
    larger_than: int | None  # bytes
    smaller_than: int | None  # bytes
    excluded: tuple[Exclusion, ...]
    expiration: When | None
    abort: When | None

    def expires(self, item: StoredObject, now: float) -> bool:
        """Return True if the rule deletes an object at a moment."""
        return self.expiration is not None and self.expiration.has_come(item.modified, now) and self._speaks_of(item)

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


def rules_of(bucket: Bucket) -> list[Rule]:
    """Return the enabled rules of a bucket."""
    document = bucket.settings.get(SETTING.parameter)
    if document is None:
        return []
    rules = parse(document.encode(), SETTING.root).findall("Rule")
    return [_rule(element) for element in rules if element.findtext("Status") == "Enabled"]


def _rule(element: Element) -> Rule:
    return Rule(
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
    )


def _when(action: Element | None) -> When | None:
    if action is None:
        return None
    days, before, date = (action.findtext(name) for name in ("Days", "CreatedBeforeDate", "Date"))
    return When(
        days=int(days) if days else None,
        before=read_date("CreatedBeforeDate", before) if before else None,
        date=read_date("Date", date) if date else None,
    )


def _size(element: Element, name: str) -> int | None:
    text = element.findtext(f"Filter/{name}")
    return int(text) if text else None


def _tags(elements: Iterable[Element]) -> dict[str, str]:
    return {tag.findtext("Key") or "": tag.findtext("Value") or "" for tag in elements}
