"""Signatures of all services as their official clients make them, over requests that a sweep may change afterwards.

Sources: OSS, "Signature version 1" and "Signature version 4"; Alibaba Cloud SDK, "Request syntax and signature method V2 (RPC)"
and "V3"; Function Compute, "Signature authentication".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import quote, unquote

from tests.torture.cloud import Key
from tests.torture.wire import Request

V4 = "OSS4-HMAC-SHA256"
ACS3 = "ACS3-HMAC-SHA256"
FORM = "application/x-www-form-urlencoded"
Pairs = tuple[tuple[str, str | None], ...]


def _percent(text: str) -> str:
    return quote(text, safe="-_.~")


def _basic(key: Key, text: str, method: str, suffix: str = "") -> str:
    return base64.b64encode(hmac.digest((key.secret + suffix).encode(), text.encode(), method)).decode()


def _decoded(query: Pairs) -> list[tuple[str, str]]:
    return sorted((unquote(name), unquote(value or "")) for name, value in query)


def _lower(request: Request) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in request.headers}


def content_md5(body: bytes) -> tuple[str, str]:
    """Return the header that says a body's MD5."""
    return "Content-MD5", base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def with_body_hashes(request: Request) -> Request:
    """Return an OSS request that says its body's digests, so that a signature covers the body."""
    return request.with_headers(
        content_md5(request.body), ("x-oss-content-sha256", hashlib.sha256(request.body).hexdigest())
    )


def _text_v1(request: Request, date: str, subresources: Pairs) -> str:
    headers = _lower(request)
    own = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()) if name.startswith("x-oss-"))
    query = "&".join(f"{name}={value}" if value else name for name, value in _decoded(subresources))
    resource = unquote(request.path) + (f"?{query}" if query else "")
    return "\n".join(
        [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date, own + resource]
    )


def oss_v1(key: Key, request: Request) -> Request:
    """Sign with OSS V1 in the header; everything in the query is a subresource."""
    date = formatdate(usegmt=True)
    request = request.with_headers(("Date", date), *_token(key, "x-oss-security-token"))
    return request.with_headers(
        ("Authorization", f"OSS {key.id}:{_basic(key, _text_v1(request, date, request.query), 'sha1')}")
    )


def presigned_v1(key: Key, request: Request, seconds: int = 600) -> Request:
    """Sign with OSS V1 in the query."""
    expires = str(int(time.time()) + seconds)
    token: Pairs = (("security-token", _percent(key.token)),) if key.token else ()
    request = replace(request, query=(*request.query, *token))
    signature = _basic(key, _text_v1(request, expires, request.query), "sha1")
    signed = (("OSSAccessKeyId", key.id), ("Expires", expires), ("Signature", _percent(signature)))
    return replace(request, query=(*request.query, *signed))


def _token(key: Key, header: str) -> tuple[tuple[str, str], ...]:
    return ((header, key.token),) if key.token else ()


def _signature_v4(key: Key, request: Request, moment: str, region: str, additional: tuple[str, ...]) -> str:
    headers = _lower(request)
    covered = "".join(
        f"{name}:{value}\n"
        for name, value in sorted(headers.items())
        if name.startswith("x-oss-") or name in {"content-type", "content-md5", *additional}
    )
    query = "&".join(
        f"{_percent(name)}={_percent(value)}" if value else _percent(name) for name, value in _decoded(request.query)
    )
    content = headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD")
    canonical = "\n".join(
        [request.method, quote(unquote(request.path), safe="/-_.~"), query, covered, ";".join(additional), content]
    )
    scope = [moment[:8], region, "oss", "aliyun_v4_request"]
    text = f"{V4}\n{moment}\n{'/'.join(scope)}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = f"aliyun_v4{key.secret}".encode()
    for part in scope:
        secret = hmac.digest(secret, part.encode(), "sha256")
    return hmac.digest(secret, text.encode(), "sha256").hex()


