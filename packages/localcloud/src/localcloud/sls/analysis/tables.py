"""The logs that a search finds, as a table: the columns that an index offers, and their values.

Sources: SLS, "Create indexes" (analytics is what the API calls `doc_value`), "Reserved fields".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.sls.analysis.types import BIGINT, DOUBLE, TIMESTAMP, VARCHAR, ZONE, Type
from localcloud.sls.model import NANOSECONDS, SOURCE, TOPIC
from localcloud.sls.search.matching import Fields, look_up, to_number

MAX_TEXT = 2048  # bytes of a text that are analyzed, unless an index says otherwise (CreateIndex, max_text_len)
_TEXTS = range(64, 16_384 + 1)  # bytes that it may say
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,19}\s*", re.ASCII)
_TYPES = {"long": BIGINT, "double": DOUBLE}
Row = tuple[int, Fields]  # the time of a log in nanoseconds since the epoch, and its fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a logstore."""

    type: Type
    take: Callable[[int, Mapping[str, str]], Any]  # (time, fields) -> the value


def columns_of(index: Mapping[str, Any]) -> dict[str, Column]:
    """Return the columns of a logstore by name, as its index offers them."""
    most = index.get("max_text_len")
    size = most if isinstance(most, int) and most in _TEXTS else MAX_TEXT
    columns: dict[str, Column] = {}
    for name, key in _members(index.get("keys")).items():
        _add(columns, name, _members(key), size, "")
        for inner, each in _members(_members(key).get("json_keys")).items():
            _add(columns, f"{name}.{inner}", _members(each), size, name)
    columns["__topic__"] = _field(TOPIC, VARCHAR, size)
    columns["__source__"] = _field(SOURCE, VARCHAR, size)
    columns["__time__"] = Column(type=BIGINT, take=lambda time, fields: time // NANOSECONDS)
    columns["__time_ns_part__"] = Column(type=BIGINT, take=lambda time, fields: time % NANOSECONDS)
    columns["__date__"] = Column(type=TIMESTAMP, take=lambda time, fields: time * 1000 // NANOSECONDS + ZONE * 1000)
    return columns


def rows(logs: Iterable[Row], columns: Sequence[Column]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of columns of logs; a log's field that stands in it twice is the first one."""
    takes = [column.take for column in columns]
    for time, fields in logs:
        found = dict(reversed(fields))
        yield tuple(take(time, found) for take in takes)


def _add(columns: dict[str, Column], name: str, key: Mapping[str, Any], size: int, parent: str) -> None:
    if key.get("doc_value") is not True:
        return
    kind = _TYPES.get(str(key.get("type")), VARCHAR)
    columns[name] = _inner(parent, name.removeprefix(f"{parent}."), kind, size) if parent else _field(name, kind, size)
    if isinstance(alias := key.get("alias"), str) and alias:
        columns.setdefault(alias, columns[name])


def _field(name: str, kind: Type, size: int) -> Column:
    convert = _converter(kind, size)
    return Column(type=kind, take=lambda time, fields: convert(fields.get(name)))


def _inner(parent: str, path: str, kind: Type, size: int) -> Column:
    convert = _converter(kind, size)

    def take(time: int, fields: Mapping[str, str]) -> Any:  # noqa: ANN401 - of its type
        text = fields.get(parent)
        return None if text is None else convert(look_up(text, path))

    return Column(type=kind, take=take)


def _converter(kind: Type, size: int) -> Callable[[str | None], Any]:
    if kind == BIGINT:
        return _to_whole
    if kind == DOUBLE:
        return _to_double

    def cut(text: str | None) -> str | None:
        if text is None:
            return None
        content = text.encode("utf-8", "surrogateescape")
        return content[:size].decode("utf-8", "ignore" if len(content) > size else "replace")

    return cut


def _to_whole(text: str | None) -> int | None:
    if text is None or not _WHOLE.fullmatch(text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def _to_double(text: str | None) -> float | None:
    return None if text is None else to_number(text)


def _members(given: object) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}
