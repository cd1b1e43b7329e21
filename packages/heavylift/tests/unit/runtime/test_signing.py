"""Signatures of requests to OSS, against those of oss2."""

from __future__ import annotations

import oss2
import pytest
from oss2.credentials import StaticCredentialsProvider
from oss2.http import Request

from heavylift.runtime.credentials import Credentials
from heavylift.runtime.signing import sign

CREDENTIALS = Credentials("ID", "SECRET", "TOKEN")


@pytest.mark.parametrize("token", ["TOKEN", ""])
@pytest.mark.parametrize(
    ("method", "key", "query", "headers"),
    [
        ("GET", "applib/abc.zip", {}, {"x-oss-range-behavior": "standard"}),
        ("HEAD", "applib/abc.zip", {}, {}),
        ("GET", "", {"list-type": "2", "prefix": "applib/", "max-keys": "1000"}, {}),
        ("POST", "a b/ü+~.zip", {"uploads": ""}, {"x-oss-meta-heavylift-stack": "id"}),
        ("PUT", "k", {"partNumber": "1", "uploadId": "A/B=+"}, {"x-oss-copy-source": "/b/k", "content-type": "x/y"}),
    ],
)
def test_signature_is_the_one_of_oss2(
    method: str, key: str, query: dict[str, str], headers: dict[str, str], token: str
) -> None:
    request = Request(
        method, "http://x", params=dict(query), headers=dict(headers), region="cn-hangzhou", product="oss"
    )
    oss2.ProviderAuthV4(StaticCredentialsProvider("ID", "SECRET", token))._sign_request(request, "bucket", key)
    ours = sign(
        method,
        "bucket",
        key,
        region="cn-hangzhou",
        credentials=Credentials("ID", "SECRET", token),
        query=query,
        headers=headers,
        now=request.headers["x-oss-date"],
    )
    assert ours["authorization"] == request.headers["authorization"]
    assert {name: request.headers[name] for name in ours} == ours


def test_credentials_do_not_show_their_secrets() -> None:
    shown = repr(CREDENTIALS)
    assert "ID" in shown
    assert "SECRET" not in shown
    assert "TOKEN" not in shown