def _moment() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def oss_v4(key: Key, request: Request, region: str, additional: tuple[str, ...] = ()) -> Request:
    """Sign with OSS V4 in the header."""
    moment = _moment()
    request = request.with_headers(("x-oss-date", moment), *_token(key, "x-oss-security-token"))
    if request.header("x-oss-content-sha256") is None:
        request = request.with_headers(("x-oss-content-sha256", "UNSIGNED-PAYLOAD"))
    signature = _signature_v4(key, request, moment, region, additional)
    more = f"AdditionalHeaders={';'.join(additional)}," if additional else ""
    credential = f"{key.id}/{moment[:8]}/{region}/oss/aliyun_v4_request"
    return request.with_headers(("Authorization", f"{V4} Credential={credential},{more}Signature={signature}"))


def presigned_v4(
    key: Key, request: Request, region: str, additional: tuple[str, ...] = (), seconds: int = 600
) -> Request:
    """Sign with OSS V4 in the query."""
    moment = _moment()
    said: list[tuple[str, str | None]] = [
        ("x-oss-signature-version", V4),
        ("x-oss-credential", _percent(f"{key.id}/{moment[:8]}/{region}/oss/aliyun_v4_request")),
        ("x-oss-date", moment),
        ("x-oss-expires", str(seconds)),
    ]
    if key.token:
        said.append(("x-oss-security-token", _percent(key.token)))
    if additional:
        said.append(("x-oss-additional-headers", _percent(";".join(additional))))
    request = replace(request, query=(*request.query, *said))
    signature = _signature_v4(key, request, moment, region, additional)
    return replace(request, query=(*request.query, ("x-oss-signature", signature)))


def rpc(
    key: Key, action: str, version: str, parameters: Mapping[str, str], *, host: str, form: bool = False
) -> Request:
    """Return a call of an RPC-style API, signed with HMAC-SHA1, in the query or as a form."""
    said = {
        **parameters,
        "Action": action,
        "Version": version,
        "Format": "JSON",
        "AccessKeyId": key.id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **({"SecurityToken": key.token} if key.token else {}),
    }
    method = "POST" if form else "GET"
    canonical = "&".join(f"{_percent(name)}={_percent(value)}" for name, value in sorted(said.items()))
    signature = _basic(key, f"{method}&%2F&{_percent(canonical)}", "sha1", "&")
    pairs = [(_percent(name), _percent(value)) for name, value in [*said.items(), ("Signature", signature)]]
    if form:
        body = "&".join(f"{name}={value}" for name, value in pairs).encode()
        return Request("POST", "/", headers=(("Host", host), ("Content-Type", FORM)), body=body)
    return Request("GET", "/", tuple(pairs), (("Host", host),))


def acs3(key: Key, request: Request, *, action: str = "", version: str = "") -> Request:
    """Sign with ACS3-HMAC-SHA256."""
    said = [
        ("x-acs-date", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())),
        ("x-acs-signature-nonce", uuid.uuid4().hex),
        ("x-acs-content-sha256", hashlib.sha256(request.body).hexdigest()),
        *((("x-acs-action", action), ("x-acs-version", version)) if action else ()),
        *_token(key, "x-acs-security-token"),
    ]
    request = request.with_headers(*said)
    headers = _lower(request)
    names = sorted(name for name in headers if name.startswith("x-acs-") or name in {"host", "content-type"})
    query = "&".join(f"{_percent(name)}={_percent(value)}" for name, value in _decoded(request.query))
    canonical = "\n".join(
        [
            request.method,
            request.path,
            query,
            "".join(f"{name}:{headers[name]}\n" for name in names),
            ";".join(names),
            headers["x-acs-content-sha256"],
        ]
    )
    text = f"{ACS3}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(key.secret.encode(), text.encode(), "sha256").hex()
    return request.with_headers(
        ("Authorization", f"{ACS3} Credential={key.id},SignedHeaders={';'.join(names)},Signature={signature}")
    )


def fc2(key: Key, request: Request) -> Request:
    """Sign as clients of Function Compute's API 2016-08-15 do."""
    request = request.with_headers(
        ("Date", formatdate(usegmt=True)), content_md5(request.body), *_token(key, "x-fc-security-token")
    )
    headers = _lower(request)
    own = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()) if name.startswith("x-fc-"))
    text = "\n".join(
        [
            request.method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            headers["date"],
            own + unquote(request.path),
        ]
    )
    return request.with_headers(("Authorization", f"FC {key.id}:{_basic(key, text, 'sha256')}"))
