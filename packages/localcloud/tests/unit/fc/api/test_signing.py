"""The signature of API version 2016-08-15."""

from __future__ import annotations

import email.utils
from dataclasses import replace

import fc2.auth
import pytest

from localcloud.fc.api import signing
from localcloud.fc.errors import FcError
from localcloud.kernel.identity import Credential, Identity
from localcloud.kernel.signatures import SignedRequest

NOW = 1_780_000_000.0
KEY = Credential(access_key_id="LOCALk", access_key_secret="secret", identity=Identity(account_id="1" * 16))
SESSION = replace(KEY, access_key_id="STS.k", security_token="token", expires_at=NOW + 10)


class Store:
    def find(self, access_key_id: str) -> Credential | None:
        return {key.access_key_id: key for key in (KEY, SESSION)}.get(access_key_id)


def sign(
    key: Credential, *, method: str = "POST", path: str = "/2016-08-15/services/s", **headers: str
) -> SignedRequest:
    """Sign a request with the official client."""
    all_headers = {"date": email.utils.formatdate(NOW, usegmt=True), "content-type": "application/json", **headers}
    if key.security_token:
        all_headers["x-fc-security-token"] = key.security_token
    auth = fc2.auth.Auth(key.access_key_id, key.access_key_secret, key.security_token or "")
    all_headers["authorization"] = auth.sign_request(method, path, all_headers)
    return SignedRequest(method=method, path=path, query=(), headers=all_headers, body=b"")


def identify(request: SignedRequest, now: float = NOW) -> Identity:
    return signing.authenticate(request, credentials=Store(), now=now)


@pytest.mark.parametrize("key", [KEY, SESSION])
def test_signature_of_the_official_client_is_right(key: Credential) -> None:
    assert identify(sign(key, **{"x-fc-invocation-type": "Sync", "x-fc-log-type": "Tail"})) == key.identity


@pytest.mark.parametrize("signed", ["/2016-08-15/layerarn/acs%3Afc", "/2016-08-15/layerarn/acs:fc"])
def test_a_path_is_signed_as_it_is_sent_or_decoded(signed: str) -> None:
    request = replace(sign(KEY, path=signed), path="/2016-08-15/layerarn/acs%3Afc")
    assert identify(request) == KEY.identity


@pytest.mark.parametrize("change", ["method", "path", "x-fc-log-type", "content-type", "date"])
def test_changed_after_signing(change: str) -> None:
    request = sign(KEY, **{"x-fc-log-type": "Tail"})
    if change in {"method", "path"}:
        request = replace(request, **{change: getattr(request, change) + "X"})
    else:
        later = email.utils.formatdate(NOW + 1, usegmt=True)
        request = replace(request, headers={**request.headers, change: later if change == "date" else "x"})
    with pytest.raises(FcError, match="SignatureNotMatch"):
        identify(request)


def test_requests_that_are_too_old_and_tokens_that_are_wrong() -> None:
    with pytest.raises(FcError, match="more than 900 seconds"):
        identify(sign(KEY), now=NOW + 901)
    with pytest.raises(FcError, match="expired"):
        identify(sign(SESSION), now=NOW + 10)
    with pytest.raises(FcError, match="token is missing or is not"):
        identify(sign(replace(SESSION, security_token="other")))
    with pytest.raises(FcError, match="token is missing or is not"):
        identify(sign(replace(SESSION, security_token=None)))
    with pytest.raises(FcError, match="InvalidAccessKeyID"):
        identify(sign(replace(KEY, access_key_id="nobody")))
