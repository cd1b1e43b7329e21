"""Headers and parameters that come twice are refused: a signature covers one of the values, a handler might obey the other."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import oss2
import pytest

from tests.support import signers
from tests.support.wire import Answer, Query, Request, send

Running = Any  # the running cloud of tests/support/cloud.py
Version = Literal["v1", "v4"]
JSON = ("Content-Type", "application/json")


@pytest.fixture
def signed(cloud: Running, bucket: oss2.Bucket) -> Callable[..., Request]:
    """Sign a request to an object of a bucket: method, key, version; headers, body, or whether the URL is signed."""

    def sign(method: str, key: str, version: Version, *headers: tuple[str, str], **more: Any) -> Request:
        given = (("Host", cloud.host("oss")), *headers)
        request = Request(method, f"/{bucket.bucket_name}/{key}", headers=given, body=more.get("body", b""))
        return signers.oss(cloud.key, request, cloud.region, version=version, url=more.get("url", False))

    return sign


def oss(cloud: Running, request: Request) -> Answer:
    return send(cloud.endpoints["oss"], request)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("version", ["v1", "v4"])
def test_unsigned_duplicate_acl_header_is_refused(
    cloud: Running, bucket: oss2.Bucket, signed: Callable[..., Request], version: Version, before: bool
) -> None:
    request = signed("PUT", "key", version, ("x-oss-object-acl", "private"), body=b"secret")
    more = (("x-oss-object-acl", "public-read"),)
    headers = more + request.headers if before else request.headers + more
    reply = oss(cloud, replace(request, headers=headers))
    assert reply.status == 400
    assert b"<Code>InvalidArgument</Code>" in reply.body
    assert b"x-oss-object-acl" in reply.body
    assert not bucket.object_exists("key")


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_unsigned_duplicate_acl_header_of_a_presigned_url_is_refused(
    cloud: Running, bucket: oss2.Bucket, signed: Callable[..., Request], version: Version
) -> None:
    request = signed("PUT", "key", version, ("x-oss-object-acl", "private"), body=b"secret", url=True)
    twice = (("x-oss-object-acl", "public-read"), *request.headers)
    assert oss(cloud, replace(request, headers=twice)).status == 400
    assert not bucket.object_exists("key")
    assert oss(cloud, request).status == 200


@pytest.mark.parametrize("version", ["v1", "v4"])
@pytest.mark.parametrize("name", ["x-oss-copy-source", "content-type", "x-oss-meta-a", "x-oss-date", "Authorization"])
def test_any_header_that_is_signed_or_obeyed_comes_once(
    cloud: Running, bucket: oss2.Bucket, signed: Callable[..., Request], version: Version, name: str
) -> None:
    request = signed("PUT", "key", version, ("x-oss-meta-a", "1"), ("content-type", "text/plain"), body=b"x")
    value = request.header(name) or f"/{bucket.bucket_name}/other"
    assert oss(cloud, request.with_headers((name, value), (name, value))).status == 400
    assert not bucket.object_exists("key")


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_a_repeated_query_parameter_is_refused(cloud: Running, bucket: oss2.Bucket, version: Version) -> None:
    bucket.put_object("a", b"1")
    listed = Request("GET", f"/{bucket.bucket_name}/", (("acl", None),), (("Host", cloud.host("oss")),))
    request = signers.oss(cloud.key, listed, cloud.region, version=version)
    assert oss(cloud, request).status == 200
    reply = oss(cloud, replace(request, query=(("acl", "x"), *request.query)))
    assert reply.status == 400
    assert b"<ArgumentName>acl</ArgumentName>" in reply.body


def test_lists_that_nobody_obeys_may_come_in_several_lines(
    cloud: Running, bucket: oss2.Bucket, signed: Callable[..., Request]
) -> None:
    bucket.put_object("a", b"1")
    more = [("Accept-Encoding", "gzip"), ("Accept-Encoding", "identity"), ("Via", "1.1 a"), ("Via", "1.1 b")]
    assert oss(cloud, signed("GET", "a", "v4").with_headers(*more)).body == b"1"


@pytest.mark.parametrize("name", ["x-acs-action", "x-acs-version", "x-acs-security-token", "authorization"])
def test_a_repeated_header_of_an_acs3_request_is_refused(cloud: Running, name: str) -> None:
    plain = Request("POST", "/", headers=(("Host", cloud.host("ram")),))
    request = signers.acs3(cloud.key, plain, action="ListRoles", version="2015-05-01")
    value = request.header(name) or "x"
    kept = tuple(header for header in request.headers if header[0] != name)
    for other in (value, "other"):
        reply = send(cloud.endpoints["ram"], replace(request, headers=(*kept, (name, other), (name, value))))
        assert reply.status == 400
        assert json.loads(reply.body or b"{}").get("Code", "InvalidParameter") == "InvalidParameter"


@pytest.mark.parametrize("first", ["Async", "Sync"])
def test_a_repeated_header_of_an_fc_request_is_refused(cloud: Running, first: str) -> None:
    path = f"/2016-08-15/services/s{uuid.uuid4().hex}/functions/f/invocations"
    request = signers.fc2016(cloud.key, Request("POST", path, headers=(JSON, ("x-fc-invocation-type", "Sync"))))
    assert send(cloud.endpoints["fc"], request).status == 404  # signed well: there is no such service
    twice = replace(request, headers=(("x-fc-invocation-type", first), *request.headers))
    reply = send(cloud.endpoints["fc"], twice)
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, "InvalidArgument")
    assert "x-fc-invocation-type" in json.loads(reply.body)["Message"]


def test_a_repeated_query_parameter_is_refused_by_fc(cloud: Running) -> None:
    request = signers.fc2016(cloud.key, Request("GET", "/2016-08-15/services", headers=(JSON,)))
    once: Query = (("limit", "1"),)
    assert send(cloud.endpoints["fc"], replace(request, query=once)).status == 200
    assert send(cloud.endpoints["fc"], replace(request, query=(*once, ("limit", "100")))).status == 400
