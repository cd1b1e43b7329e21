"""Conditions that a request makes on an object: If-Match and its like."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from localcloud.kernel.times import to_http
from localcloud.oss.errors import OssError
from localcloud.oss.model import StoredObject

_CONDITIONS = ("if-modified-since", "if-unmodified-since", "if-match", "if-none-match")


def check_conditions(item: StoredObject, headers: Mapping[str, str], *, prefix: str = "") -> None:
    """Apply If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since.

    Args:
        item: the object.
        headers: the request's headers.
        prefix: `x-oss-copy-source-` for the conditions of a copy.

    Raises:
        OssError: PreconditionFailed or NotModified.
    """
    given = {name: headers[prefix + name] for name in _CONDITIONS if prefix + name in headers}
    if not given:
        return
    modified = int(item.modified)
    match, unmodified = given.get("if-match"), given.get("if-unmodified-since")
    if (match and not _matches(match, item.etag)) or (
        unmodified and not match and modified > _time(unmodified, modified)
    ):
        raise OssError(
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold.",
            {"Condition": "If-Match" if match else "If-Unmodified-Since"},
        )
    none_match, since = given.get("if-none-match"), given.get("if-modified-since")
    if (none_match and _matches(none_match, item.etag)) or (
        since and not none_match and modified <= _time(since, modified - 1)
    ):
        # RFC 9110, 15.4.5: what a client keeps of the object is told again.
        told = {"ETag": f'"{item.etag}"', "Last-Modified": to_http(modified)}
        raise OssError("NotModified", "The object was not modified.", headers=told)


def refuse_conditions(headers: Mapping[str, str]) -> None:
    """Refuse the conditions that PutObject does not know, rather than pass them over.

    Raises:
        OssError: NotImplemented, which is a 400 here. Source: OSS, "EC error codes", 0017-00000245.
    """
    for name in _CONDITIONS:
        if name in headers:
            raise OssError(
                "NotImplemented",
                "A header you provided implies functionality that is not implemented.",
                {"Header": name.title()},
                status=400,
                ec="0017-00000245",
            )


def forbids_overwriting(headers: Mapping[str, str]) -> bool:
    """Return True if a request may only make an object that is not there yet.

    Raises:
        OssError: InvalidArgument, when the header is neither true nor false (assumed of OSS; else it would overwrite).
    """
    value = headers.get("x-oss-forbid-overwrite", "false")
    if value.lower() not in {"true", "false"}:
        raise OssError(
            "InvalidArgument",
            "x-oss-forbid-overwrite must be true or false.",
            {"ArgumentName": "x-oss-forbid-overwrite", "ArgumentValue": value[:100]},
        )
    return value.lower() == "true"


def _matches(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in {value.strip().strip('"').upper() for value in header.split(",")}


def _time(text: str, otherwise: float) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return otherwise  # RFC 9110, 13.1.3: a condition with an invalid date is ignored
