"""The rights of a role at Function Compute: decided by the route, whatever names say."""

from __future__ import annotations

import base64
import io
import json
import os
import uuid
import zipfile
from typing import Any

import oss2
import pytest

from tests.support.roles import assume_role
from tests.support.signers import Key, acs3
from tests.support.wire import Answer, Request, send

Running = Any  # the running cloud of tests/support/cloud.py


def ask(cloud: Running, key: Key | None, method: str, path: str, body: object = None) -> Answer:
    content = b"" if body is None else json.dumps(body).encode()
    return ask_raw(cloud, key, method, path, content)


def ask_raw(cloud: Running, key: Key | None, method: str, path: str, body: bytes) -> Answer:
    request = Request(method, path, headers=(("Host", cloud.host("fc")),), body=body)
    return send(cloud.endpoints["fc"], acs3(key or cloud.key, request))


def code() -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return b'ran'\n")
    return base64.b64encode(buffer.getvalue()).decode()


def function(name: str) -> dict[str, Any]:
    return {
        "functionName": name,
        "runtime": "python3.10",
        "handler": "index.handler",
        "code": {"zipFile": code()},
    }


def test_the_host_of_another_account_is_served_to_nobody(cloud: Running, service: str) -> None:
    host = f"5678.{cloud.region}.fc.aliyuncs.com"
    path = f"/2021-04-06/services/{service}"
    trigger = {
        "triggerName": "t",
        "triggerType": "http",
        "triggerConfig": '{"methods": ["GET"], "authType": "anonymous"}',
    }
    assert ask(cloud, None, "POST", f"{path}/functions/fn/triggers", trigger).status == 200
    proxy = f"/2016-08-15/proxy/{service}.LATEST/fn/"

    def get(target: str, key: Key | None) -> Answer:
        request = Request("GET", target, headers=(("Host", host),))
        return send(cloud.endpoints["fc"], acs3(key, request) if key else request)

    refused = get(path, cloud.key)
    assert (refused.status, json.loads(refused.body)["Code"]) == (403, "AccessDenied")
    assert f"the host {host} is of account 5678" in refused.text
    # As on the platform, a key that nobody has is told first.
    assert json.loads(get(path, Key("nobody", "x")).body)["Code"] == "InvalidAccessKeyId.NotFound"
    assert get(proxy, None).status == 400


@pytest.fixture
def service(cloud: Running) -> str:
    """A service with the functions fn, triggers and invocations."""
    name = f"s{uuid.uuid4().hex[:10]}"
    assert ask(cloud, None, "POST", "/2021-04-06/services", {"serviceName": name}).status == 200
    for each in ("fn", "triggers", "invocations"):
        made = ask(cloud, None, "POST", f"/2021-04-06/services/{name}/functions", function(each))
        assert made.status == 200, made.text
    return name


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


