"""Range headers as OSS reads them: intervals of an object's bytes."""

from __future__ import annotations

import re

from localcloud.oss.errors import OssError

_RANGE = re.compile(r"bytes=(\d*)-(\d*)(?:,.*)?", re.ASCII)
_BEYOND = 10**18  # what longer numbers mean: a byte that no object has


def parse_range(header: str | None, size: int, *, strict: bool) -> tuple[int, int] | None:
    """Return the half-open interval of bytes to send, or None for the whole object.

    Args:
        header: the Range header's value; of several ranges, OSS sends the first one, whatever follows its comma (the suite of
            ossutil).
        size: the object's length in bytes.
        strict: `x-oss-range-behavior: standard`, under which a range that ends outside the object is cut, and one that begins
            outside is an error. Without it, OSS answers both with the whole object.

    Raises:
        OssError: InvalidRange, when strict and no byte of the object is asked for; of the last 0 bytes always (OSS's SDK for Java).

    Sources: OSS, GetObject, request header `x-oss-range-behavior`; "How to obtain OSS resources by segmenting HTTP range requests".
    """
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        length = _number(last)
        strict = strict or length == 0
        begin, end = max(size - length, 0), size
        satisfiable = length > 0 and size > 0 and (length <= size or strict)
    else:
        begin, end = _number(first), _number(last) + 1 if last else size
        if end <= begin and last:
            return None  # RFC 9110, 14.1.1: an invalid range is ignored
        satisfiable = begin < size and (end <= size or strict)
        end = min(end, size)
    if satisfiable:
        return begin, end
    if strict:
        raise OssError(
            "InvalidRange",
            "The requested range cannot be satisfied",
            {"ActualObjectSize": str(size), "RangeRequested": str(header)[:100]},
        )
    return None


def _number(digits: str) -> int:
    return int(digits) if len(digits) < len(str(_BEYOND)) else _BEYOND
