"""Functions of texts. Sources: SLS, "String functions", "Regular expression functions", "URL functions", "Binary functions"."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, quote_plus, unquote_plus, urlsplit

from localcloud.kernel.wildcard import wildcard_matches
from localcloud.sls.analysis.functions.signatures import Function, FunctionError
from localcloud.sls.analysis.types import BIGINT, BOOLEAN, VARBINARY, VARCHAR, array, dump

MAX_PADDED = 1024**2  # characters
# Stand for the characters * and ? where these are compared, for % and _ stand for what those do.
_LITERAL = str.maketrans({"*": "\ue000", "?": "\ue001"})


def like(text: str, pattern: str, escape: str = "") -> bool:
    """Return True if a text is of a pattern, in which % and _ stand for any characters and for one."""
    return wildcard_matches(_read_pattern(pattern, escape), text.translate(_LITERAL))


@lru_cache(maxsize=256)
def _read_pattern(pattern: str, escape: str) -> str:
    pieces, at = "", 0
    while at < len(pattern):
        one = pattern[at]
        if escape and one == escape:
            at += 1
            if pattern[at : at + 1] not in ("%", "_", escape) or at >= len(pattern):
                raise FunctionError("Escape character must be followed by '%', '_' or the escape character itself")
            pieces += pattern[at].translate(_LITERAL)
        else:
            pieces += {"%": "*", "_": "?"}.get(one) or one.translate(_LITERAL)
        at += 1
    return pieces


@lru_cache(maxsize=256)
def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", pattern))
    except (re.error, RecursionError) as error:
        raise FunctionError(f"invalid regular expression {pattern[:80]!r}: {error}") from error


def _regexp_extract(text: str, pattern: str, group: int = 0) -> str | None:
    compiled = _compile(pattern)
    if group not in range(compiled.groups + 1):
        raise FunctionError(f"Pattern has {compiled.groups} groups. Cannot access group {group}")
    found = compiled.search(text)
    return found.group(group) if found else None


def _regexp_extract_all(text: str, pattern: str, group: int = 0) -> str:
    compiled = _compile(pattern)
    if group not in range(compiled.groups + 1):
        raise FunctionError(f"Pattern has {compiled.groups} groups. Cannot access group {group}")
    return dump([found.group(group) for found in compiled.finditer(text)])


def _regexp_replace(text: str, pattern: str, replacement: str = "") -> str:
    compiled = _compile(pattern)
    template = re.sub(r"\\(?!\$)", r"\\\\", replacement)
    template = re.sub(r"(?<!\\)\$(?:\{(\w+)\}|(\d+))", r"\\g<\1\2>", template).replace(r"\$", "$")
    try:
        return compiled.sub(template, text)
    except (re.error, IndexError) as error:
        raise FunctionError(f"invalid replacement {replacement[:80]!r}: {error}") from error


def _substr(text: str, start: int, length: int | None = None) -> str:
    begin = start - 1 if start > 0 else len(text) + start
    if start == 0 or not 0 <= begin <= len(text) or (length is not None and length <= 0):
        return ""
    return text[begin:] if length is None else text[begin : begin + length]


def _split(text: str, delimiter: str, limit: int = 0) -> str:
    if not delimiter:
        raise FunctionError("The delimiter may not be the empty string")
    return dump(text.split(delimiter, limit - 1) if limit > 0 else text.split(delimiter))


def _split_part(text: str, delimiter: str, index: int) -> str | None:
    if index <= 0:
        raise FunctionError("Index must be greater than zero")
    parts = text.split(delimiter) if delimiter else [*text]
    return parts[index - 1] if index <= len(parts) else None


def _pad(text: str, size: int, filling: str, left: bool) -> str:
    if not 0 <= size <= MAX_PADDED:
        raise FunctionError(f"Target length must be in the range [0..{MAX_PADDED}]")
    if not filling:
        raise FunctionError("Padding string must not be empty")
    missing = size - len(text)
    padding = (filling * (missing // len(filling) + 1))[: max(missing, 0)]
    return (padding + text if left else text + padding)[:size]


def _chr(number: int) -> str:
    if number not in range(0x110000) or number in range(0xD800, 0xE000):
        raise FunctionError(f"Not a valid Unicode code point: {number}")
    return chr(number)


def _codepoint(text: str) -> int:
    if len(text) != 1:
        raise FunctionError("codepoint takes one character")
    return ord(text)


def _levenshtein(left: str, right: str) -> int:
    row: list[int] = [*range(len(right) + 1)]
    for place, one in enumerate(left, 1):
        previous, row = row, [place]
        for index, other in enumerate(right):
            row.append(min(previous[index + 1] + 1, row[index] + 1, previous[index] + (one != other)))
    return row[-1]


@lru_cache(maxsize=256)
def _url(text: str) -> SplitResult | None:
    try:
        return urlsplit(text)
    except ValueError:
        return None


def _url_part(name: str) -> Function:
    def part(text: str) -> str | None:
        url = _url(text)
        if url is None:
            return None
        if name == "host":
            return url.netloc.rpartition("@")[2].partition(":")[0] or None
        return str(getattr(url, "scheme" if name == "protocol" else name))

    return Function(f"url_extract_{name}", (VARCHAR,), VARCHAR, part)


def _url_port(text: str) -> int | None:
    try:
        return url.port if (url := _url(text)) else None
    except ValueError:
        return None


def _url_parameter(text: str, name: str) -> str | None:
    url = _url(text)
    pairs = parse_qsl(url.query, keep_blank_values=True) if url else []
    return next((value for key, value in pairs if key == name), None)


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise FunctionError(f"Invalid hex character in {text[:80]!r}") from error


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise FunctionError(f"Illegal base64 in {text[:80]!r}") from error


_TEXT, _TWO = (VARCHAR,), (VARCHAR, VARCHAR)
TEXTS = (
    Function("length", _TEXT, BIGINT, len),
    Function("length", (VARBINARY,), BIGINT, len),
    Function("char_length", _TEXT, BIGINT, len),
    Function("lower", _TEXT, VARCHAR, str.lower),
    Function("upper", _TEXT, VARCHAR, str.upper),
    Function("trim", _TEXT, VARCHAR, str.strip),
    Function("ltrim", _TEXT, VARCHAR, str.lstrip),
    Function("rtrim", _TEXT, VARCHAR, str.rstrip),
    Function("reverse", _TEXT, VARCHAR, lambda text: text[::-1]),
    Function("concat", _TWO, VARCHAR, lambda *texts: "".join(texts), rest=VARCHAR),
    *(Function(name, (VARCHAR, BIGINT), VARCHAR, _substr) for name in ("substr", "substring")),
    *(Function(name, (VARCHAR, BIGINT, BIGINT), VARCHAR, _substr) for name in ("substr", "substring")),
    Function("strpos", _TWO, BIGINT, lambda text, part: text.find(part) + 1),
    Function("replace", _TWO, VARCHAR, lambda text, old: text.replace(old, "") if old else text),
    Function("replace", (*_TWO, VARCHAR), VARCHAR, str.replace),
    Function("split", _TWO, array(VARCHAR), _split),
    Function("split", (*_TWO, BIGINT), array(VARCHAR), _split),
    Function("split_part", (*_TWO, BIGINT), VARCHAR, _split_part),
    Function("lpad", (VARCHAR, BIGINT, VARCHAR), VARCHAR, lambda text, size, filling: _pad(text, size, filling, True)),
    Function("rpad", (VARCHAR, BIGINT, VARCHAR), VARCHAR, lambda text, size, filling: _pad(text, size, filling, False)),
    Function("chr", (BIGINT,), VARCHAR, _chr),
    Function("codepoint", _TEXT, BIGINT, _codepoint),
    Function("starts_with", _TWO, BOOLEAN, str.startswith),
    Function("ends_with", _TWO, BOOLEAN, str.endswith),
    Function("levenshtein_distance", _TWO, BIGINT, _levenshtein),
    Function("regexp_like", _TWO, BOOLEAN, lambda text, pattern: _compile(pattern).search(text) is not None),
    Function("regexp_extract", _TWO, VARCHAR, _regexp_extract),
    Function("regexp_extract", (*_TWO, BIGINT), VARCHAR, _regexp_extract),
    Function("regexp_extract_all", _TWO, array(VARCHAR), _regexp_extract_all),
    Function("regexp_extract_all", (*_TWO, BIGINT), array(VARCHAR), _regexp_extract_all),
    Function("regexp_replace", _TWO, VARCHAR, _regexp_replace),
    Function("regexp_replace", (*_TWO, VARCHAR), VARCHAR, _regexp_replace),
    Function("regexp_split", _TWO, array(VARCHAR), lambda text, pattern: dump(_compile(pattern).split(text))),
    Function("url_encode", _TEXT, VARCHAR, lambda text: quote_plus(text, safe="*")),
    Function("url_decode", _TEXT, VARCHAR, unquote_plus),
    *(_url_part(name) for name in ("host", "path", "query", "fragment", "protocol")),
    Function("url_extract_port", _TEXT, BIGINT, _url_port),
    Function("url_extract_parameter", _TWO, VARCHAR, _url_parameter),
    Function("to_utf8", _TEXT, VARBINARY, str.encode),
    Function("from_utf8", (VARBINARY,), VARCHAR, lambda content: content.decode("utf-8", "replace")),
    *(
        Function(name, (VARBINARY,), VARBINARY, lambda content, name=name: hashlib.new(name, content).digest())
        for name in ("md5", "sha1", "sha256", "sha512")
    ),
    Function("crc32", (VARBINARY,), BIGINT, zlib.crc32),
    Function("to_hex", (VARBINARY,), VARCHAR, lambda content: content.hex().upper()),
    Function("from_hex", _TEXT, VARBINARY, _from_hex),
    Function("to_base64", (VARBINARY,), VARCHAR, lambda content: base64.b64encode(content).decode()),
    Function("from_base64", _TEXT, VARBINARY, _from_base64),
)
