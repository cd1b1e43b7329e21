"""A Host that is neither loopback's nor the service's own is refused, so that a stranger's page cannot reach the services."""

from __future__ import annotations

import json
import uuid
from typing import Any

import oss2
import pytest

from tests.support.wire import Answer, Request, send, talk

Running = Any  # the running cloud of tests/support/cloud.py
SERVICES = ["oss", "sts", "ram", "fc", "ros"]


def get(cloud: Running, service: str, target: str, *headers: tuple[str, str]) -> Answer:
    return send(cloud.endpoints[service], Request("GET", target, headers=headers))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0"],
)
def test_a_name_that_was_rebound_to_loopback_is_refused(cloud: Running, service: str, host: str) -> None:
    reply = get(cloud, service, "/", ("Host", host))
    assert reply.status == 421
    assert host.partition(":")[0] in reply.text


@pytest.mark.parametrize("service", ["oss", "fc"])
def test_the_administration_is_not_reached_by_another_name(cloud: Running, service: str) -> None:
    path = "/-/localcloud/" + {"oss": "link", "fc": "instances"}[service]
    rights = ("Authorization", f"Bearer {cloud.access_key_secret}")
    assert get(cloud, service, path, rights, ("Host", "evil.example")).status == 421
    assert get(cloud, service, path, rights).status == 200


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:1", "a.localhost", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:99"]
)
def test_names_of_loopback_are_taken(cloud: Running, service: str, host: str) -> None:
    assert get(cloud, service, "/", ("Host", host)).status in (400, 403, 404)


@pytest.mark.parametrize("service", SERVICES)
def test_an_expectation_that_nobody_can_meet_is_answered(cloud: Running, service: str) -> None:
    reply = get(cloud, service, "/", ("Host", "localhost"), ("Expect", "nonsense"))
    assert reply.status == 417
    assert any(name.endswith("request-id") for name in reply.headers)


def test_a_service_takes_its_own_names_only(cloud: Running, bucket: oss2.Bucket) -> None:
    bucket.put_object("key", b"x")
    url = bucket.sign_url("GET", "key", 60, slash_safe=True).removeprefix(cloud.endpoints["oss"])
    target = url.replace(f"/{bucket.bucket_name}/", "/", 1)
    for suffix in (f"oss-{cloud.region}.aliyuncs.com", f"oss-{cloud.region}-internal.aliyuncs.com"):
        for written in (suffix.upper(), f"{suffix}.", f"{suffix}.:80"):
            host = f"{bucket.bucket_name}.{written}"
            assert get(cloud, "oss", target, ("Host", host)).body == b"x", host
        host = f"{bucket.bucket_name}.{suffix}"
        assert get(cloud, "oss", target, ("Host", host)).body == b"x"
    for host in ("oss-nowhere-1.aliyuncs.com", "sts.aliyuncs.com", "a.b.oss-cn-hangzhou.aliyuncs.com"):
        assert get(cloud, "oss", target, ("Host", host)).status == 421
    assert get(cloud, "sts", "/", ("Host", "sts.aliyuncs.com")).status == 400
    assert get(cloud, "ram", "/", ("Host", "sts.aliyuncs.com")).status == 421


@pytest.mark.parametrize("account", [None, "other"])
def test_the_accelerated_endpoint_serves_buckets_with_transfer_acceleration(
    cloud: Running, account: str | None
) -> None:
    bucket = (cloud.account(account) if account else cloud).bucket("test-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    by_gateway = {"http": cloud.endpoints["gateway"]}
    name, endpoint = bucket.bucket_name, "http://oss-accelerate.aliyuncs.com"
    fast = oss2.Bucket(bucket.auth, endpoint, name, region=cloud.region, proxies=by_gateway)
    with pytest.raises(oss2.exceptions.AccessDenied, match="must be addressed using the specified endpoint") as refused:
        fast.put_object("key", b"x")
    assert refused.value.details["Endpoint"] == f"oss-{cloud.region}.aliyuncs.com"
    bucket.put_bucket_transfer_acceleration("true")
    fast.put_object("key", b"x")
    assert bucket.get_object("key").read() == b"x"
    with pytest.raises(oss2.exceptions.AccessDenied):
        oss2.Service(bucket.auth, endpoint, region=cloud.region, proxies=by_gateway).list_buckets()
    bucket.put_bucket_transfer_acceleration("false")
    with pytest.raises(oss2.exceptions.AccessDenied):
        fast.get_object("key")


def test_a_key_that_looks_like_the_administrations_path_is_an_object_of_its_bucket(
    cloud: Running, bucket: oss2.Bucket
) -> None:
    bucket.put_object("-/localcloud/link", b"mine")
    bucket.put_object_acl("-/localcloud/link", "public-read")
    host = f"{bucket.bucket_name}.oss-{cloud.region}.aliyuncs.com"
    assert get(cloud, "oss", "/-/localcloud/link", ("Host", host)).body == b"mine"
    assert get(cloud, "oss", "/-/localcloud/link").status == 401


@pytest.mark.parametrize("service", SERVICES)
def test_a_request_without_host_is_refused(cloud: Running, service: str) -> None:
    assert talk(cloud.endpoints[service], b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 400")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("host", ["a b", "a/b", "user@127.0.0.1", "127.0.0.1:x", "[", "127.0.0.1#", "\udcff"])
def test_a_host_that_is_none_is_refused(cloud: Running, service: str, host: str) -> None:
    assert get(cloud, service, "/", ("Host", host)).status in (400, 421)


@pytest.mark.parametrize("service", SERVICES)
def test_two_hosts_are_refused(cloud: Running, service: str) -> None:
    reply = get(cloud, service, "/", ("Host", "127.0.0.1"), ("Host", "evil.example"))
    assert reply.status == 400


@pytest.mark.parametrize("service", SERVICES)
def test_a_target_for_a_proxy_is_refused(cloud: Running, service: str) -> None:
    reply = get(cloud, service, "http://evil.example/", ("Host", "127.0.0.1"))
    assert reply.status == 400
    assert "gateway" in reply.text


def test_refusals_carry_the_request_id_in_each_form(cloud: Running) -> None:
    host = ("Host", "evil.example")
    oss = get(cloud, "oss", "/", host)
    assert f"<RequestId>{oss.headers['x-oss-request-id']}</RequestId>" in oss.text
    fc = get(cloud, "fc", "/", host)
    assert json.loads(fc.body)["RequestId"] == fc.headers["x-fc-request-id"]
    ram = get(cloud, "ram", "/?Format=JSON", host)
    assert json.loads(ram.body)["RequestId"] == ram.headers["x-acs-request-id"]
