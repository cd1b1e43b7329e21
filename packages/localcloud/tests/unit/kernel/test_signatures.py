"""Signature checks, with the vendors' own signers as oracles."""

from __future__ import annotations

import hashlib
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from alibabacloud_openapi_util.client import Client as Signer
from aliyunsdkcore.auth.composer.rpc_signature_composer import get_signed_url

from localcloud.kernel.identity import Credential, Identity
from localcloud.kernel.signatures import FORM, FRESH, AuthenticationError, Authenticator, SignedRequest
from tests.support.clock import Clock

NOW = 1_800_000_000.0
ROOT = Credential(access_key_id="LOCALroot", access_key_secret="root-secret", identity=Identity(account_id="1" * 16))
SESSION = Credential(
    access_key_id="STS.session",
    access_key_secret="session-secret",
    security_token="the+token/=",
    expires_at=NOW + 10_000,
    identity=Identity(account_id="1" * 16, role_arn=f"acs:ram::{'1' * 16}:role/reader", session_name="s"),
)


class Keys:
    def find(self, access_key_id: str) -> Credential | None:
        return {credential.access_key_id: credential for credential in (ROOT, SESSION)}.get(access_key_id)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def authenticator(clock: Clock) -> Authenticator:
    return Authenticator(Keys(), clock=clock)


def stamp(seconds: float = NOW) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rpc(
    credential: Credential = ROOT,
    *,
    method: str = "GET",
    form: dict[str, str] | None = None,
    signed_by: str | None = None,
    **changes: str | None,
) -> SignedRequest:
    """A request as alibabacloud_tea_openapi makes it; a change to None leaves the parameter out."""
    query: dict[str, str | None] = {
        "Action": "GetRole",
        "Name": "a b~*+/é",
        "AccessKeyId": credential.access_key_id,
        "SecurityToken": credential.security_token,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": "nonce",
        "Timestamp": stamp(),
        **changes,
    }
    sent = {name: value for name, value in query.items() if value is not None}
    body = form or {}
    sent["Signature"] = Signer.get_rpcsignature({**sent, **body}, method, signed_by or credential.access_key_secret)
    return SignedRequest(
        method=method,
        path="/",
        query=tuple(sent.items()),
        headers={"host": "127.0.0.1", **({"content-type": FORM} if body else {})},
        body=urlencode(body).encode(),
    )


def acs3(
    credential: Credential = ROOT,
    *,
    method: str = "POST",
    path: str = "/",
    query: dict[str, str] | None = None,
    body: bytes = b"",
    signed_by: str | None = None,
    **changes: str,
) -> SignedRequest:
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "host": "127.0.0.1:1",
        "accept": "application/json",
        "x-acs-action": "GetRole",
        "x-acs-date": stamp(),
        "x-acs-signature-nonce": "nonce",
        "x-acs-content-sha256": digest,
        **({"x-acs-security-token": credential.security_token} if credential.security_token else {}),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    request = SimpleNamespace(method=method, pathname=path, query=query or {}, headers=headers)
    headers["authorization"] = Signer.get_authorization(
        request, "ACS3-HMAC-SHA256", digest, credential.access_key_id, signed_by or credential.access_key_secret
    )
    return SignedRequest(method=method, path=path, query=tuple((query or {}).items()), headers=headers, body=body)


def code(authenticator: Authenticator, request: SignedRequest) -> str:
    with pytest.raises(AuthenticationError) as caught:
        authenticator.authenticate(request)
    return caught.value.code


@pytest.mark.parametrize("credential", [ROOT, SESSION], ids=["root", "session"])
@pytest.mark.parametrize(
    "make",
    [
        rpc,
        lambda credential: rpc(credential, method="POST", form={"Body": "x=y & z"}),
        acs3,
        lambda credential: acs3(credential, query={"Name": "a b~*+/é", "Empty": ""}),
        lambda credential: acs3(credential, method="PUT", path="/2023-03-30/functions/f%20g", body=b"{}"),
    ],
    ids=["rpc-get", "rpc-post", "acs3", "acs3-query", "acs3-roa"],
)
def test_requests_of_the_vendors_signers_are_accepted(
    authenticator: Authenticator, make: Callable[[Credential], SignedRequest], credential: Credential
) -> None:
    assert authenticator.authenticate(make(credential)) == credential.identity


