"""Signatures of SLS, made by the official SDK's own signers, and what strangers change of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest
from aliyun.log.auth import AuthV1, AuthV4
from aliyun.log.credentials import StaticCredentialsProvider

from localcloud.kernel.identity import Credential, Identity
from localcloud.kernel.signatures import SignedRequest
from localcloud.sls.errors import SlsError
from localcloud.sls.signing import authenticate

ME = Identity(account_id="1111111111111111")
KEY = Credential(access_key_id="id", access_key_secret="secret", identity=ME)
SESSION = Credential(
    access_key_id="STS.id", access_key_secret="secret", security_token="token", expires_at=2e9, identity=ME
)
HOST = "logs.cn-hangzhou.log.aliyuncs.com"
SIGNERS: Mapping[str, Callable[[StaticCredentialsProvider], Any]] = {
    "v1": AuthV1,
    "v4": lambda provider: AuthV4(provider, "cn-hangzhou"),
}


class Keys:
    def find(self, access_key_id: str) -> Credential | None:
        return {key.access_key_id: key for key in (KEY, SESSION)}.get(access_key_id)


def signed(version: str, key: Credential = KEY, body: bytes = b'{"ttl": 1}') -> SignedRequest:
    headers = {"Host": HOST, "Content-Type": "application/json", "x-log-apiversion": "0.6.0"}
    query = {"size": "10", "logstoreName": "ü & b=c"}
    signer = SIGNERS[version](StaticCredentialsProvider(key.access_key_id, key.access_key_secret, key.security_token))
    signer.sign_request("POST", "/logstores", query, headers, body)
    return SignedRequest(
        method="POST",
        path="/logstores",
        query=tuple(query.items()),
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
    )


def check(request: SignedRequest, *, region: str = "cn-hangzhou", after: float = 0.0) -> Identity:
    return authenticate(request, credentials=Keys(), region=region, now=time.time() + after)


def refusal(request: SignedRequest, **given: Any) -> str:
    with pytest.raises(SlsError) as caught:
        check(request, **given)
    return caught.value.code


@pytest.mark.parametrize("version", SIGNERS)
@pytest.mark.parametrize("key", [KEY, SESSION])
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_what_the_official_sdk_signs_is_taken(version: str, key: Credential, body: bytes) -> None:
    assert check(signed(version, key, body)) == ME


@pytest.mark.parametrize("version", SIGNERS)
@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/logstores/other"},
        {"query": (("size", "10"),)},
        {"query": (("size", "10"), ("logstoreName", "ü & b=c"), ("offset", "1"))},
    ],
)
def test_another_request_with_the_same_signature_is_refused(version: str, change: dict[str, Any]) -> None:
    assert refusal(replace(signed(version), **change)) == "SignatureNotMatch"


@pytest.mark.parametrize("version", SIGNERS)
@pytest.mark.parametrize("name", ["x-log-apiversion", "x-acs-action", "x-log-bodyrawsize", "content-type"])
def test_a_header_that_was_changed_or_added_is_refused(version: str, name: str) -> None:
    request = signed(version)
    assert refusal(replace(request, headers={**request.headers, name: "other"})) == "SignatureNotMatch"


def test_version_4_is_good_for_its_host_its_body_and_its_region_alone() -> None:
    request = signed("v4")
    assert refusal(replace(request, headers={**request.headers, "host": "other"})) == "SignatureNotMatch"
    with pytest.raises(SlsError, match="SHA-256 of the body"):
        check(replace(request, body=b'{"ttl": 2}'))
    other = {**request.headers, "x-log-content-sha256": hashlib.sha256(b"other").hexdigest()}
    assert refusal(replace(request, headers=other, body=b"other")) == "SignatureNotMatch"
    assert refusal(request, region="cn-beijing") == "SignatureNotMatch"


def test_version_1_covers_the_body_by_its_digest_or_takes_none() -> None:
    request = signed("v1", body=b"")
    assert refusal(replace(request, body=b"added")) == "ParameterInvalid"
    request = signed("v1")
    md5 = hashlib.md5(b"other", usedforsecurity=False).hexdigest().upper()
    headers = {**request.headers, "content-md5": md5}
    assert refusal(replace(request, headers=headers, body=b"other")) == "SignatureNotMatch"


def test_a_time_beside_the_signed_one_is_refused() -> None:
    request = signed("v1")
    later = {**request.headers, "x-log-date": formatdate(time.time() + 600, usegmt=True)}
    assert refusal(replace(request, headers=later)) == "InvalidRequestTime"


@pytest.mark.parametrize("version", SIGNERS)
@pytest.mark.parametrize("after", [-1000.0, 1000.0])
def test_a_signature_is_good_for_15_minutes(version: str, after: float) -> None:
    assert refusal(signed(version), after=after) == "RequestTimeExpired"


@pytest.mark.parametrize("version", SIGNERS)
def test_a_session_needs_its_own_token_and_lives_as_long(version: str) -> None:
    assert refusal(signed(version, replace(SESSION, security_token=None))) == "Unauthorized"
    assert refusal(signed(version, replace(SESSION, security_token="other"))) == "Unauthorized"
    assert refusal(signed(version, replace(KEY, security_token="token"))) == "Unauthorized"
    now = time.time()
    expired = replace(SESSION, expires_at=now)
    keys = Keys()
    keys.find = lambda _: expired  # type: ignore[assignment, method-assign]
    with pytest.raises(SlsError, match="has expired"):
        authenticate(signed(version, SESSION), credentials=keys, region="cn-hangzhou", now=now)


@pytest.mark.parametrize("version", SIGNERS)
def test_a_secret_that_is_not_the_keys_is_refused(version: str) -> None:
    assert refusal(signed(version, replace(KEY, access_key_secret="guess"))) == "SignatureNotMatch"
    assert refusal(signed(version, replace(KEY, access_key_id="nobody"))) == "Unauthorized"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "LOG",
        "LOG id",
        "LOG id:",
        "OSS id:c2ln",
        "SLS4-HMAC-SHA256",
        "SLS4-HMAC-SHA256 Credential=id,Signature=" + "0" * 64,
    ],
)
def test_a_malformed_signature_is_refused(authorization: str) -> None:
    request = signed("v1")
    assert refusal(replace(request, headers={**request.headers, "authorization": authorization})) == "ParameterInvalid"


@pytest.mark.parametrize("date", ["", "yesterday", "\udcff", "Thu, 99 Nov 2026 99:99:99 GMT"])
def test_a_time_that_is_none_is_refused(date: str) -> None:
    for version, name in (("v1", "date"), ("v4", "x-log-date")):
        request = signed(version)
        headers = {**request.headers, name: date, "x-log-date": date}
        assert refusal(replace(request, headers=headers)) == "InvalidRequestTime"
