"""Signatures of all services, made by the vendors' own signers, over requests that tests may change afterwards."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Literal
from urllib.parse import quote, unquote, urlencode, urlsplit

import fc2.auth
from alibabacloud_openapi_util.client import Client as OpenApi
from alibabacloud_oss_v2.credentials import Credentials
from alibabacloud_oss_v2.signer import SignerV1, SignerV4
from alibabacloud_oss_v2.types import HttpRequest, SigningContext

from tests.support.wire import Query, Request

FORM = ("Content-Type", "application/x-www-form-urlencoded")


@dataclass(frozen=True)
class Key:
    """An access key."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def with_md5(request: Request) -> Request:
    """Return a request that says its body's MD5, so that a signature covers the body."""
    digest = hashlib.md5(request.body, usedforsecurity=False).digest()
    return request.with_headers(("Content-MD5", base64.b64encode(digest).decode()))


def oss(
    key: Key,
    request: Request,
    region: str,
    *,
    version: Literal["v1", "v4"] = "v4",
    url: bool = False,
    additional: tuple[str, ...] = (),
) -> Request:
    """Sign a request to OSS, in its header or in its URL; V1 covers all of the query, too.

    Args:
        key: who signs.
        request: path-style.
        region: of the signature, V4 alone.
        version: of the signature.
        url: whether the signature is in the query.
        additional: headers that V4 covers beside those that it always does.
    """
    if key.token and version == "v1" and not url:  # the signer names the header otherwise than OSS does
        request, key = request.with_headers(("x-oss-security-token", key.token)), replace(key, token=None)
    bucket, _, name = unquote(request.path)[1:].partition("/")
    query = "&".join(_parameter(each, value) for each, value in request.query)
    signed = HttpRequest(request.method, f"http://oss/?{query}", dict(request.headers))
    context = SigningContext(
        "oss",
        region,
        bucket or None,
        name,
        signed,
        Credentials(key.id, key.secret, key.token),
        None,
        0,
        set(additional),
    )
    context.auth_method_query = url
    context.sub_resource = [unquote(each) for each, _ in request.query]
    (SignerV1() if version == "v1" else SignerV4()).sign(context)
    if url:
        return replace(request, query=_pairs(urlsplit(signed.url).query))
    return _with_more(request, signed.headers, leave=() if version == "v1" else ("Date",))


def rpc(key: Key, parameters: Mapping[str, str], *, host: str, method: str = "GET", form: bool = False) -> Request:
    """Return a request to an RPC-style API, signed with HMAC-SHA1, whose parameters are in the query or in a form."""
    said = {
        "Format": "JSON",
        "AccessKeyId": key.id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": _now(),
        **({"SecurityToken": key.token} if key.token else {}),
        **parameters,
    }
    method = "POST" if form else method
    said["Signature"] = OpenApi.get_rpcsignature(said, method, key.secret)
    encoded = urlencode(said, quote_via=quote, safe="~")
    if form:
        return Request("POST", "/", headers=(("Host", host), FORM), body=encoded.encode())
    return Request(method, "/", _pairs(encoded), (("Host", host),))


def acs3(key: Key, request: Request, *, action: str = "", version: str = "") -> Request:
    """Sign with ACS3-HMAC-SHA256, which covers all headers that the request has."""
    digest = hashlib.sha256(request.body).hexdigest()
    headers = {name.lower(): value for name, value in request.headers}
    headers |= {"x-acs-date": _now(), "x-acs-signature-nonce": uuid.uuid4().hex, "x-acs-content-sha256": digest}
    headers |= {"x-acs-action": action} if action else {}
    headers |= {"x-acs-version": version} if version else {}
    headers |= {"x-acs-security-token": key.token} if key.token else {}
    query = {unquote(name): unquote(value or "") for name, value in request.query}
    signed = SimpleNamespace(method=request.method, pathname=request.path, query=query, headers=headers)
    headers["authorization"] = OpenApi.get_authorization(signed, "ACS3-HMAC-SHA256", digest, key.id, key.secret)
    return _with_more(request, headers)


def fc2016(key: Key, request: Request) -> Request:
    """Sign as clients of Function Compute's API 2016-08-15 do."""
    headers = {name.lower(): value for name, value in request.headers}
    headers.setdefault("date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()))
    headers |= {"x-fc-security-token": key.token} if key.token else {}
    signer = fc2.auth.Auth(key.id, key.secret)
    headers["authorization"] = signer.sign_request(request.method, unquote(request.path), headers)
    return _with_more(request, headers)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _parameter(name: str, value: str | None) -> str:
    """Return a parameter in the one form in which signatures cover it, whatever form it is sent in."""
    encoded = quote(unquote(name), safe="-_.~")
    return f"{encoded}={quote(unquote(value), safe='-_.~')}" if value else encoded


def _pairs(query: str) -> Query:
    return tuple(
        (name, value if equals else None) for name, equals, value in (pair.partition("=") for pair in query.split("&"))
    )


def _with_more(request: Request, headers: Mapping[str, str], leave: tuple[str, ...] = ()) -> Request:
    more = [pair for pair in headers.items() if request.header(pair[0]) is None and pair[0] not in leave]
    return request.with_headers(*more)
