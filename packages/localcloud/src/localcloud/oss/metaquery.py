"""Scalar queries over the objects of a bucket (DoMetaQuery in the mode `basic`): their language, pages and aggregations. Pure.

That a query with aggregations lists no files is from Intelligent Media Management, SimpleQuery, which OSS asks. `match` finds its
value anywhere in a name, whatever its case; `not` holds where none of its conditions does; pages are ordered by name where `Sort`
is missing or its field is the same, and by a field from low to high only if `Order` says so (all assumed).

Sources: OSS, DoMetaQuery; "Supported fields and operators" (which operation goes with which field); the suites of OSS's SDKs for
Python (more than 100 results may be asked for) and PHP (quotation marks may be single).
"""

from __future__ import annotations

import base64
import heapq
import json
import operator
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, datetime
from functools import cmp_to_key
from typing import Any

from localcloud.kernel.values import read_json
from localcloud.oss.errors import OssError
from localcloud.oss.model import StoredObject
from localcloud.oss.settings.encryption import ALGORITHM
from localcloud.oss.settings.schema import check_form, choice, group, text
from localcloud.oss.settings.tags import tags_of
from localcloud.oss.xml import parse

MAX_RESULTS = 100
MAX_QUERY = 16 * 1024  # characters; assumed
MAX_CONDITIONS = 100  # in a query; assumed
MAX_AGGREGATIONS = 20  # in a request; assumed
MAX_VALUES = 100_000  # that an aggregation tells apart; assumed
MAX_GROUPS = 100  # those with the most objects; assumed
MICROSECONDS = 6  # decimal places of times
BEIJING = 8 * 3600  # seconds that the times of answers are ahead of UTC
META, TAG = "OSSUserMeta.", "OSSTagging."
Value = str | float  # of a field
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "match": lambda found, wanted: wanted.lower() in found.lower(),
    "prefix": lambda found, wanted: found.startswith(wanted),
}
_TOTALS = frozenset({"min", "max", "sum", "average"})
_APART = frozenset({"distinct", "group"})  # which tell values apart
_COUNTS = _APART | {"count"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A field of objects.

    Attributes:
        read: returns its value; None: the object has none.
        parse: reads a query's value.
        numeric: its values are numbers.
        extra: the comparisons that it has beside those of order.
        totals: it can be added up.
        sorts: objects can be sorted and grouped by it.
    """

    read: Callable[[StoredObject], Value | None]
    parse: Callable[[str], Value] = str
    numeric: bool = False
    extra: frozenset[str] = frozenset({"prefix"})
    totals: bool = False
    sorts: bool = True


def _parse_time(value: str) -> float:
    moment = datetime.fromisoformat(value)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), MICROSECONDS)


FIELDS: Mapping[str, Field] = {
    "Filename": Field(read=lambda item: item.key, extra=frozenset({"prefix", "match"})),
    "Size": Field(read=lambda item: item.size, parse=float, numeric=True, extra=frozenset(), totals=True),
    "FileModifiedTime": Field(
        read=lambda item: round(item.modified, MICROSECONDS), parse=_parse_time, numeric=True, extra=frozenset()
    ),
    "OSSObjectType": Field(read=lambda item: item.kind.value),
    "OSSStorageClass": Field(read=lambda item: item.attributes.storage.storage_class or "Standard"),
    "ObjectACL": Field(read=lambda item: item.attributes.acl),
    "ETag": Field(read=lambda item: item.etag, parse=lambda value: value.strip('"')),
    "OSSCRC64": Field(read=lambda item: str(item.crc64)),
    "OSSTaggingCount": Field(
        read=lambda item: len(tags_of(item.attributes.tagging)),
        parse=float,
        numeric=True,
        extra=frozenset(),
        totals=True,
    ),
    "ServerSideEncryption": Field(read=lambda item: item.attributes.storage.encryption.get(ALGORITHM)),
    "ContentType": Field(read=lambda item: item.attributes.headers.get("content-type")),
}
Condition = Callable[[StoredObject], bool]
_FORM = {
    "NextToken": text(),
    "MaxResults": text(),
    "Query": text(),
    "Sort": text(),
    "Order": choice("asc", "desc", ""),
    "Aggregations": group(
        {"Aggregation": group({"Field": text(required=True), "Operation": text(required=True)}, many=True)}
    ),
}


@dataclass(frozen=True, slots=True)
class Aggregation:
    """A figure over the objects that a query finds."""

    name: str  # of the field
    operation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A request's query."""

    holds: Condition
    sort: str  # a field's name
    descends: bool
    behind: tuple[Value, str] | None  # the value and the key that the page begins behind
    limit: int  # results of a page
    aggregations: Sequence[Aggregation]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the objects that a query finds."""

    items: Sequence[StoredObject]
    next_token: str  # empty: it is the last one


def read_query(body: bytes) -> Query:
    """Read a request's document.

    Raises:
        OssError: MalformedXML, InvalidArgument.
    """
    document = parse(body, "MetaQuery")
    check_form(document, _FORM)
    said = {element.tag: element.text or "" for element in document}
    sort = said.get("Sort") or "Filename"
    if not _field("Sort", sort).sorts:
        raise _invalid("Sort", sort, "objects cannot be sorted by this field")
    aggregations = [
        Aggregation(each.findtext("Field") or "", each.findtext("Operation") or "")
        for each in document.findall("Aggregations/Aggregation")
    ]
    if len(aggregations) > MAX_AGGREGATIONS:
        raise _invalid("Aggregations", "", f"there are more than {MAX_AGGREGATIONS}")
    for each in aggregations:
        _check_aggregation(each)
    return Query(
        holds=_read_condition(said.get("Query", "")),
        sort=sort,
        descends="Sort" in said and said["Sort"] != "" and said.get("Order") != "asc",
        behind=_read_token(said.get("NextToken", ""), FIELDS[sort]),
        limit=_read_limit(said.get("MaxResults", "")),
        aggregations=aggregations,
    )


def find_page(query: Query, items: Iterable[StoredObject]) -> Page:
    """Return the page of the objects that a query asks for, of all objects of the bucket."""
    read, behind, sign = FIELDS[query.sort].read, query.behind, -1 if query.descends else 1

    def place(item: StoredObject) -> tuple[Value, str]:
        value = read(item)
        return "" if value is None else value, item.key

    def compare(first: tuple[Value, str], second: tuple[Value, str]) -> int:
        if first[0] != second[0]:
            return sign if first[0] > second[0] else -sign  # type: ignore[operator] # both are of the same field
        return (first[1] > second[1]) - (first[1] < second[1])

    found = (item for item in items if query.holds(item) and (behind is None or compare(place(item), behind) > 0))
    order = cmp_to_key(compare)
    some = heapq.nsmallest(query.limit + 1, found, key=lambda item: order(place(item)))
    kept = some[: query.limit]
    return Page(kept, _write_token(place(kept[-1])) if len(some) > query.limit else "")


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
    values: Counter[Value] = dataclass_field(default_factory=Counter)  # those that are told apart

    def add(self, item: StoredObject) -> None:
        """Add an object."""
        value = self.read(item)
        if value is None:
            return
        self.count += 1
        if self.asked.operation in _APART:
            self.values[value] += 1
            if len(self.values) > MAX_VALUES:
                why = f"its objects have more than {MAX_VALUES} different values of {self.asked.name}"
                raise _invalid("Aggregations", self.asked.operation, why)
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


def _check_aggregation(aggregation: Aggregation) -> None:
    field = _field("Field", aggregation.name)
    known = aggregation.operation in (_TOTALS if field.totals else ()) or (
        field.sorts and aggregation.operation in _COUNTS
    )
    if not known:
        raise _invalid("Operation", aggregation.operation, f"it does not go with the field {aggregation.name}")


def _read_limit(value: str) -> int:
    if value and not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise _invalid("MaxResults", value, "it is no number")
    return min(int(value or 0) or MAX_RESULTS, MAX_RESULTS)


def _read_condition(query: str) -> Condition:
    if not query or len(query) > MAX_QUERY:
        raise _invalid("Query", query, f"it has 1 to {MAX_QUERY} characters")
    try:
        said = read_json((query if '"' in query else query.replace("'", '"')).encode())
    except ValueError as error:
        raise _invalid("Query", query, "it is no JSON") from error
    return _condition(said, [MAX_CONDITIONS])


def _condition(said: object, left: list[int]) -> Condition:
    """Return the condition that a part of a query describes; `left` counts down those that there may still be."""
    left[0] -= 1
    if left[0] < 0:
        raise _invalid("Query", "", f"it has more than {MAX_CONDITIONS} conditions")
    if not isinstance(said, dict):
        raise _invalid("Query", json.dumps(said), "a condition is an object of JSON")
    operation = said.get("Operation")
    if "SubQueries" in said:
        if not isinstance(said["SubQueries"], list) or not said["SubQueries"]:
            raise _invalid("SubQueries", json.dumps(said["SubQueries"]), "they are a list of conditions")
        parts = [_condition(each, left) for each in said["SubQueries"]]
        match operation:
            case "and":
                return lambda item: all(part(item) for part in parts)
            case "or":
                return lambda item: any(part(item) for part in parts)
            case "not":
                return lambda item: not any(part(item) for part in parts)
        raise _invalid("Operation", json.dumps(operation), "SubQueries go with and, or and not")
    name, value = said.get("Field"), said.get("Value")
    if not isinstance(name, str) or not isinstance(operation, str) or isinstance(value, (dict, list, type(None))):
        raise _invalid("Query", json.dumps(said), "a condition has Field, Operation and Value, or SubQueries")
    return _comparison(name, operation, value if isinstance(value, str) else json.dumps(value))


def _comparison(name: str, operation: str, value: str) -> Condition:
    field = _field("Field", name)
    if operation not in _COMPARISONS or (operation in {"match", "prefix"} and operation not in field.extra):
        raise _invalid("Operation", operation, f"it does not go with the field {name}")
    try:
        wanted = field.parse(value)
    except ValueError as error:
        raise _invalid("Value", value, f"it is no value of the field {name}") from error
    compare, read = _COMPARISONS[operation], field.read

    def holds(item: StoredObject) -> bool:
        found = read(item)
        return found is not None and compare(found, wanted)

    return holds


def _field(element: str, name: str) -> Field:
    if name in FIELDS:
        return FIELDS[name]
    if name.startswith(TAG) and name != TAG:
        key = name.removeprefix(TAG)
        return Field(read=lambda item: tags_of(item.attributes.tagging).get(key), sorts=False)
    if name.startswith(META) and name != META:
        header = name.removeprefix(META).lower()
        header = header if header.startswith("x-oss-meta-") else f"x-oss-meta-{header}"
        return Field(read=lambda item: item.attributes.headers.get(header), sorts=False)
    raise _invalid(element, name, f"the fields are {', '.join(FIELDS)}, {META}* and {TAG}*")


def _write_token(place: tuple[Value, str]) -> str:
    value, key = place
    record = [_pack(value) if isinstance(value, str) else value, _pack(key)]
    return base64.urlsafe_b64encode(json.dumps(record).encode()).decode()


def _read_token(token: str, field: Field) -> tuple[Value, str] | None:
    if not token:
        return None
    try:
        value, key = read_json(base64.urlsafe_b64decode(token.encode()))
        place = _unpack(value) if isinstance(value, str) else value, _unpack(key)
    except (ValueError, TypeError) as error:
        raise _invalid("NextToken", token, "no answer has given it") from error
    if not isinstance(value, (int, float) if field.numeric else str):
        raise _invalid("NextToken", token, "no answer to such a query has given it")
    return place


def _pack(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").hex()  # JSON cannot hold every key


def _unpack(text: str) -> str:
    return bytes.fromhex(text).decode("utf-8", "surrogateescape")


def _invalid(name: str, value: str, why: str) -> OssError:
    return OssError(
        "InvalidArgument",
        f"The {name} of the query is not valid: {why}.",
        {"ArgumentName": name, "ArgumentValue": value[:200]},
        ec="0037-00000005",
    )
