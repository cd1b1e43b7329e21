"""Objects: put, get, delete."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace

from aiohttp import web

from localcloud.oss.api.accesses import access_headers, note_access, tracks
from localcloud.oss.api.answers import encoding_type, xml_response
from localcloud.oss.api.attributes import KEPT_HEADERS, object_headers, read_attributes
from localcloud.oss.api.bodies import receive
from localcloud.oss.api.call import Call, on_version
from localcloud.oss.api.callbacks import answer_after, asked_callback
from localcloud.oss.api.compression import is_compressible, send_compressed
from localcloud.oss.api.conditions import check_conditions, forbids_overwriting, refuse_conditions
from localcloud.oss.api.s3 import SPOKEN
from localcloud.oss.api.sending import send_object
from localcloud.oss.arguments import check_header
from localcloud.oss.errors import OssError
from localcloud.oss.model import ObjectKind, StoredObject
from localcloud.oss.operations.keys import check_key, check_version
from localcloud.oss.settings.expiry import expiration_of
from localcloud.oss.xml import malformed, parse

MAX_DELETIONS = 1000  # objects of one request; OSS, DeleteMultipleObjects


async def put_object(call: Call) -> web.StreamResponse:
    """PutObject."""
    refuse_conditions(call.headers)
    forbids_overwriting(call.headers)  # refuses a wrong value before the body is taken
    check_key(call.key)
    attributes, callback = read_attributes(call.headers), asked_callback(call)
    admitted = call.holder
    blob = await receive(call)
    item = await call.run(
        call.oss.objects.put,
        call.bucket,
        call.key,
        blob,
        attributes,
        overwrite=call.overwrite,
        requester=call.requester,
        admitted=admitted,
    )
    headers = {
        **stored_headers(call, item),
        "x-oss-hash-crc64ecma": str(item.crc64),
        "Content-MD5": base64.b64encode(blob.md5).decode(),
    }
    return await answer_after(call, callback, item, "PutObject", web.Response(headers=headers))


async def get_object(call: Call) -> web.StreamResponse:
    """GetObject; that nobody but who signs sets an answer's headers is from OSS, GetObject, "HTTP status code 400"."""
    overrides = _overrides(call.query) if call.query else {}
    async with call.open("GetObject") as (item, path):
        if call.caller is None and any(name.startswith("response-") for name in call.query):
            raise OssError(
                "InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests."
            )
        fault = call.link.strike("GET", call.key)
        if fault and fault.kind == "status":
            answer = xml_response(
                "Error", {"Code": "ServiceUnavailable", "Message": "The link was told to answer this."}
            )
            answer.set_status(fault.status)
            return answer
        if fault and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            fault = None
        check_conditions(item, call.headers)
        if call.link.shape.latency:
            await asyncio.sleep(call.link.shape.latency)
        if tracks(call):
            await note_access(call, item)
        return await send_object(
            call.request, item, path, headers=describe(call, item) | overrides, link=call.link, fault=fault
        )


