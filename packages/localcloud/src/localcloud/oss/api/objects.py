"""The OSS API on the wire: each operation reads its request, asks the gate, calls the service and renders the answer.

Source of names, headers and bodies: OSS API reference (https://www.alibabacloud.com/help/en/oss/developer-reference/).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element

from aiohttp import web

from localcloud.kernel import door
from localcloud.kernel.identity import Identity
from localcloud.oss.api.gate import Gate, Target
from localcloud.oss.api.sending import check_conditions, object_headers, send_object
from localcloud.oss.digests import Digests
from localcloud.oss.errors import OssError
from localcloud.oss.link import Link
from localcloud.oss.listing import Page
from localcloud.oss.model import MAX_PARTS, MAX_PUT, Blob, Bucket, StoredObject
from localcloud.oss.numbers import read_number
from localcloud.oss.operations.objects import OssService, Permit, blocks_public_access, check_key
from localcloud.oss.ranges import parse_range
from localcloud.oss.xml import Value, iso, parse, render, serialize, text_of

KEPT_HEADERS = frozenset(
    {"cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"}
)
MAX_XML = 2 * 1024 * 1024  # bytes; a DeleteMultipleObjects request of 1,000 keys is the largest document
READ_SIZE = 1024 * 1024  # bytes handed to the disk at a time
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # what a header cannot carry

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request on its way through a handler."""

    request: web.Request
    target: Target
    identity: Identity | None
    service: OssService
    gate: Gate
    link: Link
    digests: Digests
    body: bytes = field(repr=False)  # empty for operations that write it to disk as it comes: see `receive`

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.target.bucket

    @property
    def key(self) -> str:
        """The object's key."""
        return self.target.key

    @property
    def query(self) -> Mapping[str, str]:
        """The decoded query."""
        return self.target.query

    @property
    def requester(self) -> str:
        """The principal's id, as events carry it."""
        return self.identity.account_id if self.identity else ""

    async def run(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **options: Parameters.kwargs
    ) -> Result:
        """Run a blocking service method in a thread."""
        return await asyncio.to_thread(partial(function, *arguments, **options))

    def require(self, action: str, *, acl: str = "private", target: Target | None = None) -> None:
        """Refuse the request unless the action is allowed."""
        self.gate.require(self.identity, action, target or self.target, acl=acl, request=self.request)

    def permit(self, action: str, bucket: str | None = None) -> Permit:
        """Return what refuses access to objects of a bucket (None: this request's) by policy or by their ACL."""

        def check(key: str, acl: str) -> None:
            target = Target(bucket=self.bucket if bucket is None else bucket, key=key, query=self.query)
            self.require(action, acl=acl, target=target)

        return check

    async def require_on_object(self, action: str) -> None:
        """Refuse the request unless the action is allowed, by policy or by the object's or bucket's ACL."""
        acl = "private"
        if self.identity is None:
            acl = await self.run(self.service.object_acl, self.bucket, self.key)
        self.require(action, acl=acl)

    def require_headers(self, *, tags: bool = False) -> None:
        """Refuse an ACL and tags by header unless setting them is allowed; tags also where the operation does not set them.

        Raises:
            OssError: AccessDenied, NotImplemented.
        """
        if "x-oss-object-acl" in self.request.headers:
            self.require("oss:PutObjectAcl")
        if "x-oss-tagging" in self.request.headers:
            if not tags:
                raise OssError("NotImplemented", "not implemented: the header x-oss-tagging here; use PutObjectTagging")
            self.require("oss:PutObjectTagging")

    @asynccontextmanager
    async def opened(self, action: str) -> AsyncIterator[tuple[StoredObject, Path]]:
        """Yield the object that the request names, or what it stands for, if the action is allowed on both."""
        manager = self.service.opened(self.bucket, self.key, permit=self.permit(action))
        entry = await self.run(manager.__enter__)
        try:
            yield entry
        finally:
            manager.__exit__(None, None, None)

    async def receive(self, limit: int = MAX_PUT) -> Blob:
        """Write the request's body to disk and check its digests.

        Raises:
            OssError: EntityTooLarge, MissingContentLength, BadDigest, ServiceUnavailable (the disk is full).
        """
        request = self.request
        if request.content_length is None and "Transfer-Encoding" not in request.headers:
            raise OssError("MissingContentLength", "You must provide the Content-Length HTTP header.")
        if (request.content_length or 0) > limit:
            raise _too_large(request.content_length or 0, limit)
        writer = await self.run(self.service.new_blob)
        sha256 = hashlib.sha256() if self.digests.sha256 else None

        def write(chunk: bytes) -> None:
            writer.write(chunk)
            if sha256:
                sha256.update(chunk)

        try:
            pending, size, waiting = [], 0, 0
            async for chunk in request.content.iter_any():
                pending.append(chunk)
                waiting += len(chunk)
                if waiting >= READ_SIZE:
                    size += waiting
                    if size > limit:
                        raise _too_large(size, limit)
                    await self.run(write, b"".join(pending))
                    pending, waiting = [], 0
            await self.run(write, b"".join(pending))
            blob = await self.run(writer.finish)
        except BaseException:
            writer.discard()
            raise
        try:
            self.digests.check(md5=blob.md5, sha256=sha256.hexdigest() if sha256 else None)
        except OssError:
            self.service.discard(blob)
            raise
        return blob

    def kept_headers(self) -> dict[str, str]:
        """Return the request's headers that an object keeps.

        Raises:
            OssError: InvalidArgument (one that no answer could carry).
        """
        return {
            name.lower(): _header_value(name, value)
            for name, value in self.request.headers.items()
            if name.lower() in KEPT_HEADERS or name.lower().startswith("x-oss-meta-")
        }

    @property
    def overwrite(self) -> bool:
        """Whether the request may replace an object."""
        return self.request.headers.get("x-oss-forbid-overwrite", "false").lower() != "true"

    @property
    def object_acl(self) -> str:
        """The ACL that the request gives an object."""
        return self.request.headers.get("x-oss-object-acl", "default")


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


