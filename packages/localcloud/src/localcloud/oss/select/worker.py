"""The process that runs a query over an object; `localcloud.oss.offload` starts it.

Source: OSS, "SelectObject", "CreateSelectObjectMeta".
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from localcloud.oss.errors import OssError
from localcloud.oss.offload import head, work
from localcloud.oss.select.frames import data_frame, end_frame
from localcloud.oss.select.records import (
    Dialect,
    Document,
    Row,
    column_number,
    is_comment,
    reach,
    read_document,
    read_lines,
    split_cells,
    split_rows,
    write_json,
)
from localcloud.oss.select.sql import Item, Query, parse, wrong
from localcloud.oss.select.values import DataError, Record, number_of

MAX_CONTENT = 128 * 1024**2  # bytes of an object, unpacked
BATCH = 64 * 1024  # bytes of a data frame


def answer(request: Any, source: BinaryIO, output: BinaryIO) -> None:  # noqa: ANN401 - JSON
    """Run a query, or describe an object."""
    content = _read(source, packed=request["gzip"])
    size = request["size"]
    try:
        table = _Csv(request, content) if request["kind"] == "csv" else _Json(request, content)
        if request["sql"] is None:
            output.write(head(records=sum(1 for _ in table.everything()), columns=table.columns))
            return
        query = parse(request["sql"])
        table.check(query)
    except DataError as error:
        raise OssError(error.code or "InvalidSqlParameter", error.why) from error
    writer = _Writer(output, size, raw=request["raw"])
    try:
        for line in _results(query, table, request):
            writer.write(line)
    except OssError as error:
        if not writer.began:
            raise
        writer.end(error.status, f"{error.code}.{error.message}")
    except DataError as error:
        writer.end(400, str(error))
    except (
        ValueError,
        ArithmeticError,
        RecursionError,
    ) as error:  # Python writes no number so long, no document so deep
        writer.end(400, f"a value cannot be written: {error}")
    else:
        writer.end(200)  # the query's own: the answer has 206 (assumed; the SDK for C compares them)


def _read(source: BinaryIO, *, packed: bool) -> bytes:
    try:
        content = (gzip.GzipFile(fileobj=source) if packed else source).read(MAX_CONTENT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise OssError("DecompressFailure", f"The object is not gzip: {error}.") from error
    if len(content) > MAX_CONTENT:
        raise OssError("NotImplemented", f"not implemented: queries over more than {MAX_CONTENT} bytes")
    return content


class _Writer:
    """Writes results in frames, or as they are."""

    def __init__(self, output: BinaryIO, size: int, *, raw: bool) -> None:
        self._output, self._size, self._raw = output, size, raw
        self._waiting = bytearray()
        self.began = False  # the answer is on its way, and errors come at its end

    def write(self, line: bytes) -> None:
        self._waiting += line
        if len(self._waiting) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if not self.began:
            self._output.write(head())
            self.began = True
        if self._waiting:
            self._output.write(bytes(self._waiting) if self._raw else data_frame(self._size, bytes(self._waiting)))
            self._waiting.clear()

    def end(self, status: int, message: str = "") -> None:
        self._flush()
        if not self._raw:
            self._output.write(end_frame(self._size, status, message))
        self._output.flush()
        if self._raw and message:
            sys.exit(1)  # an answer without frames cannot tell an error otherwise


def _results(query: Query, table: _Csv | _Json, request: Any) -> Iterator[bytes]:  # noqa: ANN401
    """Return the lines of the answer.

    Raises:
        DataError: the data does not fit the query.
    """
    if request["output_header"] and (names := table.header(query)) is not None:
        yield names
    found: Iterator[Record] = (
        record for record in table.records(query) if query.where is None or query.where(record) is True
    )
    found = _complete(found, query, skip=request["skip_partial"], most=request["max_skipped"])
    if query.limit is not None:
        found = islice(found, query.limit)
    if query.aggregates:
        totals = [_Total(item) for item in query.items]
        for record in found:
            for total in totals:
                total.add(record)
        yield table.line([(total.item.name, total.value()) for total in totals])
        return
    for record in found:
        if not query.items:
            yield table.whole(record)
        else:
            yield table.selected(record, query)


def _complete(found: Iterator[Record], query: Query, *, skip: bool, most: int) -> Iterator[Record]:
    """Leave out records that lack a column.

    Of one too many, the error is the answer when others are behind it, and comes behind what was found when it is the last one:
    the suites of OSS's SDKs for C++ and C#, and those for Python and Go.

    Raises:
        OssError: InvalidCsvLine; DataError: likewise, of the last record.
    """
    skipped = 0
    for record in found:
        if skip and any(record.get(path) is None for path in query.columns):
            skipped += 1
            if skipped > most:
                why = f"The line is invalid: more than {most} records lack a column that the query names"
                if next(found, None) is None:
                    raise DataError(why, "InvalidCsvLine")
                raise OssError("InvalidCsvLine", why)
            continue
        yield record


class _Total:
    """An aggregate on its way."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self._count = 0
        self._sum: Any = 0
        self._least: Any = None
        self._most: Any = None

    def add(self, record: Record) -> None:
        value = self.item.evaluate(record)
        if value is None or value == "":
            return
        self._count += 1
        if self.item.aggregate == "count":
            return
        number = number_of(value)
        if number is None:
            if self.item.aggregate in {"avg", "sum"}:
                raise DataError(f"InvalidValue.{str(value)[:80]} is no number")
            number = value
        if self.item.aggregate in {"avg", "sum"}:
            self._sum = float(self._sum) + number if isinstance(number, float) else self._sum + number
            return
        try:
            self._least = number if self._least is None or number < self._least else self._least
            self._most = number if self._most is None or number > self._most else self._most
        except TypeError as error:
            raise DataError("InvalidValue.numbers stand beside texts") from error

    def value(self) -> Any:  # noqa: ANN401
        match self.item.aggregate:
            case "count":
                return self._count
            case "sum":
                return self._sum if self._count else None
            case "avg":
                return self._sum / self._count if self._count else None
            case "min":
                return self._least
            case _:
                return self._most


