"""Copies: PutObject and UploadPart with a header that names the source of their bytes."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.attributes import kept_headers, read_encoded, read_storage
from localcloud.oss.api.call import Call, on_version
from localcloud.oss.api.conditions import check_conditions
from localcloud.oss.api.objects import stored_headers
from localcloud.oss.api.uploads import find_upload, part_number
from localcloud.oss.api.url import ResourceUrl
from localcloud.oss.errors import OssError
from localcloud.oss.model import StoredObject
from localcloud.oss.operations.copies import Source
from localcloud.oss.ranges import parse_range
from localcloud.oss.settings.tags import read_tagging_header

SOURCE = "x-oss-copy-source"  # the header


async def copy_object(call: Call) -> web.StreamResponse:
    """CopyObject."""
    source = _read_source(call)
    directive = _directive(call, "x-oss-metadata-directive")
    tagging = read_tagging_header(call.headers.get("x-oss-tagging", ""))
    copied = await call.run(
        call.oss.copies.copy,
        source,
        call.bucket,
        call.key,
        permit=call.permit(on_version("GetObject", source[2]), source[0]),
        check=partial(check_conditions, headers=call.headers, prefix=f"{SOURCE}-"),
        headers=kept_headers(call.headers) if directive == "REPLACE" else None,
        acl=call.headers.get("x-oss-object-acl", "default"),
        tagging=(tagging,) if _directive(call, "x-oss-tagging-directive") == "REPLACE" else None,
        storage=read_storage(call.headers),
        overwrite=call.overwrite,
        requester=call.requester,
    )
    return xml_response(
        "CopyObjectResult",
        {"ETag": f'"{copied.etag}"', "LastModified": to_milliseconds(copied.modified)},
        headers={
            **stored_headers(call, copied),
            "x-oss-hash-crc64ecma": str(copied.crc64),
            **({"x-oss-copy-source-version-id": source[2]} if source[2] else {}),
        },
    )


async def copy_part(call: Call) -> web.StreamResponse:
    """UploadPartCopy."""
    source = _read_source(call)
    upload = await find_upload(call, ec="0042-00000311")

    def interval(item: StoredObject) -> tuple[int, int]:
        check_conditions(item, call.headers, prefix=f"{SOURCE}-")
        return parse_range(call.headers.get(f"{SOURCE}-range"), item.size, strict=True) or (0, item.size)

    copied = await call.run(
        call.oss.copies.copy_part,
        upload,
        part_number(call),
        source,
        permit=call.permit(on_version("GetObject", source[2]), source[0]),
        interval=interval,
    )
    return xml_response(
        "CopyPartResult",
        {"LastModified": to_milliseconds(copied.modified), "ETag": f'"{copied.etag}"'},
        headers={"ETag": f'"{copied.etag}"', "x-oss-hash-crc64ecma": str(copied.crc64)},
    )


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
    """Return the object to copy, which the request may read by policy.

    Raises:
        OssError: InvalidArgument, AccessDenied.
    """
    name, _, version = call.headers.get(SOURCE, "").partition("?versionId=")
    bucket, _, key = read_encoded({SOURCE: name}, SOURCE).removeprefix("/").partition("/")
    if not bucket or not key:
        raise OssError("InvalidArgument", f"{SOURCE} must be /BUCKET/KEY, URL-encoded.")
    call.require(on_version("GetObject", version or None), target=ResourceUrl(bucket=bucket, key=key, query={}))
    return bucket, key, version or None