async def read_body(request: web.Request) -> bytes:
    """Return a small request body.

    Raises:
        OssError: EntityTooLarge.
    """
    content = await door.read_body(request, MAX_XML)
    if content is None:
        raise OssError("EntityTooLarge", f"The request body is larger than {MAX_XML} bytes.")
    return content


def _header_value(name: str, value: str) -> str:
    if _CONTROL.search(value):
        raise OssError(
            "InvalidArgument",
            f"{name} holds what a header cannot carry: control characters, or bytes that are not UTF-8.",
            {"ArgumentName": name},
        )
    return value


def _too_large(size: int, limit: int) -> OssError:
    return OssError(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size.",
        {"MaxSizeAllowed": str(limit), "ProposedSize": str(size)},
    )


def xml_response(root: str, value: Value, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an XML answer."""
    return web.Response(body=render(root, value), content_type="application/xml", headers=headers)


def _owner(account_id: str) -> dict[str, str]:
    return {"ID": account_id, "DisplayName": account_id}


def _integer(call: Call, name: str, default: int, low: int, high: int) -> int:
    text = call.query.get(name)
    return read_number(name, text, low=low, high=high) if text else default


# The service


async def list_buckets(call: Call) -> web.StreamResponse:
    """GetService (ListBuckets)."""
    call.require("oss:ListBuckets")
    prefix, marker = call.query.get("prefix", ""), call.query.get("marker", "")
    limit = _integer(call, "max-keys", 100, 1, 1000)
    found = [
        bucket
        for bucket in await call.run(call.service.buckets)
        if bucket.name.startswith(prefix) and bucket.name > marker
    ]
    page = found[:limit]
    truncated = len(found) > limit
    return xml_response(
        "ListAllMyBucketsResult",
        {
            "Prefix": prefix,
            "Marker": marker,
            "MaxKeys": limit,
            "IsTruncated": str(truncated).lower(),
            "NextMarker": page[-1].name if truncated else None,
            "Owner": _owner(call.gate.account_id),
            "Buckets": {"Bucket": [_bucket(call, bucket) for bucket in page]},
        },
    )


def _bucket(call: Call, bucket: Bucket) -> dict[str, Any]:
    region = call.gate.region
    return {
        "Name": bucket.name,
        "Location": f"oss-{region}",
        "Region": region,
        "CreationDate": iso(bucket.created),
        "StorageClass": bucket.storage_class,
        "ExtranetEndpoint": f"oss-{region}.aliyuncs.com",
        "IntranetEndpoint": f"oss-{region}-internal.aliyuncs.com",
    }


# Buckets


async def put_bucket(call: Call) -> web.StreamResponse:
    """PutBucket."""
    call.require("oss:PutBucket")
    if "x-oss-acl" in call.request.headers:
        call.require("oss:PutBucketAcl")
    storage_class = "Standard"
    if call.body.strip():
        tree = parse(call.body, "CreateBucketConfiguration")
        storage_class = tree.findtext("StorageClass") or "Standard"
    acl = call.request.headers.get("x-oss-acl", "private")
    await call.run(call.service.create_bucket, call.bucket, acl=acl, storage_class=storage_class)
    return web.Response(headers={"Location": f"/{call.bucket}"})


async def delete_bucket(call: Call) -> web.StreamResponse:
    """DeleteBucket."""
    call.require("oss:DeleteBucket")
    await call.run(call.service.delete_bucket, call.bucket)
    return web.Response(status=204)


async def bucket_info(call: Call) -> web.StreamResponse:
    """GetBucketInfo."""
    call.require("oss:GetBucketInfo")
    bucket = await call.run(call.service.bucket, call.bucket)
    return xml_response(
        "BucketInfo",
        {
            "Bucket": {
                **_bucket(call, bucket),
                "Owner": _owner(bucket.owner),
                "AccessControlList": {"Grant": bucket.acl},
                "DataRedundancyType": "LRS",
                "BlockPublicAccess": str(blocks_public_access(bucket)).lower(),
            }
        },
    )


async def head_bucket(call: Call) -> web.StreamResponse:
    """HeadBucket; OSS answers it like GetBucketAcl without a body."""
    call.require("oss:GetBucketAcl")
    await call.run(call.service.bucket, call.bucket)
    return web.Response(headers={"x-oss-bucket-region": call.gate.region})


async def bucket_location(call: Call) -> web.StreamResponse:
    """GetBucketLocation."""
    call.require("oss:GetBucketLocation")
    await call.run(call.service.bucket, call.bucket)
    return xml_response("LocationConstraint", f"oss-{call.gate.region}")


async def bucket_stat(call: Call) -> web.StreamResponse:
    """GetBucketStat."""
    call.require("oss:GetBucketStat")
    size = count = 0
    marker = ""
    while True:
        page = await call.run(call.service.list_objects, call.bucket, marker=marker, limit=1000)
        count += len(page.entries)
        size += sum(item.size for item in page.entries)
        if page.next_marker is None:
            break
        marker = page.next_marker
    uploads = len(await call.run(call.service.uploads, call.bucket))
    return xml_response("BucketStat", {"Storage": size, "ObjectCount": count, "MultipartUploadCount": uploads})


async def get_bucket_acl(call: Call) -> web.StreamResponse:
    """GetBucketAcl."""
    call.require("oss:GetBucketAcl")
    bucket = await call.run(call.service.bucket, call.bucket)
    return xml_response(
        "AccessControlPolicy", {"Owner": _owner(bucket.owner), "AccessControlList": {"Grant": bucket.acl}}
    )


async def put_bucket_acl(call: Call) -> web.StreamResponse:
    """PutBucketAcl."""
    call.require("oss:PutBucketAcl")
    acl = call.request.headers.get("x-oss-acl")
    if acl is None:
        acl = text_of(parse(call.body, "AccessControlPolicy"), "AccessControlList/Grant")
    await call.run(call.service.set_bucket_acl, call.bucket, acl)
    return web.Response()


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A subresource of a bucket whose document is kept and given back."""

    parameter: str  # in the query
    action: str  # what follows oss:Get, oss:Put and oss:Delete
    root: str  # the document's root element
    missing: str | None  # error code when none was put; None: an empty document
    default: str = ""  # the document's content then
    check: Callable[[Element], None] = lambda document: None  # refuses what was put, or writes it as it is kept


def _check_public_access_block(document: Element) -> None:
    element = document.find("BlockPublicAccess")
    if element is None:
        return
    value = element.text or ""
    if value.lower() not in {"true", "false"}:
        raise OssError("MalformedXML", f"BlockPublicAccess is {value!r}; expected true or false.")
    element.text = value.lower()  # the Python SDK writes True, and reads only true


SETTINGS = (
    Setting(parameter="lifecycle", action="BucketLifecycle", root="LifecycleConfiguration", missing="NoSuchLifecycle"),
    Setting(
        parameter="encryption",
        action="BucketEncryption",
        root="ServerSideEncryptionRule",
        missing="NoSuchServerSideEncryptionRule",
    ),
    Setting(
        parameter="publicAccessBlock",
        action="BucketPublicAccessBlock",
        root="PublicAccessBlockConfiguration",
        missing=None,
        default="<BlockPublicAccess>false</BlockPublicAccess>",
        check=_check_public_access_block,
    ),
    Setting(parameter="tagging", action="BucketTagging", root="Tagging", missing=None, default="<TagSet></TagSet>"),
)


def get_setting(setting: Setting) -> Handler:
    """GetBucketLifecycle, GetBucketEncryption, …"""

    async def handler(call: Call) -> web.StreamResponse:
        call.require(f"oss:Get{setting.action}")
        document = (await call.run(call.service.bucket, call.bucket)).settings.get(setting.parameter)
        if document is None and setting.missing:
            raise OssError(setting.missing, f"The bucket has no {setting.parameter} configuration.")
        content = document or f"<{setting.root}>{setting.default}</{setting.root}>"
        return web.Response(text=content, content_type="application/xml")

    return handler


def put_setting(setting: Setting) -> Handler:
    """PutBucketLifecycle, PutBucketEncryption, …"""

    async def handler(call: Call) -> web.StreamResponse:
        call.require(f"oss:Put{setting.action}")
        document = parse(call.body, setting.root)
        setting.check(document)
        await call.run(call.service.set_bucket_setting, call.bucket, setting.parameter, serialize(document))
        return web.Response()

    return handler


def delete_setting(setting: Setting) -> Handler:
    """DeleteBucketLifecycle, DeleteBucketEncryption, …"""

    async def handler(call: Call) -> web.StreamResponse:
        call.require(f"oss:Delete{setting.action}")
        await call.run(call.service.set_bucket_setting, call.bucket, setting.parameter, None)
        return web.Response(status=204)

    return handler


# Listing


def _encoder(call: Call) -> Callable[[str], str]:
    kind = call.query.get("encoding-type", "")
    if kind not in {"", "url"}:
        raise OssError("InvalidArgument", "Invalid Encoding Method specified in Request: only `url` is known.")
    if kind == "url":
        return lambda text: quote(text, safe="-_.~/*", errors="surrogateescape")
    return lambda text: text


def _contents(call: Call, page: Page[StoredObject], encode: Callable[[str], str], *, owner: bool) -> dict[str, Any]:
    return {
        "Contents": [
            {
                "Key": encode(item.key),
                "LastModified": iso(item.modified),
                "ETag": f'"{item.etag}"',
                "Type": item.kind,
                "Size": item.size,
                "StorageClass": "Standard",
                "Owner": _owner(call.gate.account_id) if owner else None,
            }
            for item in page.entries
        ],
        "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in page.prefixes],
    }


async def list_objects(call: Call) -> web.StreamResponse:
    """GetBucket (ListObjects), and version 2 of it with `list-type=2`."""
    bucket = await call.run(call.service.bucket, call.bucket)
    call.require("oss:ListObjects", acl=bucket.acl)
    second = call.query.get("list-type") == "2"
    encode = _encoder(call)
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    limit = _integer(call, "max-keys", 100, 1, 1000)
    start_after, token = call.query.get("start-after", ""), call.query.get("continuation-token", "")
    marker = max(start_after, _read_token(token)) if second else call.query.get("marker", "")
    page = await call.run(
        call.service.list_objects, call.bucket, prefix=prefix, delimiter=delimiter, marker=marker, limit=limit
    )
    truncated = page.next_marker is not None
    head: dict[str, Any] = {
        "Name": call.bucket,
        "Prefix": encode(prefix),
        "MaxKeys": limit,
        "Delimiter": encode(delimiter),
        "IsTruncated": str(truncated).lower(),
        "EncodingType": call.query.get("encoding-type") or None,
    }
    if second:
        owner = call.query.get("fetch-owner", "false") == "true"
        head |= {
            "StartAfter": encode(start_after) if start_after else None,
            "ContinuationToken": token or None,
            "NextContinuationToken": _make_token(page.next_marker) if page.next_marker is not None else None,
            "KeyCount": len(page.entries) + len(page.prefixes),
        }
    else:
        owner = True
        head |= {
            "Marker": encode(marker),
            "NextMarker": encode(page.next_marker) if page.next_marker is not None else None,
        }
    return xml_response("ListBucketResult", head | _contents(call, page, encode, owner=owner))


def _make_token(marker: str) -> str:
    return base64.urlsafe_b64encode(marker.encode("utf-8", "surrogateescape")).decode()


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode("utf-8", "surrogateescape")
    except ValueError as error:
        raise OssError("InvalidArgument", "The continuation token provided is incorrect.") from error


async def delete_objects(call: Call) -> web.StreamResponse:
    """DeleteMultipleObjects."""
    tree = parse(call.body, "Delete")
    quiet = (tree.findtext("Quiet") or "false").lower() == "true"
    keys = [text_of(element, "Key") for element in tree.findall("Object")]
    if not 1 <= len(keys) <= 1000:
        raise OssError("MalformedXML", f"The request names {len(keys)} objects; expected 1 to 1,000.")
    encode = _encoder(call)
    for key in keys:
        call.require("oss:DeleteObject", target=Target(bucket=call.bucket, key=key, query={}))
    for key in keys:
        await call.run(
            call.service.delete_object,
            call.bucket,
            key,
            event="ObjectRemoved:DeleteObjects",
            requester=call.requester,
        )
    deleted = [] if quiet else [{"Key": encode(key)} for key in keys]
    return xml_response("DeleteResult", {"EncodingType": call.query.get("encoding-type") or None, "Deleted": deleted})


# Objects


async def put_object(call: Call) -> web.StreamResponse:
    """PutObject."""
    await call.require_on_object("oss:PutObject")
    call.require_headers(tags=True)
    check_key(call.key)
    headers = call.kept_headers()
    await call.run(call.service.bucket, call.bucket)
    blob = await call.receive()
    item = await call.run(
        call.service.put_object,
        call.bucket,
        call.key,
        blob,
        headers=headers,
        acl=call.object_acl,
        tagging=_tagging_header(call),
        overwrite=call.overwrite,
        requester=call.requester,
    )
    return _stored(item, blob)


def _stored(item: StoredObject, blob: Blob | None = None) -> web.Response:
    headers = {"ETag": f'"{item.etag}"', "x-oss-hash-crc64ecma": str(item.crc64)}
    if blob:
        headers["Content-MD5"] = base64.b64encode(blob.md5).decode()
    return web.Response(headers=headers)


def _tagging_header(call: Call) -> str | None:
    header = call.request.headers.get("x-oss-tagging")
    if not header:
        return None
    pairs = [pair.partition("=") for pair in header.split("&")]
    tags = [{"Key": key, "Value": value} for key, _, value in pairs]
    return render("Tagging", {"TagSet": {"Tag": tags}}).decode()


async def get_object(call: Call) -> web.StreamResponse:
    """GetObject."""
    overrides = {
        name.removeprefix("response-"): _header_value(name, value)
        for name, value in call.query.items()
        if name.startswith("response-") and name.removeprefix("response-") in KEPT_HEADERS
    }
    async with call.opened("oss:GetObject") as (item, path):
        fault = call.link.strike("GET", call.key)
        if fault and fault.kind == "status":
            return web.Response(
                status=fault.status,
                body=render("Error", {"Code": "ServiceUnavailable", "Message": "The link was told to answer this."}),
                content_type="application/xml",
            )
        if fault and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            fault = None
        check_conditions(item, call.request.headers)
        if call.link.shape.latency:
            await asyncio.sleep(call.link.shape.latency)
        return await send_object(call.request, item, path, overrides=overrides, link=call.link, fault=fault)


async def head_object(call: Call) -> web.StreamResponse:
    """HeadObject."""
    async with call.opened("oss:GetObject") as (item, _):
        check_conditions(item, call.request.headers)
        return web.Response(headers={**object_headers(item), "Content-Length": str(item.size)})


async def object_meta(call: Call) -> web.StreamResponse:
    """GetObjectMeta."""
    await call.require_on_object("oss:GetObject")
    item = await call.run(call.service.object, call.bucket, call.key)
    kept = {"ETag", "Last-Modified", "x-oss-hash-crc64ecma"}
    headers = {name: value for name, value in object_headers(item).items() if name in kept}
    return web.Response(headers={**headers, "Content-Length": str(item.size)})


async def delete_object(call: Call) -> web.StreamResponse:
    """DeleteObject."""
    await call.require_on_object("oss:DeleteObject")
    await call.run(call.service.delete_object, call.bucket, call.key, requester=call.requester)
    return web.Response(status=204)


def _copy_source(call: Call) -> tuple[str, str]:
    bucket, _, key = _decoded("x-oss-copy-source", call).removeprefix("/").partition("/")
    if not bucket or not key:
        raise OssError("InvalidArgument", "x-oss-copy-source must be /BUCKET/KEY, URL-encoded.")
    return bucket, key


def _decoded(name: str, call: Call) -> str:
    try:
        return unquote(call.request.headers.get(name, ""), errors="strict")
    except UnicodeDecodeError as error:
        raise OssError("InvalidArgument", f"{name} must be UTF-8, URL-encoded.", {"ArgumentName": name}) from error


async def copy_object(call: Call) -> web.StreamResponse:
    """CopyObject."""
    source = _copy_source(call)
    call.require("oss:GetObject", target=Target(bucket=source[0], key=source[1], query={}))
    call.require("oss:PutObject")
    call.require_headers()
    directive = call.request.headers.get("x-oss-metadata-directive", "COPY").upper()
    if directive not in {"COPY", "REPLACE"}:
        raise OssError("InvalidArgument", "x-oss-metadata-directive must be COPY or REPLACE.")
    copied = await call.run(
        call.service.copy_object,
        source,
        call.bucket,
        call.key,
        permit=call.permit("oss:GetObject", source[0]),
        check=partial(check_conditions, headers=call.request.headers, prefix="x-oss-copy-source-"),
        headers=call.kept_headers() if directive == "REPLACE" else None,
        acl=call.object_acl,
        overwrite=call.overwrite,
        requester=call.requester,
    )
    return xml_response(
        "CopyObjectResult",
        {"ETag": f'"{copied.etag}"', "LastModified": iso(copied.modified)},
        headers={"x-oss-hash-crc64ecma": str(copied.crc64)},
    )


async def append_object(call: Call) -> web.StreamResponse:
    """AppendObject."""
    call.require("oss:PutObject")
    call.require_headers()
    position = _integer(call, "position", 0, 0, MAX_PUT)
    headers = call.kept_headers()
    blob = await call.receive()
    item = await call.run(
        call.service.append_object,
        call.bucket,
        call.key,
        position,
        blob,
        headers=headers,
        acl=call.object_acl,
        requester=call.requester,
    )
    return web.Response(
        headers={
            "ETag": f'"{item.etag}"',
            "x-oss-hash-crc64ecma": str(item.crc64),
            "x-oss-next-append-position": str(item.size),
        }
    )


async def get_object_acl(call: Call) -> web.StreamResponse:
    """GetObjectAcl."""
    call.require("oss:GetObjectAcl")
    item = await call.run(call.service.object, call.bucket, call.key)
    return xml_response(
        "AccessControlPolicy", {"Owner": _owner(call.gate.account_id), "AccessControlList": {"Grant": item.acl}}
    )


async def put_object_acl(call: Call) -> web.StreamResponse:
    """PutObjectAcl."""
    call.require("oss:PutObjectAcl")
    await call.run(call.service.set_object_acl, call.bucket, call.key, call.object_acl)
    return web.Response()


async def get_object_tagging(call: Call) -> web.StreamResponse:
    """GetObjectTagging."""
    call.require("oss:GetObjectTagging")
    item = await call.run(call.service.object, call.bucket, call.key)
    return web.Response(text=item.tagging or "<Tagging><TagSet></TagSet></Tagging>", content_type="application/xml")


async def put_object_tagging(call: Call) -> web.StreamResponse:
    """PutObjectTagging."""
    call.require("oss:PutObjectTagging")
    document = serialize(parse(call.body, "Tagging"))
    await call.run(call.service.set_object_tagging, call.bucket, call.key, document)
    return web.Response()


async def delete_object_tagging(call: Call) -> web.StreamResponse:
    """DeleteObjectTagging."""
    call.require("oss:DeleteObjectTagging")
    await call.run(call.service.set_object_tagging, call.bucket, call.key, None)
    return web.Response(status=204)


async def put_symlink(call: Call) -> web.StreamResponse:
    """PutSymlink."""
    call.require("oss:PutObject")
    call.require_headers(tags=True)
    target = _decoded("x-oss-symlink-target", call)
    if not target:
        raise OssError("InvalidArgument", "x-oss-symlink-target is missing.")
    item = await call.run(
        call.service.put_symlink,
        call.bucket,
        call.key,
        target,
        headers=call.kept_headers(),
        acl=call.object_acl,
        tagging=_tagging_header(call),
        requester=call.requester,
    )
    return web.Response(headers={"ETag": f'"{item.etag}"'})


async def get_symlink(call: Call) -> web.StreamResponse:
    """GetSymlink."""
    call.require("oss:GetObject")
    item = await call.run(call.service.object, call.bucket, call.key)
    if item.kind != "Symlink":
        raise OssError("InvalidArgument", "The object is not a symlink.", {"Key": call.key})
    target = quote(item.headers["x-oss-symlink-target"], safe="")
    return web.Response(headers={**object_headers(item), "x-oss-symlink-target": target})


# Multipart uploads


async def begin_upload(call: Call) -> web.StreamResponse:
    """InitiateMultipartUpload."""
    call.require("oss:PutObject")
    call.require_headers(tags=True)
    upload = await call.run(
        call.service.begin_upload,
        call.bucket,
        call.key,
        headers=call.kept_headers(),
        acl=call.object_acl,
        tagging=_tagging_header(call),
    )
    encode = _encoder(call)
    return xml_response(
        "InitiateMultipartUploadResult",
        {
            "EncodingType": call.query.get("encoding-type") or None,
            "Bucket": call.bucket,
            "Key": encode(call.key),
            "UploadId": upload.upload_id,
        },
    )


async def put_part(call: Call) -> web.StreamResponse:
    """UploadPart."""
    call.require("oss:PutObject")
    upload = await call.run(call.service.upload, call.bucket, call.key, call.query["uploadId"])
    number = _part_number(call)
    blob = await call.receive()
    part = await call.run(call.service.put_part, upload, number, blob)
    return web.Response(headers={"ETag": f'"{part.etag}"', "x-oss-hash-crc64ecma": str(part.crc64)})


async def copy_part(call: Call) -> web.StreamResponse:
    """UploadPartCopy."""
    source = _copy_source(call)
    call.require("oss:GetObject", target=Target(bucket=source[0], key=source[1], query={}))
    call.require("oss:PutObject")
    upload = await call.run(call.service.upload, call.bucket, call.key, call.query["uploadId"])
    number = _part_number(call)

    def interval(item: StoredObject) -> tuple[int, int]:
        check_conditions(item, call.request.headers, prefix="x-oss-copy-source-")
        asked = call.request.headers.get("x-oss-copy-source-range")
        return parse_range(asked, item.size, strict=True) or (0, item.size)

    copied = await call.run(
        call.service.copy_part,
        upload,
        number,
        source,
        permit=call.permit("oss:GetObject", source[0]),
        interval=interval,
    )
    return xml_response("CopyPartResult", {"LastModified": iso(copied.modified), "ETag": f'"{copied.etag}"'})


def _part_number(call: Call) -> int:
    return read_number("partNumber", call.query.get("partNumber", ""), low=1, high=MAX_PARTS)


async def complete_upload(call: Call) -> web.StreamResponse:
    """CompleteMultipartUpload."""
    call.require("oss:PutObject")
    call.require_headers()
    upload = await call.run(call.service.upload, call.bucket, call.key, call.query["uploadId"])
    chosen = None
    if call.request.headers.get("x-oss-complete-all", "").lower() != "yes":
        tree = parse(call.body, "CompleteMultipartUpload")
        chosen = [
            (read_number("PartNumber", text_of(part, "PartNumber").strip()), text_of(part, "ETag"))
            for part in tree.findall("Part")
        ]
    item = await call.run(
        call.service.complete_upload,
        upload,
        chosen,
        acl=call.request.headers.get("x-oss-object-acl"),
        overwrite=call.overwrite,
        requester=call.requester,
    )
    encode = _encoder(call)
    return xml_response(
        "CompleteMultipartUploadResult",
        {
            "EncodingType": call.query.get("encoding-type") or None,
            "Location": f"http://{call.request.host}/{call.bucket}/{quote(call.key)}",
            "Bucket": call.bucket,
            "Key": encode(call.key),
            "ETag": f'"{item.etag}"',
        },
        headers={"x-oss-hash-crc64ecma": str(item.crc64)},
    )


async def abort_upload(call: Call) -> web.StreamResponse:
    """AbortMultipartUpload."""
    call.require("oss:AbortMultipartUpload")
    upload = await call.run(call.service.upload, call.bucket, call.key, call.query["uploadId"])
    await call.run(call.service.abort_upload, upload)
    return web.Response(status=204)


async def list_parts(call: Call) -> web.StreamResponse:
    """ListParts."""
    call.require("oss:ListParts")
    upload = await call.run(call.service.upload, call.bucket, call.key, call.query["uploadId"])
    marker = _integer(call, "part-number-marker", 0, 0, 10_000)
    limit = _integer(call, "max-parts", 1000, 1, 1000)
    following = [part for part in await call.run(call.service.parts, upload) if part.number > marker]
    page = following[:limit]
    truncated = len(following) > limit
    encode = _encoder(call)
    return xml_response(
        "ListPartsResult",
        {
            "EncodingType": call.query.get("encoding-type") or None,
            "Bucket": call.bucket,
            "Key": encode(call.key),
            "UploadId": upload.upload_id,
            "PartNumberMarker": marker,
            "NextPartNumberMarker": page[-1].number if page else 0,
            "MaxParts": limit,
            "IsTruncated": str(truncated).lower(),
            "Part": [
                {
                    "PartNumber": part.number,
                    "LastModified": iso(part.modified),
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
    call.require("oss:ListMultipartUploads")
    if call.query.get("delimiter"):
        raise OssError("NotImplemented", "not implemented: delimiter in ListMultipartUploads")
    prefix = call.query.get("prefix", "")
    marker, id_marker = call.query.get("key-marker", ""), call.query.get("upload-id-marker", "")
    limit = _integer(call, "max-uploads", 1000, 1, 1000)
    found = [
        upload
        for upload in await call.run(call.service.uploads, call.bucket, prefix=prefix)
        if upload.key > marker or (id_marker and upload.key == marker and upload.upload_id > id_marker)
    ]
    page = found[:limit]
    truncated = len(found) > limit
    encode = _encoder(call)
    return xml_response(
        "ListMultipartUploadsResult",
        {
            "EncodingType": call.query.get("encoding-type") or None,
            "Bucket": call.bucket,
            "KeyMarker": encode(marker),
            "UploadIdMarker": id_marker,
            "NextKeyMarker": encode(page[-1].key) if truncated else "",
            "NextUploadIdMarker": page[-1].upload_id if truncated else "",
            "Delimiter": "",
            "Prefix": encode(prefix),
            "MaxUploads": limit,
            "IsTruncated": str(truncated).lower(),
            "Upload": [
                {
                    "Key": encode(upload.key),
                    "UploadId": upload.upload_id,
                    "StorageClass": "Standard",
                    "Initiated": iso(upload.initiated),
                }
                for upload in page
            ],
        },
    )


STREAMED = frozenset({put_object, put_part, append_object})  # these write the body to disk as it comes


def request_id() -> str:
    """Return a fresh request id in OSS's form: 24 upper-case hexadecimal digits."""
    return uuid.uuid4().hex[:24].upper()
