"""Conditions that a request makes on an object: If-Match and its like."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from localcloud.oss.errors import OssError
from localcloud.oss.model import StoredObject


def check_conditions(item: StoredObject, headers: Mapping[str, str], *, prefix: str = "") -> None:
    """Apply If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since.

    Args:
        item: the object.
        headers: the request's headers.
        prefix: `x-oss-copy-source-` for the conditions of a copy.

    Raises:
        OssError: PreconditionFailed or NotModified.
    """

    def get(name: str) -> str | None:
        return headers.get(prefix + name)

    modified = int(item.modified)
    match, unmodified = get("if-match"), get("if-unmodified-since")
    if (match and not _matches(match, item.etag)) or (
        unmodified and not match and modified > _time(unmodified, modified)
    ):
        raise OssError(
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold.",
            {"Condition": "If-Match" if match else "If-Unmodified-Since"},
        )
    none_match, since = get("if-none-match"), get("if-modified-since")
    if (none_match and _matches(none_match, item.etag)) or (
        since and not none_match and modified <= _time(since, modified - 1)
    ):
        raise OssError("NotModified", "The object was not modified.")


def _matches(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in {value.strip().strip('"').upper() for value in header.split(",")}


def _time(text: str, otherwise: float) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return otherwise  # RFC 9110, 13.1.3: a condition with an invalid date is ignored