def test_requests_of_the_classic_core_sdk_are_accepted(authenticator: Authenticator, clock: Clock) -> None:
    url, _ = get_signed_url({"Action": "GetRole"}, "LOCALroot", "root-secret", "JSON", "POST", {"Text": "ü *~"})
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    sent = datetime.strptime(dict(query)["Timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    clock.now = sent.timestamp()
    request = SignedRequest(
        method="POST",
        path="/",
        query=tuple(query),
        headers={"content-type": f"{FORM}; charset=utf-8"},
        body=urlencode({"Text": "ü *~"}).encode(),
    )
    assert authenticator.authenticate(request) == ROOT.identity


def test_parameters_are_those_of_query_and_form() -> None:
    request = rpc(method="POST", form={"Body": "1"})
    assert request.parameters["Body"] == "1"
    assert request.parameters["Action"] == "GetRole"


@pytest.mark.parametrize("make", [rpc, acs3], ids=["rpc", "acs3"])
class TestBothSchemesRefuse:
    def test_a_wrong_secret(self, authenticator: Authenticator, make: Callable[..., SignedRequest]) -> None:
        assert code(authenticator, make(signed_by="guess")) == "SignatureDoesNotMatch"

    def test_an_unknown_key(self, authenticator: Authenticator, make: Callable[..., SignedRequest]) -> None:
        assert code(authenticator, make(replace(ROOT, access_key_id="nobody"))) == "InvalidAccessKeyId.NotFound"

    def test_another_method(self, authenticator: Authenticator, make: Callable[..., SignedRequest]) -> None:
        assert code(authenticator, replace(make(), method="PUT")) == "SignatureDoesNotMatch"

    def test_a_changed_query(self, authenticator: Authenticator, make: Callable[..., SignedRequest]) -> None:
        request = make()
        assert code(authenticator, replace(request, query=(*request.query, ("More", "")))) == "SignatureDoesNotMatch"

    def test_a_repeated_parameter(self, authenticator: Authenticator, make: Callable[..., SignedRequest]) -> None:
        request = make()
        repeated = replace(request, query=(*request.query, ("Twice", "1"), ("Twice", "2")))
        assert code(authenticator, repeated) == "IncompleteSignature"

    def test_a_replay(self, authenticator: Authenticator, make: Callable[..., SignedRequest]) -> None:
        authenticator.authenticate(make())
        assert code(authenticator, make()) == "SignatureNonceUsed"

    def test_a_forged_token(self, authenticator: Authenticator, make: Callable[..., SignedRequest]) -> None:
        request = make(replace(SESSION, security_token="forged"))
        assert code(authenticator, request) == "InvalidSecurityToken.MismatchWithAccessKey"

    def test_a_session_key_without_token(
        self, authenticator: Authenticator, make: Callable[..., SignedRequest]
    ) -> None:
        assert code(authenticator, make(replace(SESSION, security_token=None))) == "MissingSecurityToken"

    def test_a_token_with_a_long_lived_key(
        self, authenticator: Authenticator, make: Callable[..., SignedRequest]
    ) -> None:
        request = make(replace(ROOT, security_token="any"))
        assert code(authenticator, request) == "InvalidSecurityToken.MismatchWithAccessKey"


def test_a_time_may_have_milliseconds(authenticator: Authenticator) -> None:
    assert authenticator.authenticate(rpc(Timestamp=stamp().replace("Z", ".123Z"))) == ROOT.identity


@pytest.mark.parametrize("off", [-FRESH - 1, FRESH + 1])
def test_a_request_too_far_from_the_servers_time_is_refused(authenticator: Authenticator, off: int) -> None:
    assert code(authenticator, rpc(Timestamp=stamp(NOW + off))) == "InvalidTimeStamp.Expired"
    assert code(authenticator, acs3(x_acs_date=stamp(NOW + off))) == "InvalidTimeStamp.Expired"


def test_an_expired_session_is_refused_and_one_that_lives_is_not(authenticator: Authenticator, clock: Clock) -> None:
    assert SESSION.expires_at is not None
    clock.now = SESSION.expires_at - 1
    authenticator.authenticate(rpc(SESSION, Timestamp=stamp(clock.now)))
    clock.now = SESSION.expires_at
    assert (
        code(authenticator, rpc(SESSION, Timestamp=stamp(clock.now), SignatureNonce="2"))
        == "InvalidSecurityToken.Expired"
    )


def test_a_nonce_is_remembered_as_long_as_its_request_is_fresh(authenticator: Authenticator, clock: Clock) -> None:
    ahead = stamp(NOW + FRESH)
    authenticator.authenticate(rpc(Timestamp=ahead))
    clock.now = NOW + 2 * FRESH - 1
    assert code(authenticator, rpc(Timestamp=ahead)) == "SignatureNonceUsed"
    clock.now = NOW + 3 * FRESH
    assert authenticator.authenticate(rpc(Timestamp=stamp(clock.now))) == ROOT.identity


def test_nonces_of_two_keys_do_not_clash(authenticator: Authenticator) -> None:
    authenticator.authenticate(rpc(ROOT))
    assert authenticator.authenticate(rpc(SESSION)) == SESSION.identity


def test_long_nonces_take_no_more_memory_than_short_ones(authenticator: Authenticator) -> None:
    tracemalloc.start()
    try:
        for number in range(20):
            authenticator.authenticate(rpc(SignatureNonce=f"{number}" + "n" * 100_000))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000


def test_a_refused_request_does_not_use_up_its_nonce(authenticator: Authenticator) -> None:
    code(authenticator, rpc(signed_by="guess"))
    assert authenticator.authenticate(rpc()) == ROOT.identity


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AccessKeyId", None, "MissingAccessKeyId"),
        ("SignatureNonce", None, "IncompleteSignature"),
        ("Timestamp", None, "IncompleteSignature"),
        ("Timestamp", "yesterday", "InvalidTimeStamp.Format"),
        ("SignatureMethod", "HMAC-MD5", "InvalidSignatureMethod"),
        ("SignatureVersion", "2.0", "InvalidSignatureMethod"),
    ],
)
def test_an_incomplete_rpc_request_is_refused(
    authenticator: Authenticator, name: str, value: str | None, expected: str
) -> None:
    changed: dict[str, Any] = {name: value}
    assert code(authenticator, rpc(**changed)) == expected


