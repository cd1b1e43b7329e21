"""Lists of a bucket's objects: GetBucket (ListObjects) and its version 2."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.api.answers import Encode, encoding_type, owner_of, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError
from localcloud.oss.listing import Page
from localcloud.oss.model import MAX_KEY, StoredObject
from localcloud.oss.operations.restores import restore_state


async def list_objects(call: Call) -> web.StreamResponse:
    """GetBucket (ListObjects), and version 2 of it with `list-type=2`."""
    call.require("ListObjects")
    check_lengths(call, {"prefix": "0015-00000403", "marker": "0015-00000405"})
    if len(call.query.get("delimiter", "")) > 1:
        raise OssError(
            "InvalidArgument",
            "The delimiter must be one character.",
            {"ArgumentName": "delimiter", "ArgumentValue": call.query["delimiter"][:100]},
            ec="0015-00000406",
        )
    second = "list-type" in call.query
    if call.query.get("list-type", "2") != "2":  # anything else would be answered as version 1 (the error is assumed)
        raise OssError(
            "InvalidArgument",
            "list-type must be 2.",
            {"ArgumentName": "list-type", "ArgumentValue": call.query["list-type"][:100]},
        )
    kind, encode = encoding_type(call)
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    limit = call.number("max-keys", 100, 1, 1000, ec="0015-00000402")
    marker = _marker_2(call) if second else call.query.get("marker", "")
    page = await call.run(
        call.oss.objects.page, call.bucket, prefix=prefix, delimiter=delimiter, marker=marker, limit=limit
    )
    owner = not second or call.query.get("fetch-owner", "false") == "true"
    now = call.guard.clock()
    return xml_response(
        "ListBucketResult",
        {
            "Name": call.bucket,
            "Prefix": encode(prefix),
            "MaxKeys": limit,
            "Delimiter": encode(delimiter),
            "IsTruncated": page.next_marker is not None,
            "EncodingType": kind,
            **(_place_2(call, page, encode) if second else _place_1(marker, page, encode)),
            "Contents": [describe_entry(item, encode, call.owner if owner else None, now) for item in page.entries],
            "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in page.prefixes],
        },
    )


def check_lengths(call: Call, names: Mapping[str, str | None]) -> None:
    """Refuse a list's parameters that are longer than any key.

    Args:
        call: the request.
        names: of parameters, with the finer code of each.

    Source: OSS, "Troubleshooting", 0015-00000403 and -405, 0012-00000103.

    Raises:
        OssError: InvalidArgument.
    """
    for name, ec in names.items():
        text = call.query.get(name, "")
        if len(text.encode("utf-8", "surrogateescape")) > MAX_KEY:
            raise OssError(
                "InvalidArgument",
                f"The length of {name} must be less than {MAX_KEY + 1} bytes.",
                {"ArgumentName": name, "ArgumentValue": text[:100]},
                ec=ec,
            )


def _place_1(marker: str, page: Page[StoredObject], encode: Encode) -> dict[str, Any]:
    return {
        "Marker": encode(marker),
        "NextMarker": None if page.next_marker is None else encode(page.next_marker),
    }


def _marker_2(call: Call) -> str:
    """Return where a page begins: `start-after` is about the first one, and minio's clients repeat the token in it."""
    token = call.query.get("continuation-token", "")
    return _read_token(token) if token else call.query.get("start-after", "")


def _place_2(call: Call, page: Page[StoredObject], encode: Encode) -> dict[str, Any]:
    start_after = call.query.get("start-after", "")
    return {
        "StartAfter": encode(start_after) if start_after else None,
        "ContinuationToken": call.query.get("continuation-token") or None,
        "NextContinuationToken": None if page.next_marker is None else _make_token(page.next_marker),
        "KeyCount": len(page.entries) + len(page.prefixes),
    }


def describe_entry(item: StoredObject, encode: Encode, owner: str | None, now: float) -> dict[str, Any]:
    """Return the element that describes an object in a list.

    Args:
        item: the object.
        encode: encodes its key.
        owner: the owner's id; None: the element names none.
        now: seconds since the epoch.
    """
    return {
        "Key": encode(item.key),
        "LastModified": to_milliseconds(item.modified),
        "ETag": f'"{item.etag}"',
        "Type": item.kind,
        "Size": str(item.size),
        "StorageClass": item.attributes.storage.storage_class or "Standard",
        "RestoreInfo": restore_state(item, now),
        "Owner": None if owner is None else owner_of(owner),
    }


def _make_token(marker: str) -> str:
    return base64.urlsafe_b64encode(marker.encode("utf-8", "surrogateescape")).decode()


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode("utf-8", "surrogateescape")
    except ValueError as error:
        raise OssError("InvalidArgument", "The continuation token provided is incorrect.") from error
