"""What a query finds: pages of objects, and figures over all of them."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key

from localcloud.oss.metaquery.fields import FIELDS, Value, invalid
from localcloud.oss.metaquery.places import Place, write_token
from localcloud.oss.metaquery.query import APART, Aggregation, Query
from localcloud.oss.model import StoredObject
from localcloud.oss.settings.encryption import ALGORITHM
from localcloud.oss.settings.tags import tags_of

MAX_VALUES = 100_000  # that an aggregation tells apart; assumed
MAX_GROUPS = 100  # those with the most objects; assumed
BEIJING = 8 * 3600  # seconds that the times of answers are ahead of UTC


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the objects that a query finds."""

    items: Sequence[StoredObject]
    next_token: str  # empty: it is the last one


def find_page(query: Query, items: Iterable[StoredObject]) -> Page:
    """Return the page of the objects that a query asks for, of all objects of the bucket."""
    read, behind, sign = FIELDS[query.sort].read, query.behind, -1 if query.descends else 1

    def place(item: StoredObject) -> Place:
        value = read(item)
        return "" if value is None else value, item.key

    def compare(first: Place, second: Place) -> int:
        if first[0] != second[0]:
            return sign if first[0] > second[0] else -sign  # type: ignore[operator] # both are of the same field
        return (first[1] > second[1]) - (first[1] < second[1])

    found = (item for item in items if query.holds(item) and (behind is None or compare(place(item), behind) > 0))
    order = cmp_to_key(compare)
    some = heapq.nsmallest(query.limit + 1, found, key=lambda item: order(place(item)))
    kept = some[: query.limit]
    return Page(kept, write_token(place(kept[-1])) if len(some) > query.limit else "")


def aggregate(query: Query, items: Iterable[StoredObject]) -> list[dict[str, object]]:
    """Return the elements that tell the aggregations of a query over the objects of a bucket that it finds.

    Raises:
        OssError: InvalidArgument (too many different values are to be told apart).
    """
    figures = [_Figure(each, FIELDS[each.name].read) for each in query.aggregations]
    for item in items:
        if query.holds(item):
            for figure in figures:
                figure.add(item)
    return [figure.tell() for figure in figures]


@dataclass(slots=True)
class _Figure:
    """An aggregation, as far as objects were added to it."""

    asked: Aggregation
    read: Callable[[StoredObject], Value | None]
    count: int = 0
    total: float = 0
    least: float | None = None
    most: float | None = None
    values: Counter[Value] = field(default_factory=Counter)  # those that are told apart

    def add(self, item: StoredObject) -> None:
        """Add an object."""
        value = self.read(item)
        if value is None:
            return
        self.count += 1
        if self.asked.operation in APART:
            self.values[value] += 1
            if len(self.values) > MAX_VALUES:
                why = f"its objects have more than {MAX_VALUES} different values of {self.asked.name}"
                raise invalid("Aggregations", self.asked.operation, why)
        elif not isinstance(value, str):
            self.total += value
            self.least = value if self.least is None else min(self.least, value)
            self.most = value if self.most is None else max(self.most, value)

    def tell(self) -> dict[str, object]:
        """Return the elements that tell of it."""
        told: dict[str, object] = {"Field": self.asked.name, "Operation": self.asked.operation}
        match self.asked.operation:
            case "group":
                most = sorted(self.values.items(), key=lambda entry: (-entry[1], str(entry[0])))[:MAX_GROUPS]
                groups = [{"Value": _show(self.asked.name, value), "Count": count} for value, count in most]
                return {**told, "Groups": {"Group": groups}}
            case "distinct":
                return {**told, "Value": len(self.values)}
            case "average":
                return {**told, "Value": self.total / self.count if self.count else None}
            case "count":
                return {**told, "Value": self.count}
            case "sum":
                return {**told, "Value": _number(self.total)}
        end = self.least if self.asked.operation == "min" else self.most
        return {**told, "Value": None if end is None else _number(end)}


def describe(item: StoredObject) -> dict[str, object]:
    """Return the elements that tell of an object."""
    tags = tags_of(item.attributes.tagging)
    metas = {name: value for name, value in item.attributes.headers.items() if name.startswith("x-oss-meta-")}
    return {
        "Filename": item.key,
        "Size": item.size,
        "FileModifiedTime": to_beijing(item.modified),
        "OSSObjectType": item.kind.value,
        "OSSStorageClass": FIELDS["OSSStorageClass"].read(item),
        "ObjectACL": item.attributes.acl,
        "ETag": f'"{item.etag}"',
        "OSSCRC64": str(item.crc64),
        "ServerSideEncryption": item.attributes.storage.encryption.get(ALGORITHM),
        "OSSTaggingCount": len(tags),
        # By key, however they were given: the suite of OSS's SDK for Java.
        "OSSTagging": {"Tagging": _pairs(tags)} if tags else None,
        "OSSUserMeta": {"UserMeta": _pairs(metas)} if metas else None,
    }


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(values.items())]


def to_beijing(moment: float) -> str:
    """Write a moment as `2021-08-02T10:49:17.289372919+08:00`."""
    seconds, microseconds = divmod(round(moment * 1_000_000), 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds + BEIJING))}.{microseconds:06d}000+08:00"


def _show(name: str, value: Value) -> object:
    return to_beijing(value) if name == "FileModifiedTime" and not isinstance(value, str) else _number(value)


def _number(value: Value) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value
