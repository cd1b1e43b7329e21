"""Copies: PutObject and UploadPart with a header that names the source of their bytes."""

from __future__ import annotations

from aiohttp import web

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.attributes import kept_headers, read_encoded, read_storage
from localcloud.oss.api.call import COPY_SOURCE, Call, on_version
from localcloud.oss.api.conditions import check_conditions
from localcloud.oss.api.objects import stored_headers
from localcloud.oss.api.s3 import SPOKEN
from localcloud.oss.api.uploads import find_upload, part_number
from localcloud.oss.errors import OssError
from localcloud.oss.model import StoredObject
from localcloud.oss.operations.copies import Differences, Source
from localcloud.oss.operations.keys import check_key, check_version
from localcloud.oss.ranges import parse_range
from localcloud.oss.settings.tags import read_tagging_header
from localcloud.oss.settings.versioning import versioning_of


async def copy_object(call: Call) -> web.StreamResponse:
    """CopyObject."""
    source = _read_source(call)
    directive = _directive(call, "x-oss-metadata-directive")
    if source == (call.bucket, call.key, None) and not call.request[SPOKEN]:
        directive = "REPLACE"  # whatever the request says (OSS, CopyObject); S3 knows no such rule
    found = _Source(call)
    tagging = read_tagging_header(call.headers.get("x-oss-tagging", ""))
    copied = await call.run(
        call.oss.copies.copy,
        source,
        call.bucket,
        call.key,
        Differences(
            headers=kept_headers(call.headers) if directive == "REPLACE" else None,
            acl=call.headers.get("x-oss-object-acl") or "default",
            tagging=(tagging,) if _directive(call, "x-oss-tagging-directive") == "REPLACE" else None,
            storage=read_storage(call.headers),
        ),
        permit=call.permit(on_version("GetObject", source[2]), source[0]),
        check=found.check,
        overwrite=call.overwrite,
        requester=call.requester,
    )
    return xml_response(
        "CopyObjectResult",
        {"ETag": f'"{copied.etag}"', "LastModified": to_milliseconds(copied.modified)},
        headers={
            **stored_headers(call, copied),
            "x-oss-hash-crc64ecma": str(copied.crc64),
            **found.version_headers(),
        },
    )


async def copy_part(call: Call) -> web.StreamResponse:
    """UploadPartCopy."""
    source = _read_source(call)
    upload = await find_upload(call, ec="0042-00000311")

    found = _Source(call)

    def interval(item: StoredObject) -> tuple[int, int]:
        found.check(item)
        wanted = call.headers.get(f"{COPY_SOURCE}-range")
        parse_range(wanted, item.size, strict=True)  # refuses one that begins behind the object
        # of one that ends behind it, OSS copies all of the object; source: UploadPartCopy
        return parse_range(wanted, item.size, strict=False) or (0, item.size)

    copied = await call.run(
        call.oss.copies.copy_part,
        upload,
        part_number(call),
        source,
        permit=call.permit(on_version("GetObject", source[2]), source[0]),
        interval=interval,
        requester=call.requester,
    )
    return xml_response(
        "CopyPartResult",
        {"LastModified": to_milliseconds(copied.modified), "ETag": f'"{copied.etag}"'},
        headers={
            "ETag": f'"{copied.etag}"',
            "x-oss-hash-crc64ecma": str(copied.crc64),
            **upload.attributes.storage.encryption,
            **found.version_headers(),
        },
    )


class _Source:
    """The object that is copied: its conditions are checked, and its version noted."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._item: StoredObject | None = None

    def check(self, item: StoredObject) -> None:
        check_conditions(item, self._call.headers, prefix=f"{COPY_SOURCE}-")
        self._item = item

    def version_headers(self) -> dict[str, str]:
        """Return the header that names the version that was copied, if its bucket has had versioning set."""
        bucket = self._item and self._call.guard.find_bucket(self._item.bucket)
        if not self._item or not bucket or not versioning_of(bucket):
            return {}
        return {"x-oss-copy-source-version-id": self._item.version}


def _directive(call: Call, header: str) -> str:
    """Return where something of the copy comes from: COPY, the source; REPLACE, the request.

    Raises:
        OssError: InvalidArgument.
    """
    directive = call.headers.get(header, "COPY").upper()
    if directive not in {"COPY", "REPLACE"}:
        raise OssError("InvalidArgument", f"{header} must be COPY or REPLACE.", {"ArgumentName": header})
    return directive


def _read_source(call: Call) -> Source:
    """Return the object to copy.

    Raises:
        OssError: InvalidArgument, InvalidObjectName.
    """
    name, asks, version = call.headers.get(COPY_SOURCE, "").partition("?versionId=")
    if asks:
        check_version(version)
    bucket, _, key = read_encoded({COPY_SOURCE: name}, COPY_SOURCE).removeprefix("/").partition("/")
    if not bucket or not key:
        raise OssError("InvalidArgument", f"{COPY_SOURCE} must be /BUCKET/KEY, URL-encoded.")
    check_key(key)
    return bucket, key, version or None
