"""JSON bodies of Function Compute's API, of which a code package may be nearly all.

The package is cut out by its place and stays base64 until the caller's rights are known; the rest is bounded before anything is
built of it, for it is parsed in the event loop, which serves everybody. Pure.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.fc.errors import FcError
from localcloud.kernel.values import read_json

Body = Mapping[str, Any]
MAX_REST = 1024**2  # bytes of a body without its code package
MAX_VALUES = 10_000  # of a body, counted by what separates them: parsed in some 10 ms
CHUNK = 256 * 1024  # bytes decoded at a time: other threads wait as long
_PACKAGE = b'"zipFile"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Base64:
    """A code package as it came."""

    text: memoryview = field(repr=False)  # of a string's inside in JSON


def parse_body(content: bytes) -> Body:
    """Parse a request's JSON body; `code.zipFile` of a large one becomes a `Base64`.

    Raises:
        FcError: InvalidArgument: not a JSON object; EntityTooLarge: too much besides the code package.
    """
    if len(content) <= MAX_REST:
        return _parse(content or b"{}")
    begin, end = _find_package(content)
    mark = uuid.uuid4().hex
    body = _parse(content[:begin] + mark.encode() + content[end:])
    code = body.get("code")
    if not isinstance(code, dict) or code.get("zipFile") != mark:  # the place was that of another value
        raise _too_large()
    return {**body, "code": {**code, "zipFile": Base64(text=memoryview(content)[begin:end])}}


def without_capitals(value: Any) -> Any:  # noqa: ANN401 - whatever JSON may hold
    """Return a body whose members' names begin with small letters, for some clients write `Code`."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: without_capitals(each) for name, each in value.items()}
    return [without_capitals(each) for each in value] if isinstance(value, list) else value


def _find_package(content: bytes) -> tuple[int, int]:
    """Return where the code package's text begins and ends, if the rest is not too large."""
    place = content.find(_PACKAGE, 0, MAX_REST)
    begin = content.find(b'"', place + len(_PACKAGE), MAX_REST + 1) + 1
    if place < 0 or begin == 0:
        raise _too_large()
    end = content.find(b'"', begin)  # base64 holds no quotes, escaped or not
    if end < 0:
        raise FcError("InvalidArgument", "the request body is not JSON: it ends within a string")
    if len(content) - (end - begin) > MAX_REST:
        raise _too_large()
    return begin, end


def _parse(content: bytes) -> dict[str, Any]:
    if sum(content.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        raise _too_large()
    try:
        body = read_json(content)
    except ValueError as error:
        raise FcError("InvalidArgument", f"the request body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise FcError("InvalidArgument", "the request body is not a JSON object")
    return body


def _too_large() -> FcError:
    return FcError(
        "EntityTooLarge",
        f"the request body has more than {MAX_REST} bytes or {MAX_VALUES} values besides code.zipFile; make it smaller",
    )


def decode(package: Base64 | str) -> bytes:
    """Decode a code package; a large one in a thread, please.

    Raises:
        ValueError: it is not base64.
    """
    text = package.text if isinstance(package, Base64) else memoryview(package.encode())
    decoded, size, rest = (
        bytearray(len(text) // 4 * 3 + 3),
        0,
        b"",
    )  # one piece: this machine gets it back, many it does not
    for begin in range(0, len(text), CHUNK):
        rest = (rest + text[begin : begin + CHUNK]).replace(rb"\/", b"/")  # as some writers of JSON escape it
        whole = max(len(rest) // 4 * 4 - 4, 0)  # the last ones wait, for there may be half an escape among them
        part = base64.b64decode(rest[:whole], validate=True)
        if len(part) * 4 != whole * 3:
            raise ValueError("it is padded before its end")
        decoded[size : size + len(part)] = part
        size, rest = size + len(part), rest[whole:]
    part = base64.b64decode(rest, validate=True)
    decoded[size : size + len(part)] = part
    return bytes(memoryview(decoded)[: size + len(part)])
