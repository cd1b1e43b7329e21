"""What comes twice in a request is refused: a signature covers one of the values, and a handler might obey the other."""

from __future__ import annotations

import json
import uuid
from typing import Any

import oss2
import pytest

from tests.support import signers
from tests.support.rawhttp import send, send_prepared

Running = Any  # the running cloud of tests/support/cloud.py


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("version", ["v1", "v4"])
def test_unsigned_duplicate_acl_header_is_refused(
    cloud: Running, bucket: oss2.Bucket, version: str, before: bool
) -> None:
    signed = signers.signed_by_oss2(
        cloud,
        bucket.bucket_name,
        lambda client: client.put_object("key", b"secret", headers={"x-oss-object-acl": "private"}),
        version,
    )
    reply = send_prepared(cloud.endpoints["oss"], signed, ("x-oss-object-acl", "public-read"), before=before)
    assert reply.status == 400
    assert b"<Code>InvalidArgument</Code>" in reply.body
    assert b"x-oss-object-acl" in reply.body
    assert not bucket.object_exists("key")


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_unsigned_duplicate_acl_header_of_a_presigned_url_is_refused(
    cloud: Running, bucket: oss2.Bucket, version: str
) -> None:
    auth = {"v1": oss2.Auth, "v4": oss2.AuthV4}[version](cloud.access_key_id, cloud.access_key_secret)
    client = oss2.Bucket(auth, cloud.endpoints["oss"], bucket.bucket_name, region=cloud.region)
    headers = {"x-oss-object-acl": "private"}
    url = client.sign_url("PUT", "key", 60, headers=headers, slash_safe=True)
    target = url.removeprefix(cloud.endpoints["oss"])
    twice = [("x-oss-object-acl", "public-read"), ("x-oss-object-acl", "private")]
    assert send(cloud.endpoints["oss"], "PUT", target, twice, b"secret").status == 400
    assert not bucket.object_exists("key")
    assert send(cloud.endpoints["oss"], "PUT", target, [*headers.items()], b"secret").status == 200


@pytest.mark.parametrize("version", ["v1", "v4"])
@pytest.mark.parametrize("name", ["x-oss-copy-source", "content-type", "x-oss-meta-a", "x-oss-date", "Authorization"])
def test_any_header_that_is_signed_or_obeyed_comes_once(
    cloud: Running, bucket: oss2.Bucket, version: str, name: str
) -> None:
    signed = signers.signed_by_oss2(
        cloud,
        bucket.bucket_name,
        lambda client: client.put_object("key", b"x", headers={"x-oss-meta-a": "1", "content-type": "text/plain"}),
        version,
    )
    value = signed.headers.get(name, f"/{bucket.bucket_name}/other")
    reply = send_prepared(cloud.endpoints["oss"], signed, (name, value), (name, value))
    assert reply.status == 400
    assert not bucket.object_exists("key")


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_a_repeated_query_parameter_is_refused(cloud: Running, bucket: oss2.Bucket, version: str) -> None:
    bucket.put_object("a", b"1")
    signed = signers.signed_by_oss2(cloud, bucket.bucket_name, lambda client: client.list_objects(prefix="a"), version)
    assert send_prepared(cloud.endpoints["oss"], signed).status == 200
    assert signed.url
    signed.url = signed.url.replace("?", "?prefix=&")
    reply = send_prepared(cloud.endpoints["oss"], signed)
    assert reply.status == 400
    assert b"<ArgumentName>prefix</ArgumentName>" in reply.body


def test_lists_that_nobody_obeys_may_come_in_several_lines(cloud: Running, bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1")
    signed = signers.signed_by_oss2(cloud, bucket.bucket_name, lambda client: client.get_object("a"), "v4")
    more = [("Accept-Encoding", "gzip"), ("Accept-Encoding", "identity"), ("Via", "1.1 a"), ("Via", "1.1 b")]
    assert send_prepared(cloud.endpoints["oss"], signed, *more).body == b"1"


@pytest.mark.parametrize("name", ["x-acs-action", "x-acs-version", "x-acs-security-token", "authorization"])
def test_a_repeated_header_of_an_acs3_request_is_refused(cloud: Running, name: str) -> None:
    method, target, headers, body = signers.acs3(cloud, "ram", x_acs_action="ListRoles", x_acs_version="2015-05-01")
    value = dict(headers).get(name, "x")
    for more in ([(name, value), (name, value)], [(name, "other"), (name, value)]):
        kept = [header for header in headers if header[0] != name]
        reply = send(cloud.endpoints["ram"], method, target, [*kept, *more], body)
        assert reply.status == 400
        assert json.loads(reply.body or b"{}").get("Code", "InvalidParameter") == "InvalidParameter"


@pytest.mark.parametrize("first", ["Async", "Sync"])
def test_a_repeated_header_of_an_fc_request_is_refused(cloud: Running, first: str) -> None:
    path = f"/2016-08-15/services/{uuid.uuid4().hex}/functions/f/invocations"
    path = path.replace("services/", "services/s")
    headers = signers.fc(cloud, "POST", path, x_fc_invocation_type="Sync")
    assert send(cloud.endpoints["fc"], "POST", path, headers).status == 404  # signed well: there is no such service
    reply = send(cloud.endpoints["fc"], "POST", path, [("x-fc-invocation-type", first), *headers])
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, "InvalidArgument")
    assert "x-fc-invocation-type" in json.loads(reply.body)["Message"]


def test_a_repeated_query_parameter_is_refused_by_fc(cloud: Running) -> None:
    path = "/2016-08-15/services"
    headers = signers.fc(cloud, "GET", path)
    assert send(cloud.endpoints["fc"], "GET", f"{path}?limit=1", headers).status == 200
    assert send(cloud.endpoints["fc"], "GET", f"{path}?limit=1&limit=100", headers).status == 400
