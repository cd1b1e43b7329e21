"""Multipart uploads and their parts."""

from __future__ import annotations

import base64
from urllib.parse import quote

from aiohttp import web

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.api.answers import encoding_type, xml_response
from localcloud.oss.api.attributes import read_attributes
from localcloud.oss.api.bodies import receive
from localcloud.oss.api.call import Call
from localcloud.oss.api.callbacks import answer_after, asked_callback
from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError
from localcloud.oss.model import MAX_PARTS, Upload
from localcloud.oss.settings.encryption import ALGORITHM
from localcloud.oss.xml import parse, text_of


async def find_upload(call: Call, *, ec: str | None = None) -> Upload:
    """Return the upload that a request names.

    Args:
        call: the request.
        ec: the finer code of the operation when there is no such upload; None: the general one.

    Raises:
        OssError: NoSuchBucket, NoSuchUpload.
    """
    try:
        return await call.run(call.oss.uploads.get, call.bucket, call.key, call.query["uploadId"])
    except OssError as error:
        if ec is None or error.code != "NoSuchUpload":
            raise
        raise OssError(error.code, error.message, error.detail, ec=ec) from error


def part_number(call: Call) -> int:
    """Return the part's number that a request names.

    Source: OSS, "Troubleshooting", 0017-00000219 and -220.

    Raises:
        OssError: InvalidArgument.
    """
    text = call.query.get("partNumber", "")
    if not text:
        named = {"ArgumentName": "ResourceType", "ArgumentValue": "partNumber"}
        raise OssError("InvalidArgument", "Unexpected query string parameter", named, ec="0017-00000219")
    try:
        return read_number("PartNumber", text, low=1, high=MAX_PARTS)
    except OssError as error:
        why = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive."
        raise OssError(error.code, why, error.detail, ec="0017-00000220") from error


async def begin_upload(call: Call) -> web.StreamResponse:
    """InitiateMultipartUpload."""
    kind, encode = encoding_type(call)
    upload = await call.run(
        call.oss.uploads.begin,
        call.bucket,
        call.key,
        read_attributes(call.headers),
        sequential="sequential" in call.query,
        overwrite=not call.makes_only(call.headers),  # a bucket's rules strike at the end
        requester=call.requester,
    )
    return xml_response(
        "InitiateMultipartUploadResult",
        {"EncodingType": kind, "Bucket": call.bucket, "Key": encode(call.key), "UploadId": upload.upload_id},
        headers=upload.attributes.storage.encryption,
    )


async def put_part(call: Call) -> web.StreamResponse:
    """UploadPart."""
    upload, number = await find_upload(call, ec="0042-00000104"), part_number(call)
    if ALGORITHM in call.headers:  # the suite of OSS's SDK for Python
        raise OssError(
            "InvalidArgument",
            f"{ALGORITHM} is given where an upload begins, not with its parts.",
            {"ArgumentName": ALGORITHM, "ArgumentValue": call.headers[ALGORITHM][:100]},
        )
    blob = await receive(call)
    part = await call.run(call.oss.uploads.put_part, upload, number, blob, requester=call.requester)
    return web.Response(
        headers={
            **upload.attributes.storage.encryption,
            "ETag": f'"{part.etag}"',
            "x-oss-hash-crc64ecma": str(part.crc64),
            "Content-MD5": base64.b64encode(blob.md5).decode(),
        }
    )


async def complete_upload(call: Call) -> web.StreamResponse:
    """CompleteMultipartUpload."""
    kind, encode = encoding_type(call)
    upload, callback = await find_upload(call), asked_callback(call)
    chosen = None
    if call.headers.get("x-oss-complete-all", "").lower() != "yes":
        chosen = await call.run(_read_parts, call.body)
    elif call.body.strip():
        words = "Should not speficy both complete all header and http body."  # spelled as OSS does
        raise OssError("InvalidArgument", words, ec="0042-00000216")
    item = await call.run(
        call.oss.uploads.complete,
        upload,
        chosen,
        acl=call.headers.get("x-oss-object-acl"),
        overwrite=call.overwrite,
        requester=call.requester,
    )
    answer = xml_response(
        "CompleteMultipartUploadResult",
        {
            "EncodingType": kind,
            "Location": _location(call),
            "Bucket": call.bucket,
            "Key": encode(call.key),
            "ETag": f'"{item.etag}"',
        },
        headers={
            "ETag": f'"{item.etag}"',
            **call.version_headers(item.version),
            **item.attributes.storage.encryption,
            "x-oss-hash-crc64ecma": str(item.crc64),
        },
    )
    return await answer_after(call, callback, item, "CompleteMultipartUpload", answer)