def _overrides(query: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that a query sets.

    Raises:
        OssError: InvalidArgument.
    """
    return {
        name.removeprefix("response-"): check_header(name, value)
        for name, value in query.items()
        if name.startswith("response-") and name.removeprefix("response-") in KEPT_HEADERS
    }


async def head_object(call: Call) -> web.StreamResponse:
    """HeadObject."""
    async with call.open("GetObject", frozen=True) as (item, path):
        check_conditions(item, call.headers)
        headers = describe(call, item) | await access_headers(call, item)
        if is_compressible(call.request, headers, item.size):
            return await send_compressed(call.request, path, headers)
        return web.Response(headers={**headers, "Content-Length": str(item.size)})


async def object_meta(call: Call) -> web.StreamResponse:
    """GetObjectMeta."""
    item = await call.run(call.oss.objects.get, call.bucket, call.key, call.version)
    kept = {"ETag", "Last-Modified", "x-oss-hash-crc64ecma", "x-oss-version-id"}
    headers = {name: value for name, value in describe(call, item).items() if name in kept}
    headers |= await access_headers(call, item)
    return web.Response(headers={**headers, "Content-Length": str(item.size)})


async def delete_object(call: Call) -> web.StreamResponse:
    """DeleteObject."""
    deletion = await call.run(call.oss.objects.delete, call.bucket, call.key, call.version, requester=call.requester)
    headers = call.version_headers(deletion.version or deletion.marker)
    if deletion.marker:
        headers["x-oss-delete-marker"] = "true"
    return web.Response(status=204, headers=headers)


async def delete_objects(call: Call) -> web.StreamResponse:
    """DeleteMultipleObjects."""
    if call.digests.md5 is None:
        raise OssError(
            "MissingArgument", "Missing Some Required Arguments.", {"ArgumentName": "Content-MD5"}, ec="0016-00000606"
        )
    wanted, quiet = await call.run(_read_deletions, call.body)
    kind, encode = encoding_type(call)
    await call.run(_check_deletions, call, wanted)
    deleted = []
    for key, version in wanted:
        deletion = await call.run(
            call.oss.objects.delete,
            call.bucket,
            key,
            version,
            event="ObjectRemoved:DeleteObjects",
            requester=call.requester,
        )
        deleted.append(
            {
                "Key": encode(key),
                "VersionId": version,
                "DeleteMarker": True if deletion.marker else None,
                "DeleteMarkerVersionId": deletion.marker,
            }
        )
    if quiet:  # S3's clients read a document in any case; that they get one from OSS is assumed
        return xml_response("DeleteResult", {}) if call.request[SPOKEN] else web.Response()
    return xml_response("DeleteResult", {"EncodingType": kind, "Deleted": deleted})


def _check_deletions(call: Call, wanted: Sequence[tuple[str, str | None]]) -> None:
    """Refuse a request that may not delete each of the keys and versions.

    Raises:
        OssError: AccessDenied.
    """
    for key, version in wanted:
        acl = "private" if call.is_owner else call.oss.objects.effective_acl(call.bucket, key)
        call.require(on_version("DeleteObject", version), acl=acl, target=replace(call.target, key=key, query={}))


def _read_deletions(body: bytes) -> tuple[list[tuple[str, str | None]], bool]:
    """Return the keys and versions that a request deletes, and whether it wants no answer.

    Sources: OSS, DeleteMultipleObjects; "Troubleshooting", 0016-00000610 to -615.

    Raises:
        OssError: MalformedXML, InvalidArgument (a version), NotImplemented (a condition that S3 has, and OSS has not).
    """
    tree = parse(body, "Delete")
    quiet = (tree.findtext("Quiet") or "false").strip().lower()
    if quiet not in {"true", "false"}:
        raise malformed("Quiet is neither true nor false", ec="0016-00000610")
    wanted = []
    for element in tree.findall("Object"):
        if foreign := next((each.tag for each in element if each.tag not in {"Key", "VersionId"}), None):
            raise OssError("NotImplemented", f"not implemented: {foreign[:100]} of an Object to delete")
        key, version = element.findtext("Key"), element.findtext("VersionId")
        if not key:
            raise malformed("an Object has no Key", ec="0016-00000613" if key is None else "0016-00000611")
        if version == "":
            raise malformed("a VersionId is empty", ec="0016-00000612")
        if version is not None:
            check_version(version)
        wanted.append((key, version))
    if not wanted:
        raise malformed("there is no Object", ec="0016-00000615")
    if len(wanted) > MAX_DELETIONS:
        raise malformed(f"there are {len(wanted)} Object; up to {MAX_DELETIONS} are allowed")
    return wanted, quiet == "true"


def describe(call: Call, item: StoredObject) -> dict[str, str]:
    """Return the headers that describe an object, its version if it has one, and when its bucket's rules delete it."""
    headers = {**object_headers(item, call.guard.clock()), **call.version_headers(item.version)}
    bucket = call.guard.find_bucket(call.bucket)
    current = call.version is None and item.kind is not ObjectKind.SYMLINK  # whose age is not kept here
    if bucket and current and (expiration := expiration_of(bucket, item)):
        headers["x-oss-expiration"] = expiration
    return headers


def stored_headers(call: Call, item: StoredObject) -> dict[str, str]:
    """Return the headers that tell of an object that was just stored: entity tag, version, encryption."""
    return {"ETag": f'"{item.etag}"', **call.version_headers(item.version), **item.attributes.storage.encryption}
