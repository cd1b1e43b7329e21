"""The records of an object: rows of CSV and documents of JSON. Pure.

Source: OSS, "SelectObject": its parameters of the input.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from localcloud.oss.select.values import DataError, Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """The form of a CSV object."""

    record: bytes = b"\n"
    field: bytes = b","
    quote: bytes = b'"'
    comment: bytes = b""
    quoted_records: bool = True  # whether what ends a record may stand in quotation marks
    header: str = "none"  # or use, ignore


@dataclass(frozen=True, slots=True)
class Row:
    """A row of CSV."""

    raw: bytes
    cells: Sequence[str]
    names: dict[str, int]  # number of each column, by its name in lower case

    def get(self, path: Path) -> str | None:
        """See `Record`."""
        number = column_number(path, self.names)
        return self.cells[number] if number is not None and number < len(self.cells) else None


def column_number(path: Path, names: dict[str, int]) -> int | None:
    """Return the number, from 0, of the column that a name or `_N` means; None: none is named so."""
    name = str(path[0]).lower()
    if len(path) > 1:
        return None
    if name in names:
        return names[name]
    return int(name[1:]) - 1 if re.fullmatch(r"_[1-9][0-9]{0,5}", name) else None


@dataclass(frozen=True, slots=True)
class Document:
    """A document of JSON, or a part of one."""

    value: Any

    def get(self, path: Path) -> Any:  # noqa: ANN401
        """See `Record`."""
        value = self.value
        for step in path:
            if isinstance(step, str) and isinstance(value, dict):
                value = value.get(step)
            elif isinstance(step, int) and isinstance(value, list) and step < len(value):
                value = value[step]
            else:
                return None
        return value


def split_rows(content: bytes, dialect: Dialect) -> Iterator[bytes]:
    """Return the rows of CSV as they stand there, without their ends; comments are rows, too.

    Raises:
        DataError: a quotation mark is not closed.
    """
    at = 0
    while at < len(content):
        end, start = content.find(dialect.record, at), at
        if dialect.quoted_records and dialect.quote:
            marks = content.count(dialect.quote, at, end if end >= 0 else len(content))
            while marks % 2:
                if end < 0:
                    raise DataError("The line is invalid: a quotation mark is not closed", "InvalidCsvLine")
                start = end
                end = content.find(dialect.record, end + len(dialect.record))
                marks += content.count(dialect.quote, start, end if end >= 0 else len(content))
        row = content[at : end if end >= 0 else len(content)]
        at = end + len(dialect.record) if end >= 0 else len(content)
        yield row


def is_comment(row: bytes, dialect: Dialect) -> bool:
    """Return True for a row that no query sees."""
    return bool(dialect.comment) and row.startswith(dialect.comment)


def split_cells(row: bytes, dialect: Dialect) -> list[str]:
    """Return the cells of a row."""
    if dialect.record == b"\n":
        row = row.removesuffix(b"\r")
    if not dialect.quote or dialect.quote not in row:
        return [cell.decode("utf-8", "surrogateescape") for cell in row.split(dialect.field)]
    quote, cells, pieces = dialect.quote, [], row.split(dialect.field)
    while pieces:
        cell = pieces.pop(0)
        while cell.startswith(quote) and cell.count(quote) % 2 and pieces:
            cell += dialect.field + pieces.pop(0)
        if cell.startswith(quote) and cell.endswith(quote) and len(cell) >= 2 * len(quote):
            cell = cell[len(quote) : -len(quote)].replace(quote * 2, quote)
        cells.append(cell.decode("utf-8", "surrogateescape"))
    return cells


_BETWEEN = re.compile(r"[\s,]*")


def read_lines(text: str, *, numbers_as_text: bool) -> Iterator[Any]:
    """Return documents that follow one another.

    Raises:
        DataError: not JSON.
    """
    decoder, at = _decoder(numbers_as_text=numbers_as_text), 0
    while True:
        found = _BETWEEN.match(text, at)
        at = found.end() if found else at
        if at >= len(text):
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise DataError(str(error), "InvalidJsonData") from error
        yield value


def read_document(text: str, *, numbers_as_text: bool) -> Any:  # noqa: ANN401
    """Return one document.

    Raises:
        DataError: not JSON.
    """
    try:
        return _decoder(numbers_as_text=numbers_as_text).decode(text)
    except (ValueError, RecursionError) as error:
        raise DataError(str(error), "InvalidJsonData") from error


class _Number(str):
    """A number of JSON that is treated as a text, and written as it was."""


def _decoder(*, numbers_as_text: bool) -> json.JSONDecoder:
    kind = _Number if numbers_as_text else Decimal
    return json.JSONDecoder(parse_float=kind, parse_int=_Number if numbers_as_text else int, parse_constant=_refuse)


def _refuse(name: str) -> Any:  # noqa: ANN401
    raise ValueError(f"{name} is no value of JSON")


def reach(value: Any, source: Path) -> Iterator[Any]:  # noqa: ANN401
    """Return what a source names in a document: more than one where it has [*]."""
    if not source:
        yield value
        return
    step, rest = source[0], source[1:]
    if step == "*" and isinstance(value, list):
        for each in value:
            yield from reach(each, rest)
    elif step != "*":
        inner = Document(value).get((step,))
        if inner is not None:
            yield from reach(inner, rest)


def write_json(value: Any) -> str:  # noqa: ANN401
    """Write JSON without spaces, numbers as they were read, and a slash with a reverse one before it (so the SDK for Go)."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_write_scalar(name)}:{write_json(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write_json(each) for each in value) + "]"
    if isinstance(value, _Number | Decimal):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _write_scalar(value)


def _write_scalar(value: Any) -> str:  # noqa: ANN401
    return json.dumps(value, ensure_ascii=False).replace("/", "\\/")