def _read_parts(body: bytes) -> list[tuple[int, str]]:
    """Return the numbers and entity tags of the parts that a request names.

    Raises:
        OssError: MalformedXML, InvalidArgument (a number).
    """
    return [
        (read_number("PartNumber", text_of(part, "PartNumber").strip()), text_of(part, "ETag"))
        for part in parse(body, "CompleteMultipartUpload").findall("Part")
    ]


def _location(call: Call) -> str:
    """Return the object's address, in the style of the one that the request came to."""
    host = call.request.host
    bucket = "" if host.startswith(f"{call.bucket}.") else f"/{call.bucket}"
    key = quote(call.key).replace("~", "%7E")  # as the suite of OSS's SDK for Java compares it
    return f"{call.request.scheme}://{host}{bucket}/{key}"


async def abort_upload(call: Call) -> web.StreamResponse:
    """AbortMultipartUpload."""
    upload = await find_upload(call)
    await call.run(call.oss.uploads.abort, upload, requester=call.requester)
    return web.Response(status=204)


# Elements of ListParts and the metadata that they repeat. Source: OSS's SDK for Python (version 2).
_OF_CLIENT_ENCRYPTION = {
    "Key": "key",
    "Start": "start",
    "CekAlg": "cek-alg",
    "WrapAlg": "wrap-alg",
    "DataSize": "data-size",
    "PartSize": "part-size",
}


async def list_parts(call: Call) -> web.StreamResponse:
    """ListParts."""
    kind, encode = encoding_type(call)
    upload = await find_upload(call)
    marker = call.number("part-number-marker", 0, 0, MAX_PARTS)
    limit = call.number("max-parts", 1000, 1, 1000)
    following = [part for part in await call.run(call.oss.uploads.parts, upload) if part.number > marker]
    page = following[:limit]
    return xml_response(
        "ListPartsResult",
        {
            "EncodingType": kind,
            "Bucket": call.bucket,
            "Key": encode(call.key),
            "UploadId": upload.upload_id,
            "StorageClass": upload.attributes.storage.storage_class or "Standard",
            "PartNumberMarker": marker,
            "NextPartNumberMarker": page[-1].number if page else "",
            "MaxParts": limit,
            "IsTruncated": len(following) > limit,
            **{
                f"ClientEncryption{element}": upload.attributes.headers.get(f"x-oss-meta-client-side-encryption-{name}")
                for element, name in _OF_CLIENT_ENCRYPTION.items()
            },
            "Part": [
                {
                    "PartNumber": part.number,
                    "LastModified": to_milliseconds(part.modified),
                    "ETag": f'"{part.etag}"',
                    "HashCrc64ecma": part.crc64,
                    "Size": part.size,
                }
                for part in page
            ],
        },
    )


async def list_uploads(call: Call) -> web.StreamResponse:
    """ListMultipartUploads."""
    kind, encode = encoding_type(call)
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    marker, id_marker = call.query.get("key-marker", ""), call.query.get("upload-id-marker", "")
    limit = call.number("max-uploads", 1000, 1, 1000)
    page = await call.run(
        call.oss.uploads.page,
        call.bucket,
        prefix=prefix,
        delimiter=delimiter,
        marker=marker,
        id_marker=id_marker or None,
        limit=limit,
    )
    # The last one of the page, even if none follows; source: the example of OSS, ListMultipartUploads.
    ends = [(common, "") for common in page.prefixes[-1:]] + [(each.key, each.upload_id) for each in page.entries[-1:]]
    following, following_id = max(ends, default=("", ""))
    return xml_response(
        "ListMultipartUploadsResult",
        {
            "EncodingType": kind,
            "Bucket": call.bucket,
            "KeyMarker": encode(marker),
            "UploadIdMarker": id_marker,
            "NextKeyMarker": encode(following),
            "NextUploadIdMarker": following_id,
            "Delimiter": encode(delimiter),
            "Prefix": encode(prefix),
            "MaxUploads": limit,
            "IsTruncated": page.next_marker is not None,
            "Upload": [
                {
                    "Key": encode(upload.key),
                    "UploadId": upload.upload_id,
                    "StorageClass": upload.attributes.storage.storage_class or "Standard",
                    "Initiated": to_milliseconds(upload.initiated),
                }
                for upload in page.entries
            ],
            "CommonPrefixes": [{"Prefix": encode(common)} for common in page.prefixes],
        },
    )