def test_an_unsigned_request_is_refused(authenticator: Authenticator) -> None:
    request = SignedRequest(method="GET", path="/", query=(("Action", "GetRole"),), headers={}, body=b"")
    assert code(authenticator, request) == "MissingAccessKeyId"


def test_a_form_that_is_not_text_is_refused(authenticator: Authenticator) -> None:
    assert code(authenticator, replace(rpc(method="POST", form={"A": "1"}), body=b"\xff")) == "IncompleteSignature"


def test_a_changed_body_is_refused(authenticator: Authenticator) -> None:
    assert code(authenticator, replace(acs3(body=b"{}"), body=b"[]")) == "SignatureDoesNotMatch"


def test_a_changed_path_is_refused(authenticator: Authenticator) -> None:
    assert code(authenticator, replace(acs3(path="/a"), path="/b")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", ["host", "x-acs-action", "x-acs-date"])
def test_a_changed_header_is_refused(authenticator: Authenticator, name: str) -> None:
    request = acs3()
    changed = replace(request, headers={**request.headers, name: stamp(NOW + 1)})
    assert code(authenticator, changed) == "SignatureDoesNotMatch"


def test_an_unsigned_acs_header_is_refused(authenticator: Authenticator) -> None:
    request = acs3()
    added = replace(request, headers={**request.headers, "x-acs-security-token": "smuggled"})
    assert code(authenticator, added) == "IncompleteSignature"


def test_a_content_type_that_the_http_library_added_unsigned_does_not_count() -> None:
    request = acs3(body=b"RoleName=smuggled")
    for added in ("application/octet-stream", FORM):  # aiohttp adds the former to the SDKs' asynchronous requests
        sent = replace(request, headers={**request.headers, "content-type": added})
        assert Authenticator(Keys(), clock=lambda: NOW).authenticate(sent) == ROOT.identity
        assert "RoleName" not in sent.parameters


def test_a_signed_header_that_was_not_sent_is_refused(authenticator: Authenticator) -> None:
    request = acs3()
    headers = {name: value for name, value in request.headers.items() if name != "accept"}
    assert code(authenticator, replace(request, headers=headers)) == "IncompleteSignature"


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Basic abc", "InvalidSignatureMethod"),
        ("ACS3-HMAC-SHA256", "IncompleteSignature"),
        ("ACS3-HMAC-SHA256 Credential=a,Signature=b", "IncompleteSignature"),
    ],
)
def test_a_malformed_authorization_header_is_refused(
    authenticator: Authenticator, authorization: str, expected: str
) -> None:
    request = acs3()
    malformed = replace(request, headers={**request.headers, "authorization": authorization})
    assert code(authenticator, malformed) == expected


def test_header_bytes_that_are_not_utf8_are_refused_not_fatal(authenticator: Authenticator) -> None:
    request = acs3()
    odd = replace(request, headers={**request.headers, "x-acs-action": "\udcff"})
    assert code(authenticator, odd) == "SignatureDoesNotMatch"


def test_secrets_and_tokens_are_not_in_messages(authenticator: Authenticator) -> None:
    with pytest.raises(AuthenticationError) as caught:
        authenticator.authenticate(acs3(replace(SESSION, security_token="forged")))
    assert SESSION.access_key_secret not in str(caught.value)
    assert str(SESSION.security_token) not in str(caught.value)


def test_form_of_thousands_of_parameters_is_refused_before_it_is_decoded(authenticator: Authenticator) -> None:
    body = b"&".join(b"p%d=" % number for number in range(90_000))
    request = SignedRequest(method="POST", path="/", query=(), headers={"content-type": FORM}, body=body)
    began = time.process_time()
    with pytest.raises(AuthenticationError, match="more than 1000 parameters"):
        authenticator.authenticate(request)
    assert time.process_time() - began < 0.02


def test_long_parameters_are_not_canonicalized_for_a_key_that_nobody_has(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = rpc(AccessKeyId="nobody", Name="é" * 150_000)
    monkeypatch.setattr("localcloud.kernel.signatures.quote", None)
    with pytest.raises(AuthenticationError, match="access key is not found"):
        authenticator.authenticate(changed)