class _Csv:
    """An object of CSV, and results in CSV."""

    def __init__(self, request: Any, content: bytes) -> None:  # noqa: ANN401
        given = {name: value.encode("utf-8") for name, value in request["csv"].items()}
        self._dialect = Dialect(**given, quoted_records=request["quoted_records"], header=request["header"])
        self._record: bytes = request["out_record"].encode()
        self._field: bytes = request["out_field"].encode()
        self._keep_all = request["keep_all"]
        self._lines, self._splits = request["lines"], request["splits"]
        self._content = content
        self._bytes = request["bytes"]
        first = next(self.everything(), b"")
        names = split_cells(first, self._dialect)
        self.columns: int | None = len(names)
        self._names = (
            {name.lower(): number for number, name in enumerate(names)} if self._dialect.header == "use" else {}
        )
        self._titles = names

    def everything(self) -> Iterator[bytes]:
        return (row for row in split_rows(self._content, self._dialect) if not is_comment(row, self._dialect))

    def check(self, query: Query) -> None:
        """Refuse columns and lines that cannot be there."""
        _check_lines(split_rows(self._content, self._dialect), self._lines)
        for path in query.columns:
            if column_number(path, self._names) is None:
                raise wrong(f"the column {'.'.join(map(str, path))[:80]} does not exist", code="SqlInvalidColumnName")
        if query.source:
            raise wrong("CSV has no paths behind ossobject")

    def records(self, query: Query) -> Iterator[Row]:
        rows = self._in_bytes() if self._bytes else split_rows(self._content, self._dialect)
        seen = ((line, row) for line, row in enumerate(rows) if not is_comment(row, self._dialect))
        if self._dialect.header in {"use", "ignore"} and not (self._bytes and self._bytes[0]):
            next(seen, None)
        for _, raw in _within(seen, self._lines, self._splits):
            yield Row(raw, split_cells(raw, self._dialect) if query.columns else (), self._names)

    def _in_bytes(self) -> Iterator[bytes]:
        """Return the rows that begin within a range."""
        low, high = self._bytes
        if low:
            found = self._content.find(self._dialect.record, low - 1)
            low = found + len(self._dialect.record) if found >= 0 else len(self._content)
        at = low
        for row in split_rows(self._content[low:], self._dialect):
            if at >= high:
                return
            yield row
            at += len(row) + len(self._dialect.record)

    def header(self, query: Query) -> bytes | None:
        if self._dialect.header != "use":
            return None
        names = [item.name for item in query.items] if query.items else self._titles
        return self._join(names)

    def whole(self, record: Any) -> bytes:  # noqa: ANN401 - a Row
        return bytes(record.raw) + self._record

    def selected(self, record: Any, query: Query) -> bytes:  # noqa: ANN401 - a Row
        values = [_cell(item.evaluate(record)) for item in query.items]
        if not self._keep_all or any(item.column is None for item in query.items):
            return self._join(values)
        cells = [""] * len(record.cells)
        for item, value in zip(query.items, values, strict=True):
            number = column_number(item.column or (), self._names)
            if number is not None and number < len(cells):
                cells[number] = value
        return self._join(cells)

    def line(self, values: list[tuple[str, Any]]) -> bytes:
        return self._join([_cell(value) for _, value in values])

    def _join(self, cells: list[str]) -> bytes:
        return self._field.join(self._quoted(cell.encode("utf-8", "surrogateescape")) for cell in cells) + self._record

    def _quoted(self, cell: bytes) -> bytes:
        quote = self._dialect.quote
        if not quote or not any(each and each in cell for each in (self._field, self._record, quote)):
            return cell
        return quote + cell.replace(quote, quote * 2) + quote


