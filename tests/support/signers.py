"""Requests signed by the vendors' own signers but not sent, so that tests can change them on the way."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

import fc2.auth
import oss2
import requests
from alibabacloud_openapi_util.client import Client as Signer
from aliyunsdkcore.auth.composer.rpc_signature_composer import get_signed_url

from tests.support.rawhttp import Headers


class _Keep(requests.adapters.BaseAdapter):
    """Keeps a request instead of sending it."""

    kept: requests.PreparedRequest

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        self.kept = request
        raise requests.ConnectionError("kept")

    def close(self) -> None:
        pass


def signed_by_oss2(
    cloud: Any, bucket: str, do: Callable[[oss2.Bucket], object], version: str
) -> requests.PreparedRequest:
    """Return the request that a call of oss2 would send, signed with V1 or V4."""
    keep = _Keep()
    auth = {"v1": oss2.Auth, "v4": oss2.AuthV4}[version](cloud.access_key_id, cloud.access_key_secret)
    session = oss2.Session(adapter=keep)
    client = oss2.Bucket(
        auth, cloud.endpoints["oss"], bucket, region=cloud.region, session=session, is_verify_object_strict=False
    )
    try:
        do(client)
    except oss2.exceptions.RequestError:
        return keep.kept
    raise AssertionError("it sent nothing")


def acs3(
    cloud: Any,
    endpoint: str,
    *,
    method: str = "POST",
    path: str = "/",
    query: Mapping[str, str] | None = None,
    body: bytes = b"",
    key: tuple[str, str, str] | None = None,
    **headers: str,
) -> tuple[str, str, Headers, bytes]:
    """Return method, target, headers and body of a request with an ACS3 signature; `_` in a header's name stands for `-`.

    `key` is an access key with its token; without it the account's own signs.
    """
    access_key_id, secret, token = key or (cloud.access_key_id, cloud.access_key_secret, "")
    digest = hashlib.sha256(body).hexdigest()
    signed = {
        "host": urlsplit(cloud.endpoints[endpoint]).netloc,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-content-sha256": digest,
        **({"x-acs-security-token": token} if token else {}),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    request = SimpleNamespace(method=method, pathname=path, query=dict(query or {}), headers=signed)
    signed["authorization"] = Signer.get_authorization(request, "ACS3-HMAC-SHA256", digest, access_key_id, secret)
    target = path + (f"?{urlencode(query)}" if query else "")
    return method, target, list(signed.items()), body


def rpc(cloud: Any, parameters: Mapping[str, str], *, method: str = "GET") -> str:
    """Return the target of a request with an RPC signature, whose answer is JSON."""
    target, _ = get_signed_url(dict(parameters), cloud.access_key_id, cloud.access_key_secret, "JSON", method, {})
    return str(target)


def rpc_form(cloud: Any, parameters: Mapping[str, str]) -> tuple[Headers, bytes]:
    """Return headers and body of a POST to `/` with an RPC signature, whose parameters are all in the form."""
    sent = {
        "AccessKeyId": cloud.access_key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **parameters,
    }
    sent["Signature"] = Signer.get_rpcsignature(sent, "POST", cloud.access_key_secret)
    return [("Content-Type", "application/x-www-form-urlencoded")], urlencode(sent).encode()


def fc(cloud: Any, method: str, path: str, **headers: str) -> Headers:
    """Return the headers of a request of API version 2016-08-15; `_` in a header's name stands for `-`."""
    signed = {
        "date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "content-type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    auth = fc2.auth.Auth(cloud.access_key_id, cloud.access_key_secret)
    return [*signed.items(), ("authorization", auth.sign_request(method, path, signed))]
