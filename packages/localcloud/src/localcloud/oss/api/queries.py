"""SelectObject and CreateSelectObjectMeta: their requests, and the frames that a process of its own answers with.

Source: OSS, "SelectObject" (with its table of errors), "CreateSelectObjectMeta".
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any
from xml.etree.ElementTree import Element

from aiohttp import web

from localcloud.oss.api.call import Call
from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError
from localcloud.oss.model import SelectMeta
from localcloud.oss.offload import offloaded
from localcloud.oss.ranges import parse_range
from localcloud.oss.select.frames import meta_frame
from localcloud.oss.select.sql import parse as parse_statement
from localcloud.oss.settings.table import requester_pays
from localcloud.oss.xml import parse, text_of

WORKER = "localcloud.oss.select.worker"
_RANGE = re.compile(r"(?P<kind>line|split)-range=(?P<low>[0-9]{0,15})-(?P<high>[0-9]{0,15})", re.ASCII)
_KEPT = {
    "record": "RecordDelimiter",
    "field": "FieldDelimiter",
    "quote": "QuoteCharacter",
    "comment": "CommentCharacter",
}
_DEFAULTS = {"record": "\n", "field": ",", "quote": '"', "comment": ""}
_REFUSED = {
    "record": "InvalidInputRecordDelimiter",
    "field": "InvalidInputFieldDelimiter",
    "quote": "InvalidInputQuote",
    "comment": "InvalidCommentCharacter",
}
_LONGEST = {"record": 2, "field": 1, "quote": 1, "comment": 1}  # bytes, of what divides rows and cells


async def select(call: Call, kind: str) -> web.StreamResponse:
    """SelectObject; kind: csv or json."""
    tree = parse(call.body, "SelectRequest")
    given = _input(tree, kind)
    statement = _statement(tree)
    await asyncio.to_thread(parse_statement, statement)  # refuses a wrong one before the object is looked for
    request = given | _output(tree, given) | {"sql": statement}
    return await _run(call, request)


async def describe(call: Call, kind: str) -> web.StreamResponse:
    """CreateSelectObjectMeta; kind: csv or json. What was counted once is told again, however rows are to be divided now."""
    call.require("PutObject")
    tree = parse(call.body, f"{kind.capitalize()}MetaRequest")
    overwrite = _flag(tree, "OverwriteIfExists")
    request = _input(tree, kind) | {"sql": None, "raw": False, "out_record": "\n", "out_field": ",", "keep_all": False}
    if request["gzip"]:
        raise _invalid("CompressionType", "None, for no more is described")
    async with call.open("GetObject") as (item, path):
        _check_payer(call)
        meta = item.select_meta
        if overwrite or meta is None or meta.kind != kind:
            whole = request | {"size": item.size, "bytes": None}
            async with offloaded(WORKER, whole, path) as outcome:
                meta = SelectMeta(kind, outcome.head["records"], outcome.head["columns"])
            await call.run(call.oss.objects.keep_select_meta, item, meta)
        frame = meta_frame(item.size, records=meta.records, columns=meta.columns)
    return web.Response(body=frame, headers=_headers(raw=False))


def _headers(*, raw: bool) -> dict[str, str]:
    return {"Content-Type": "application/octet-stream", "x-oss-select-output-raw": str(raw).lower()}


async def _run(call: Call, request: dict[str, Any]) -> web.StreamResponse:
    async with call.open("GetObject") as (item, path):
        _check_payer(call)
        interval = parse_range(call.headers.get("Range"), item.size, strict=True)
        whole = request | {"size": item.size, "bytes": interval}
        async with offloaded(WORKER, whole, path) as outcome:
            response = web.StreamResponse(status=206, headers=_headers(raw=request["raw"]))
            await response.prepare(call.request)
            async for chunk in outcome.chunks:
                await response.write(chunk)
            await response.write_eof()
            return response


def _check_payer(call: Call) -> None:
    """Refuse another account that pays for the request: the suite of OSS's SDK for C++ expects that.

    Raises:
        OssError: AccessDenied.
    """
    if call.owner != call.requester and requester_pays(call.holder):
        raise OssError("AccessDenied", "Select API does not support requester pay now.", {"BucketName": call.bucket})


def _input(tree: Element, kind: str) -> dict[str, Any]:
    where = f"InputSerialization/{kind.upper()}"
    compression = (tree.findtext("InputSerialization/CompressionType") or "None").upper()
    if compression not in {"NONE", "GZIP"}:
        raise OssError("UnsupportedCompressionFormat", "CompressionType must be None or GZIP.")
    header = (tree.findtext(f"{where}/FileHeaderInfo") or "None").lower()
    if header not in {"none", "ignore", "use"}:
        raise _invalid("FileHeaderInfo", "None, Ignore or Use")
    form = (tree.findtext(f"{where}/Type") or "LINES").upper()
    if form not in {"DOCUMENT", "LINES"}:
        raise _invalid("Type", "DOCUMENT or LINES")
    return {
        "kind": kind,
        "gzip": compression == "GZIP",
        "header": header,
        "type": form,
        "csv": {
            name: _mark(tree, f"{where}/{element}", name, _DEFAULTS[name], _REFUSED[name])
            for name, element in _KEPT.items()
        },
        "quoted_records": _flag(tree, f"{where}/AllowQuotedRecordDelimiter", otherwise=True),
        "numbers_as_text": _flag(tree, f"{where}/ParseJsonNumberAsString"),
        **_ranges(tree.findtext(f"{where}/Range") or ""),
        "skip_partial": _flag(tree, "Options/SkipPartialDataRecord"),
        "max_skipped": _most_skipped(tree.findtext("Options/MaxSkippedRecordsAllowed") or "0"),
        "output_header": _flag(tree, "OutputSerialization/OutputHeader"),
    }


def _output(tree: Element, given: dict[str, Any]) -> dict[str, Any]:
    """Read the form of the output, which is of the input's kind: the SDK for Go writes an element of either.

    Rows of CSV are divided as those of the input are, unless it says otherwise: what the SDKs for C and C# expect.
    """
    form, csv = f"OutputSerialization/{given['kind'].upper()}", given["csv"]
    return {
        "raw": _flag(tree, "OutputSerialization/OutputRawData"),
        "keep_all": _flag(tree, "OutputSerialization/KeepAllColumns"),
        "out_record": _mark(tree, f"{form}/RecordDelimiter", "record", csv["record"], "InvalidOutputRecordDelimiter"),
        "out_field": _mark(tree, f"{form}/FieldDelimiter", "field", csv["field"], "InvalidOutputFieldDelimiter"),
    }


def _ranges(text: str) -> dict[str, list[int | None] | None]:
    found = _RANGE.fullmatch(text)
    if text and found is None:
        raise OssError("InvalidRange", "Range must be line-range=START-END or split-range=START-END.", status=400)
    if found is None:
        return {"lines": None, "splits": None}
    bounds = [int(found[name]) if found[name] else None for name in ("low", "high")]
    return {"lines": bounds, "splits": None} if found["kind"] == "line" else {"lines": None, "splits": bounds}


def _statement(tree: Element) -> str:
    try:
        return base64.b64decode(text_of(tree, "Expression"), validate=True).decode()
    except ValueError as error:
        raise OssError("InvalidSqlParameter", "The SQL is not valid: it must be UTF-8 in base64.") from error


def _mark(tree: Element, path: str, name: str, otherwise: str, code: str) -> str:
    """Return what divides rows or cells, or encloses them; `code` is that of the error for one that is too long or no base64."""
    text = tree.findtext(path) or ""
    if not text:
        return otherwise
    try:
        mark = base64.b64decode(text, validate=True)
        if 0 < len(mark) <= _LONGEST[name]:
            return mark.decode()
    except ValueError:
        pass
    raise OssError(code, f"Invalid {path.rpartition('/')[2]} parameter:{text[:100]}")


def _most_skipped(text: str) -> int:
    try:
        return read_number("MaxSkippedRecordsAllowed", text)
    except OssError as error:
        raise OssError("InvalidMaxSkippedRecordsAllowed", error.message) from error


def _flag(tree: Element, path: str, *, otherwise: bool = False) -> bool:
    text = (tree.findtext(path) or str(otherwise)).lower()
    if text not in {"true", "false"}:
        raise _invalid(path.rpartition("/")[2], "true or false")
    return text == "true"


def _invalid(name: str, expected: str) -> OssError:
    return OssError("InvalidArgument", f"{name} must be {expected}.", {"ArgumentName": name})
