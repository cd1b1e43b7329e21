"""The language of queries: a request's document, and the condition in it."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.kernel.values import read_json
from localcloud.oss.metaquery.fields import FIELDS, find_field, invalid
from localcloud.oss.metaquery.places import Place, read_token
from localcloud.oss.model import StoredObject
from localcloud.oss.settings.schema import check_form, choice, group, text
from localcloud.oss.xml import parse

MAX_RESULTS = 100
MAX_QUERY = 16 * 1024  # characters; assumed
MAX_CONDITIONS = 100  # in a query; assumed
MAX_AGGREGATIONS = 20  # in a request; assumed
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
APART = frozenset({"distinct", "group"})  # which tell values apart
_COUNTS = APART | {"count"}
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
    behind: Place | None  # the value and the key that the page begins behind
    limit: int  # results of a page
    aggregations: Sequence[Aggregation]


def read_query(body: bytes) -> Query:
    """Read a request's document.

    Raises:
        OssError: MalformedXML, InvalidArgument.
    """
    document = parse(body, "MetaQuery")
    check_form(document, _FORM)
    said = {element.tag: element.text or "" for element in document}
    sort = said.get("Sort") or "Filename"
    if not find_field("Sort", sort).sorts:
        raise invalid("Sort", sort, "objects cannot be sorted by this field")
    aggregations = [
        Aggregation(each.findtext("Field") or "", each.findtext("Operation") or "")
        for each in document.findall("Aggregations/Aggregation")
    ]
    if len(aggregations) > MAX_AGGREGATIONS:
        raise invalid("Aggregations", "", f"there are more than {MAX_AGGREGATIONS}")
    for each in aggregations:
        _check_aggregation(each)
    return Query(
        holds=_read_condition(said.get("Query", "")),
        sort=sort,
        descends="Sort" in said and said["Sort"] != "" and said.get("Order") != "asc",
        behind=read_token(said.get("NextToken", ""), FIELDS[sort]),
        limit=_read_limit(said.get("MaxResults", "")),
        aggregations=aggregations,
    )


def _check_aggregation(aggregation: Aggregation) -> None:
    field = find_field("Field", aggregation.name)
    known = aggregation.operation in (_TOTALS if field.totals else ()) or (
        field.sorts and aggregation.operation in _COUNTS
    )
    if not known:
        raise invalid("Operation", aggregation.operation, f"it does not go with the field {aggregation.name}")


def _read_limit(value: str) -> int:
    if value and not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise invalid("MaxResults", value, "it is no number")
    return min(int(value or 0) or MAX_RESULTS, MAX_RESULTS)


def _read_condition(query: str) -> Condition:
    if not query or len(query) > MAX_QUERY:
        raise invalid("Query", query, f"it has 1 to {MAX_QUERY} characters")
    try:
        said = read_json((query if '"' in query else query.replace("'", '"')).encode())
    except ValueError as error:
        raise invalid("Query", query, "it is no JSON") from error
    return _condition(said, [MAX_CONDITIONS])


def _condition(said: object, left: list[int]) -> Condition:
    """Return the condition that a part of a query describes; `left` counts down those that there may still be."""
    left[0] -= 1
    if left[0] < 0:
        raise invalid("Query", "", f"it has more than {MAX_CONDITIONS} conditions")
    if not isinstance(said, dict):
        raise invalid("Query", json.dumps(said), "a condition is an object of JSON")
    operation = said.get("Operation")
    if "SubQueries" in said:
        if not isinstance(said["SubQueries"], list) or not said["SubQueries"]:
            raise invalid("SubQueries", json.dumps(said["SubQueries"]), "they are a list of conditions")
        parts = [_condition(each, left) for each in said["SubQueries"]]
        match operation:
            case "and":
                return lambda item: all(part(item) for part in parts)
            case "or":
                return lambda item: any(part(item) for part in parts)
            case "not":
                return lambda item: not any(part(item) for part in parts)
        raise invalid("Operation", json.dumps(operation), "SubQueries go with and, or and not")
    name, value = said.get("Field"), said.get("Value")
    if not isinstance(name, str) or not isinstance(operation, str) or isinstance(value, (dict, list, type(None))):
        raise invalid("Query", json.dumps(said), "a condition has Field, Operation and Value, or SubQueries")
    return _comparison(name, operation, value if isinstance(value, str) else json.dumps(value))


def _comparison(name: str, operation: str, value: str) -> Condition:
    field = find_field("Field", name)
    if operation not in _COMPARISONS or (operation in {"match", "prefix"} and operation not in field.extra):
        raise invalid("Operation", operation, f"it does not go with the field {name}")
    try:
        wanted = field.parse(value)
    except ValueError as error:
        raise invalid("Value", value, f"it is no value of the field {name}") from error
    compare, read = _COMPARISONS[operation], field.read

    def holds(item: StoredObject) -> bool:
        found = read(item)
        return found is not None and compare(found, wanted)

    return holds
