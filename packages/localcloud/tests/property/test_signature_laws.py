"""Laws of signatures: what the vendors' signers sign is accepted, and nothing that a signature covers can be changed.

OSS in the header and in the query, versions 1 and 4; RPC; ACS3; Function Compute's own. A change is one of: another value, a part
that was added, one that was removed, one that comes twice.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import fc2.auth
import oss2
import pytest
from alibabacloud_openapi_util.client import Client as Signer
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from localcloud.fc.api import signing as fc_signing
from localcloud.kernel.door import REPEATABLE
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Credential, Identity
from localcloud.kernel.signatures import Authenticator, SignedRequest, read_query
from localcloud.oss.api.url import read_url
from localcloud.oss.signing.claim import SignedRequest as OssRequest
from localcloud.oss.signing.reading import read_claim

KEY = Credential(access_key_id="LOCALkey", access_key_secret="secret", identity=Identity(account_id="1" * 16))
REGION = "cn-hangzhou"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=["Cs", "Cc"]), max_size=12)
VALUE = st.text("abcXYZ019-_.~/", min_size=1, max_size=12)  # of a header


class Keys:
    def find(self, access_key_id: str) -> Credential | None:
        return KEY if access_key_id == KEY.access_key_id else None


@dataclass(frozen=True)
class Sent:
    """A request on its way, when anybody may change it: every line and every parameter as often as it comes."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


def accepts(check: Callable[[Sent], None], sent: Sent) -> bool:
    """Return True if a service takes a request: the door, which refuses what comes twice, and the signature."""
    names = [name for name, _ in sent.headers]
    if any(names.count(name) > 1 for name in names if name not in REPEATABLE):
        return False
    try:
        check(sent)
    except ApiError:
        return False
    return True


# The services


def by_authenticator(sent: Sent) -> None:
    request = SignedRequest(
        method=sent.method,
        path=sent.path,
        query=read_query(urlencode(sent.query)),
        headers=dict(sent.headers),
        body=sent.body,
    )
    Authenticator(Keys(), clock=time.time).authenticate(request)


def by_fc(sent: Sent) -> None:
    request = SignedRequest(
        method=sent.method, path=sent.path, query=sent.query, headers=dict(sent.headers), body=sent.body
    )
    fc_signing.authenticate(request, credentials=Keys(), now=time.time())


def by_oss(sent: Sent) -> None:
    query = urlencode(sent.query, quote_via=quote)
    target = read_url("127.0.0.1", quote(sent.path) + (f"?{query}" if query else ""))
    request = OssRequest(
        method=sent.method, bucket=target.bucket, key=target.key, query=target.query, headers=dict(sent.headers)
    )
    claim = read_claim(request, region=REGION, now=time.time())
    if claim is None or claim.access_key_id != KEY.access_key_id:
        raise ApiError("Anonymous", "nobody signed it", 403)
    claim.verify(KEY.access_key_secret)


# The signers


def acs3(value: str, text: str) -> Sent:
    body = text.encode()
    headers = {
        "host": "127.0.0.1:1",
        "x-acs-action": value,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-signature-nonce": "nonce",
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-fc-invocation-type": value,
        "content-type": "text/plain",
    }
    query = {"Name": text, "Other": value}
    request = SimpleNamespace(method="POST", pathname="/path", query=query, headers=headers)
    headers["authorization"] = Signer.get_authorization(
        request, "ACS3-HMAC-SHA256", headers["x-acs-content-sha256"], KEY.access_key_id, KEY.access_key_secret
    )
    return Sent("POST", "/path", tuple(query.items()), tuple(headers.items()), body)