def _cell(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


class _Json:
    """An object of JSON, and results in JSON."""

    columns: int | None = None

    def __init__(self, request: Any, content: bytes) -> None:  # noqa: ANN401
        self._as_text = request["numbers_as_text"]
        self._text = content.decode("utf-8", "replace")
        self._lines, self._splits = request["lines"], request["splits"]
        self._whole = request["type"] == "DOCUMENT"
        self._document = read_document(self._text, numbers_as_text=self._as_text) if self._whole else None
        self._record: bytes = request["out_record"].encode()

    def everything(self) -> Iterator[Any]:
        return iter([self._document]) if self._whole else read_lines(self._text, numbers_as_text=self._as_text)

    def check(self, query: Query) -> None:
        """Refuse lines that cannot be there; every column can: documents have what they have."""
        _check_lines(self.everything(), self._lines)

    def records(self, query: Query) -> Iterator[Document]:
        for _, value in _within(enumerate(self.everything()), self._lines, self._splits):
            for each in reach(value, query.source):
                yield Document(each)

    def header(self, query: Query) -> bytes | None:
        return None

    def whole(self, record: Any) -> bytes:  # noqa: ANN401 - a Document
        return write_json(record.value).encode() + self._record

    def selected(self, record: Any, query: Query) -> bytes:  # noqa: ANN401 - a Document
        values = ((item, item.evaluate(record)) for item in query.items)
        return self.line([(item.name, value) for item, value in values if value is not None])

    def line(self, values: list[tuple[str, Any]]) -> bytes:
        return write_json(dict(values)).encode() + self._record


def _check_lines(everything: Iterator[Any], lines: Any) -> None:  # noqa: ANN401 - JSON
    """Refuse a range of lines that begins behind the last one, as OSS's SDK for Java expects (the code is assumed)."""
    if lines and lines[0] and next(islice(everything, lines[0], None), None) is None:
        raise OssError(
            "InvalidArgument",
            f"The object has no line {lines[0]}, counted from 0.",
            {"ArgumentName": "Range"},
        )


def _within(numbered: Iterator[tuple[int, Any]], lines: Any, splits: Any) -> Iterator[tuple[int, Any]]:  # noqa: ANN401
    """Return the records of a range of lines, or of splits, of which there is one."""
    if splits and splits[0]:
        return iter(())
    if not lines:
        return numbered
    low, high = lines[0] or 0, lines[1]
    first: Callable[[tuple[int, Any]], bool] = lambda each: each[0] >= low and (high is None or each[0] <= high)  # noqa: E731
    return filter(first, numbered)


def main() -> None:
    """Be the process."""
    work(answer)
