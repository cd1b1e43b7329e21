"""Lists of versions and delete markers: GetBucketVersions (ListObjectVersions)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from localcloud.kernel.times import to_milliseconds
from localcloud.kernel.xml import Elements
from localcloud.oss.api.answers import Encode, encoding_type, owner_of, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.api.listing import check_lengths, describe_entry
from localcloud.oss.errors import OssError
from localcloud.oss.model import StoredObject, Version


async def list_versions(call: Call) -> web.StreamResponse:
    """GetBucketVersions (ListObjectVersions)."""
    check_lengths(call, {"prefix": "0012-00000103", "key-marker": None, "version-id-marker": None, "delimiter": None})
    kind, encode = encoding_type(call)
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    marker, version_marker = call.query.get("key-marker", ""), call.query.get("version-id-marker", "")
    if version_marker and not marker:
        raise OssError(
            "InvalidArgument",
            "A version-id marker cannot be specified without a key marker.",
            {"ArgumentName": "version-id-marker", "ArgumentValue": version_marker[:100]},
        )
    limit = call.number("max-keys", 100, 1, 1000, ec="0012-00000102")
    page = await call.run(
        call.oss.objects.versions,
        call.bucket,
        prefix=prefix,
        delimiter=delimiter,
        marker=marker,
        version_marker=version_marker or None,
        limit=limit,
    )
    last = page.entries[-1][0] if page.entries and page.entries[-1][0].key == page.next_marker else None
    head = {
        "Name": call.bucket,
        "Prefix": encode(prefix),
        "KeyMarker": encode(marker),
        "VersionIdMarker": version_marker,
        "MaxKeys": limit,
        "Delimiter": encode(delimiter),
        "EncodingType": kind,
        "IsTruncated": page.next_marker is not None,
        "NextKeyMarker": None if page.next_marker is None else encode(page.next_marker),
        "NextVersionIdMarker": last and last.version,
    }
    entries = [_describe(call, item, encode, is_latest=latest) for item, latest in page.entries]
    prefixes = [("CommonPrefixes", {"Prefix": encode(common)}) for common in page.prefixes]
    return xml_response("ListVersionsResult", Elements([*head.items(), *entries, *prefixes]))


def _describe(call: Call, item: Version, encode: Encode, *, is_latest: bool) -> tuple[str, dict[str, Any]]:
    """Return the element of a version or a marker; both stand in one order, by key and from new to old."""
    owner = call.owner
    version = {"VersionId": item.version, "IsLatest": is_latest}
    if isinstance(item, StoredObject):
        return "Version", {**describe_entry(item, encode, owner, call.guard.clock()), **version}
    return "DeleteMarker", {
        "Key": encode(item.key),
        **version,
        "LastModified": to_milliseconds(item.modified),
        "Owner": owner_of(owner),
    }