def rpc(value: str, text: str) -> Sent:
    query = {
        "Action": value,
        "Name": text,
        "AccessKeyId": KEY.access_key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": "nonce",
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    query["Signature"] = Signer.get_rpcsignature(query, "GET", KEY.access_key_secret)
    return Sent("GET", "/", tuple(query.items()), (("host", "127.0.0.1:1"),))


def fc(value: str, text: str) -> Sent:
    headers = {
        "date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "content-type": "application/json",
        "content-md5": value,
        "x-fc-invocation-type": value,
    }
    path = "/2016-08-15/services"
    auth = fc2.auth.Auth(KEY.access_key_id, KEY.access_key_secret)
    headers["authorization"] = auth.sign_request("POST", path, headers)
    return Sent("POST", path, (), tuple(headers.items()))


def oss(version: str, *, presigned: bool) -> Callable[[str, str], Sent]:
    auth = {"v1": oss2.Auth, "v4": oss2.AuthV4}[version](KEY.access_key_id, KEY.access_key_secret)

    def sign(value: str, text: str) -> Sent:
        headers = {"x-oss-object-acl": value, "x-oss-meta-a": value, "content-type": "text/plain"}
        request = oss2.http.Request(
            "PUT",
            "http://127.0.0.1/bucket/key",
            params={"uploadId": text or "x", "partNumber": value},
            headers=headers,
            region=REGION,
            product="oss",
        )
        if presigned:
            url = auth._sign_url(request, "bucket", "key", 60)
            query = tuple(parse_qsl(urlsplit(url).query, keep_blank_values=True))
            request.headers.pop("date", None)  # the signer's own note of when the URL ends
        else:
            auth._sign_request(request, "bucket", "key")
            query = tuple(request.params.items())
        sent = {name.lower(): given for name, given in request.headers.items() if given and name != "User-Agent"}
        return Sent("PUT", "/bucket/key", query, tuple(sent.items()))

    return sign


@dataclass(frozen=True)
class Scheme:
    sign: Callable[[str, str], Sent]
    check: Callable[[Sent], None]
    added_headers: tuple[str, ...]  # how the names of those begin that must not come from elsewhere


SCHEMES: Mapping[str, Scheme] = {
    "acs3": Scheme(acs3, by_authenticator, ("x-acs-",)),
    "rpc": Scheme(rpc, by_authenticator, ()),
    "fc": Scheme(fc, by_fc, ("x-fc-",)),
    "oss-v1": Scheme(oss("v1", presigned=False), by_oss, ("x-oss-",)),
    "oss-v4": Scheme(oss("v4", presigned=False), by_oss, ("x-oss-",)),
    "oss-v1-presigned": Scheme(oss("v1", presigned=True), by_oss, ("x-oss-",)),
    "oss-v4-presigned": Scheme(oss("v4", presigned=True), by_oss, ("x-oss-",)),
}
each_scheme = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
few = settings(max_examples=25)  # of each of seven schemes


def schemes_except(name: str) -> pytest.MarkDecorator:
    kept = {each: scheme for each, scheme in SCHEMES.items() if each != name}
    return pytest.mark.parametrize("scheme", kept.values(), ids=kept)


Pairs = tuple[tuple[str, str], ...]


def changes(pairs: Pairs, index: int, value: str) -> list[Pairs]:
    """Return the ways to change one of some pairs: another value, none, twice the same, another one before and after it."""
    name, old = pairs[index]
    before, after = pairs[:index], pairs[index + 1 :]
    other = (name, value)
    return [
        (*before, other, *after),
        (*before, *after),
        (*pairs, (name, old)),
        (other, *pairs),
        (*pairs, other),
    ]


@each_scheme
@few
@given(value=VALUE, text=TEXT)
def test_what_the_vendors_signer_signs_is_accepted(scheme: Scheme, value: str, text: str) -> None:
    assert accepts(scheme.check, scheme.sign(value, text))


@schemes_except("rpc")  # which signs no headers
@few
@given(value=VALUE, text=TEXT, other=VALUE, data=st.data())
def test_no_signed_header_can_be_changed(
    scheme: Scheme, value: str, text: str, other: str, data: st.DataObject
) -> None:
    sent = scheme.sign(value, text)
    signed = [
        place
        for place, (name, _) in enumerate(sent.headers)
        if name.startswith(("x-oss-", "x-acs-", "x-fc-", "content-", "authorization", "date"))
    ]
    place = data.draw(st.sampled_from(signed))
    assume(other != sent.headers[place][1])
    for headers in changes(sent.headers, place, other):
        assert not accepts(scheme.check, replace(sent, headers=headers)), headers


@schemes_except("fc")  # whose client signs no parameters: those of lists alone are obeyed
@few
@given(value=VALUE, text=TEXT, other=VALUE, data=st.data())
def test_no_signed_parameter_can_be_changed(
    scheme: Scheme, value: str, text: str, other: str, data: st.DataObject
) -> None:
    sent = scheme.sign(value, text)
    place = data.draw(st.integers(0, len(sent.query) - 1))
    assume(other != sent.query[place][1])
    for query in changes(sent.query, place, other):
        assert not accepts(scheme.check, replace(sent, query=query)), query


@each_scheme
@few
@given(value=VALUE, text=TEXT, name=st.text("abcdefgh-", min_size=1, max_size=8), more=VALUE)
def test_nothing_that_is_obeyed_can_be_added(scheme: Scheme, value: str, text: str, name: str, more: str) -> None:
    sent = scheme.sign(value, text)
    for begin in scheme.added_headers:
        added = (begin + name, more)
        assert not accepts(scheme.check, replace(sent, headers=(*sent.headers, added)))
    if scheme.check is by_authenticator:
        assert not accepts(scheme.check, replace(sent, query=(*sent.query, (f"New{name}", more))))


@each_scheme
@few
@given(value=VALUE, text=TEXT)
def test_method_and_path_cannot_be_changed(scheme: Scheme, value: str, text: str) -> None:
    sent = scheme.sign(value, text)
    assert not accepts(scheme.check, replace(sent, method="DELETE"))
    if scheme.sign is not rpc:  # which signs no path; its services have one only
        assert not accepts(scheme.check, replace(sent, path=sent.path + "x"))


@given(value=VALUE, text=TEXT, body=st.binary(max_size=20))
def test_the_body_of_an_acs3_request_cannot_be_changed(value: str, text: str, body: bytes) -> None:
    sent = acs3(value, text)
    assume(body != sent.body)
    assert not accepts(by_authenticator, replace(sent, body=body))