@pytest.mark.parametrize(
    ("action", "named"),
    [("fc:ListTriggers", "triggers"), ("fc:CreateTrigger", "triggers"), ("fc:InvokeFunction", "invocations")],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_right_to_something_else_does_not_reach_a_function_of_that_name(
    cloud: Running, service: str, action: str, named: str, method: str
) -> None:
    key = assume_role(cloud, allow(action))
    path = f"/2021-04-06/services/{service}/functions/{named}"
    assert ask(cloud, key, method, path, {} if method == "PUT" else None).status == 403
    assert ask(cloud, None, "GET", path).status == 200


@pytest.mark.parametrize(
    "written", ["{}.", "{}.LATEST", "{}.latest", "{}%2e", "%73{}", "{}%2FLATEST", "./{}", "{}/../{}"]
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_spelling_of_a_service_does_not_evade_a_deny(
    cloud: Running, service: str, written: str, method: str
) -> None:
    denied = {"Effect": "Deny", "Action": "fc:*", "Resource": f"acs:fc:*:*:services/{service}/functions/fn"}
    key = assume_role(cloud, allow("fc:*"), denied)
    spelled = "%73" + service[1:] if written.startswith("%73") else written.replace("{}", service)
    reply = ask(cloud, key, method, f"/2021-04-06/services/{spelled}/functions/fn")
    assert reply.status in (400, 403, 404, 501)
    assert ask(cloud, None, "GET", f"/2021-04-06/services/{service}/functions/fn").status == 200
    assert ask(cloud, key, "GET", f"/2021-04-06/services/{service}/functions/triggers").status == 200


def test_each_operation_needs_the_right_of_its_own_name(cloud: Running, service: str) -> None:
    base = f"/2021-04-06/services/{service}"
    here = f"acs:fc:{cloud.region}:{cloud.account_id}:services/{service}"
    table = [
        ("fc:GetService", here, "GET", base),
        ("fc:ListFunctions", f"{here}/functions/*", "GET", f"{base}/functions"),
        ("fc:GetFunction", f"{here}/functions/fn", "GET", f"{base}/functions/fn"),
        ("fc:ListTriggers", f"{here}/functions/fn/triggers/*", "GET", f"{base}/functions/fn/triggers"),
        ("fc:InvokeFunction", f"{here}/functions/fn", "POST", f"{base}/functions/fn/invocations"),
    ]
    for action, resource, method, path in table:
        key = assume_role(cloud, allow(action, resource=resource))
        for _, _, other_method, other in table:
            status = ask(cloud, key, other_method, other).status
            assert (status == 200) == ((method, path) == (other_method, other)), (action, other)


def test_a_deny_of_a_name_holds_for_its_creation(cloud: Running, service: str) -> None:
    denied = {"Effect": "Deny", "Action": "fc:CreateFunction", "Resource": "acs:fc:*:*:services/*/functions/secret"}
    key = assume_role(cloud, allow("fc:*"), denied)
    functions = f"/2021-04-06/services/{service}/functions"
    assert ask(cloud, key, "POST", functions, function("secret")).status == 403
    assert ask(cloud, key, "POST", functions, function("public")).status == 200


def test_right_to_functions_alone_does_not_give_them_a_role(cloud: Running, service: str) -> None:
    role = f"acs:ram::{cloud.account_id}:role/administrator"
    key = assume_role(cloud, allow("fc:*"))
    base = "/2021-04-06/services"
    for method, path, body in (
        ("POST", base, {"serviceName": f"{service}x", "role": role}),
        ("PUT", f"{base}/{service}", {"role": role}),
        ("POST", "/2023-03-30/functions", {**function(f"{service}y"), "role": role}),
    ):
        reply = ask(cloud, key, method, path, body)
        assert (reply.status, json.loads(reply.body)["Code"]) == (403, "AccessDenied")
        assert "ram:PassRole" in reply.text
    passing = assume_role(cloud, allow("fc:*"), allow("ram:PassRole", resource=role))
    assert ask(cloud, passing, "PUT", f"{base}/{service}", {"role": role}).status == 200


@pytest.mark.parametrize(
    "name", ["a.b", "a%2Fb", "..", "%2e%2e", "-a", "1a", "%00", "%ff", "a%0a", "ü", "a" * 129, "", "a%20", "%E2%80%AE"]
)
def test_names_that_cannot_be_are_refused_in_paths(cloud: Running, name: str) -> None:
    if not name.isascii():
        name = "%C3%BC"
    for path in (
        f"/2021-04-06/services/{name}",
        f"/2023-03-30/functions/{name}",
        f"/2023-03-30/functions/f/triggers/{name}",
    ):
        reply = ask(cloud, None, "DELETE", path)
        assert (reply.status, json.loads(reply.body)["Code"]) in {(400, "InvalidArgument"), (501, "NotImplemented")}


@pytest.fixture
def secret(cloud: Running, bucket: oss2.Bucket) -> str:
    """A bucket with the package secret/code.zip and the symlink public/link to it."""
    bucket.put_object("secret/code.zip", base64.b64decode(code()))
    bucket.put_symlink("secret/code.zip", "public/link")
    return str(bucket.bucket_name)


def from_oss(name: str, bucket: str, key: str) -> dict[str, Any]:
    return {**function(name), "code": {"ossBucketName": bucket, "ossObjectName": key}}


@pytest.mark.parametrize("base", ["/2023-03-30/functions", "/2021-04-06/services/{}/functions"])
@pytest.mark.parametrize("key", ["secret/code.zip", "secret/none.zip", "public/link"])
def test_right_to_functions_alone_does_not_read_their_code_from_oss(
    cloud: Running, service: str, secret: str, base: str, key: str
) -> None:
    path, name = base.replace("{}", service), f"f{uuid.uuid4().hex[:10]}"
    assert ask(cloud, None, "POST", path, function(name)).status == 200
    readable = allow("oss:GetObject", resource=f"acs:oss:*:*:{secret}/public/*")
    role = assume_role(cloud, allow("fc:*"), readable)
    for method, where, each in (("POST", path, f"{name}x"), ("PUT", f"{path}/{name}", name)):
        reply = ask(cloud, role, method, where, from_oss(each, secret, key))
        assert (reply.status, json.loads(reply.body)["Code"]) == (403, "AccessDenied"), reply.text
        assert "oss:GetObject" in reply.text


@pytest.mark.parametrize("key", ["secret/code.zip", "public/link"])
def test_code_is_read_from_oss_with_the_right_on_it_and_on_a_symlinks_target(
    cloud: Running, secret: str, key: str
) -> None:
    role = assume_role(cloud, allow("fc:*"), allow("oss:GetObject", resource=f"acs:oss:*:*:{secret}/*"))
    reply = ask(cloud, role, "POST", "/2023-03-30/functions", from_oss(f"f{uuid.uuid4().hex[:10]}", secret, key))
    assert reply.status == 200, reply.text


def test_rights_are_asked_before_the_body_is_parsed(cloud: Running, service: str) -> None:
    key = assume_role(cloud, allow("ram:*"))
    assert ask_raw(cloud, key, "PUT", f"/2021-04-06/services/{service}", b"{").status == 403


@pytest.mark.parametrize("body", [b'{"a": [' + b"[]," * 2_000_000 + b"[]]}", b'{"a": "' + b"x" * 5_000_000 + b'"}'])
def test_body_that_is_large_without_a_code_package_is_refused(cloud: Running, body: bytes) -> None:
    reply = ask_raw(cloud, None, "POST", "/2023-03-30/functions", body)
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, "EntityTooLarge"), reply.text


def test_code_package_of_megabytes_is_taken(cloud: Running) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return b'ran'\n")
        archive.writestr("data", os.urandom(5_000_000))
    name = f"f{uuid.uuid4().hex[:10]}"
    body = {**function(name), "code": {"zipFile": base64.b64encode(buffer.getvalue()).decode()}}
    reply = ask(cloud, None, "POST", "/2023-03-30/functions", body)
    assert reply.status == 200, reply.text
    assert json.loads(reply.body)["codeSize"] == len(buffer.getvalue())
    reply = ask(cloud, None, "POST", f"/2023-03-30/functions/{name}/invocations")
    assert reply.body == b"ran"
