"""PostObject: an object out of an HTML form.

Source: OSS, "PostObject"; RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.multipart import BodyPartReader, MultipartReader

from localcloud.kernel.door import meet_expectation
from localcloud.kernel.xml import render
from localcloud.oss.api.attributes import read_attributes
from localcloud.oss.api.call import RIGHTS_BY_HEADER, Call
from localcloud.oss.api.callbacks import answer_after, callback_of
from localcloud.oss.api.conditions import forbids_overwriting
from localcloud.oss.api.guard import caller_of
from localcloud.oss.api.s3 import SPOKEN
from localcloud.oss.arguments import check_header
from localcloud.oss.arriving import write_blob
from localcloud.oss.digests import Digests
from localcloud.oss.errors import OssError, not_allowed
from localcloud.oss.forms import Policy, read_form_claim, read_policy, speaks_s3
from localcloud.oss.model import MAX_PUT, StoredObject
from localcloud.oss.operations.keys import check_key
from localcloud.oss.s3.headers import to_oss
from localcloud.oss.throttle import LIMIT, THROTTLE, throttle_of

MAX_FIELD = 8 * 1024  # bytes; a policy is the longest
MAX_FIELDS = 200
# What aiohttp says of a form that ends early, has too long a line, or is none.
_BROKEN = (ValueError, AssertionError, RuntimeError, HttpProcessingError)


async def post_object(call: Call) -> web.StreamResponse:
    """PostObject.

    A form carries its signature in fields; a request with one of its own is none, and asks for no operation of a bucket (suites of
    OSS's SDKs for Java and Python, second version).
    """
    if call.caller is not None and not _has_form(call.request):
        raise not_allowed("POST")
    form, file, reader = await _read_form(call.request)
    if LIMIT in form:
        call.request[THROTTLE] = throttle_of(form[LIMIT])
    if "key" not in form:
        raise OssError("InvalidArgument", "Bucket POST must contain a field named 'key'.", {"ArgumentName": "key"})
    key = form["key"].replace("${filename}", (file.filename or "").rpartition("/")[2])
    form["key"] = key
    claim = read_form_claim(form, region=call.region)
    policy = Policy(expires=0, conditions=())
    if claim is not None:
        if speaks_s3(form):
            call.request[SPOKEN] = True
        caller = caller_of(call.request, call.guard.prove(claim))
        policy = read_policy(form["policy"])
        policy.check(
            {"content-type": file.headers.get("Content-Type", ""), **form},
            bucket=call.bucket,
            now=call.guard.machine_clock(),
        )
        call = replace(call, caller=caller)
    call = replace(call, target=replace(call.target, key=key, query={}))
    headers = _headers(form, file)
    await _authorize(call, headers)
    check_key(key)
    attributes = read_attributes(headers)
    check_header("success_action_redirect", _redirect(form))
    forbids_overwriting(headers)  # refuses a wrong value before the file is taken
    callback = callback_of(call, form.get("callback", ""), _variables(form))
    throttle, admitted = call.request[THROTTLE], call.holder
    chunks = _chunks(file, reader)
    chunks = throttle.slow(chunks) if throttle else chunks
    blob = await write_blob(
        call.oss.blobs, chunks, limit=min(policy.most, MAX_PUT), digests=Digests(md5=None, sha256=None)
    )
    with call.oss.blobs.giving(blob):
        if blob.size < policy.least:
            raise OssError(
                "EntityTooSmall",
                "Your proposed upload smaller than the minimum allowed size.",
                {"MinSizeAllowed": str(policy.least), "ProposedSize": str(blob.size)},
            )
    item = await call.run(
        call.oss.objects.put,
        call.bucket,
        key,
        blob,
        attributes,
        overwrite=call.may_replace(key, headers, call.caller),
        event="ObjectCreated:PostObject",
        requester=call.requester,
        admitted=admitted,
    )
    return await answer_after(call, callback, item, "PostObject", _answer(call, form, item))


def _has_form(request: web.Request) -> bool:
    return request.content_type.startswith("multipart/form-data")


async def _read_form(request: web.Request) -> tuple[dict[str, str], BodyPartReader, MultipartReader]:
    """Return the fields before the file, by lower-case name, and the file, of which nothing is read yet, with what reads on."""
    if not _has_form(request):
        raise _malformed("expected multipart/form-data")
    form: dict[str, str] = {}
    try:
        await meet_expectation(request)
        reader = MultipartReader(request.headers, request.content)
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or not part.name:
                raise _malformed("a part has no name, or parts of its own")
            name = part.name.lower()
            if name == "file":
                return form, part, reader
            if name in form:
                raise _malformed(f"give the field {name} once")
            if len(form) >= MAX_FIELDS:
                raise _malformed(f"it has more than {MAX_FIELDS} fields")
            form[name] = await _read_field(part)
    except _BROKEN as error:
        raise _malformed(str(error)) from error
    raise OssError("IncorrectNumberOfFilesInPOSTRequest", "POST requires exactly one file upload per request.")


async def _read_field(part: BodyPartReader) -> str:
    content = bytearray()
    while chunk := await part.read_chunk(MAX_FIELD):
        content += chunk
        if len(content) > MAX_FIELD:
            raise OssError("FieldItemTooLong", f"The field {part.name} is longer than {MAX_FIELD} bytes.")
    return content.decode("utf-8")


async def _chunks(file: BodyPartReader, reader: MultipartReader) -> AsyncIterator[bytes]:
    size = 0
    try:
        while chunk := await file.read_chunk():
            size += len(chunk)
            yield chunk
        told = file.headers.get("Content-Length")
        if not file.at_eof() or told not in {None, str(size)}:  # aiohttp takes what came for the whole
            raise _malformed("it ends within the file")
        following = await reader.next()  # refuses a line that only begins as the boundary does
    except _BROKEN as error:
        raise _malformed(str(error)) from error
    if following is not None and not following.headers:
        raise _malformed("it ends within a boundary")


def _headers(form: dict[str, str], file: BodyPartReader) -> dict[str, str]:
    """Return the fields that are headers of the object, in OSS's words."""
    kept = {name: value for name, value in form.items() if not name.startswith("x:")}
    if speaks_s3(form):
        signature = {"x-amz-algorithm", "x-amz-credential", "x-amz-signature"}
        named = {name: value for name, value in kept.items() if name not in signature}
        kept = to_oss(named, {}, is_bucket=False)
        if "acl" in form:
            kept["x-oss-object-acl"] = form["acl"]
        if "tagging" in form:
            raise OssError("NotImplemented", "not implemented: the field tagging; use x-amz-tagging")
    kept["content-type"] = (
        form.get("x-oss-content-type")
        or form.get("content-type")
        or file.headers.get("Content-Type")
        or "application/octet-stream"
    )
    return kept


async def _authorize(call: Call, headers: dict[str, str]) -> None:
    acl = "private"
    if not call.is_owner:
        acl = await call.run(call.oss.objects.effective_acl, call.bucket, call.key)
    call.require("PutObject", acl=acl)
    for header, action in RIGHTS_BY_HEADER.items():
        if header in headers:
            call.require(action)


def _variables(form: dict[str, str]) -> str:
    """Return the fields `x:…`, which callbacks use, as the parameter that carries them."""
    own = {name: value for name, value in form.items() if name.startswith("x:")}
    return base64.b64encode(json.dumps(own).encode()).decode() if own else ""


def _answer(call: Call, form: dict[str, str], item: StoredObject) -> web.Response:
    headers = {"ETag": f'"{item.etag}"', "x-oss-hash-crc64ecma": str(item.crc64)}
    redirect = _redirect(form)
    if urlsplit(redirect).scheme in {"http", "https"}:
        more = urlencode({"bucket": item.bucket, "key": item.key, "etag": f'"{item.etag}"'})
        headers["Location"] = f"{redirect}{'&' if '?' in redirect else '?'}{more}"
        return web.Response(status=303, headers=headers)
    location = f"{call.request.scheme}://{call.request.host}/{quote(item.key)}"
    status = form.get("success_action_status")
    if status == "201":
        document = {"Bucket": item.bucket, "Location": location, "Key": item.key, "ETag": f'"{item.etag}"'}
        body = render("PostResponse", document)
        return web.Response(
            status=201, body=body, content_type="application/xml", headers={**headers, "Location": location}
        )
    return web.Response(status=200 if status == "200" else 204, headers={**headers, "Location": location})


def _redirect(form: dict[str, str]) -> str:
    return form.get("success_action_redirect") or form.get("redirect", "")


def _malformed(why: str) -> OssError:
    return OssError(
        "MalformedPOSTRequest", f"The body of your POST request is not well-formed multipart/form-data: {why[:200]}."
    )
