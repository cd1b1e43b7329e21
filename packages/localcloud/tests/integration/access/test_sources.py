"""Each value that decides has one source, the signed one; what else a request carries does not count."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.support import signers
from tests.support.rawhttp import Reply, send

Running = Any  # the running cloud of tests/support/cloud.py
VERSION = "2015-05-01"
TRUST = {"Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}}]}


def ram(cloud: Running, parameters: dict[str, str], *headers: tuple[str, str]) -> Reply:
    """Send an action signed the RPC way, with headers that are not signed."""
    target = signers.rpc(cloud, {"Version": VERSION, **parameters})
    return send(cloud.endpoints["ram"], "GET", target, headers)


@pytest.fixture
def role(cloud: Running) -> str:
    name = f"r{uuid.uuid4().hex[:10]}"
    trust = json.dumps({"Version": "1", **TRUST})
    made = ram(cloud, {"Action": "CreateRole", "RoleName": name, "AssumeRolePolicyDocument": trust})
    assert made.status == 200, made.text
    return name


def test_unsigned_action_header_does_not_decide(cloud: Running, role: str) -> None:
    asked = {"Action": "GetRole", "RoleName": role}
    reply = ram(cloud, asked, ("x-acs-action", "DeleteRole"), ("x-acs-version", "1"))
    assert reply.status == 200
    assert json.loads(reply.body)["Role"]["RoleName"] == role
    assert ram(cloud, asked).status == 200, "the role is still there"


def test_unsigned_action_header_does_not_name_an_action_by_itself(cloud: Running, role: str) -> None:
    reply = ram(cloud, {"RoleName": role}, ("x-acs-action", "DeleteRole"))
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, "MissingAction")


def test_unsigned_parameters_of_the_body_do_not_decide(cloud: Running, role: str) -> None:
    target = signers.rpc(cloud, {"Version": VERSION, "Action": "GetRole", "RoleName": role}, method="POST")
    form = ("Content-Type", "application/x-www-form-urlencoded")
    for body in (b"Action=DeleteRole", b"RoleName=other", b"x-acs-action=DeleteRole"):
        assert send(cloud.endpoints["ram"], "POST", target, [form], body).status == 400
    assert ram(cloud, {"Action": "GetRole", "RoleName": role}).status == 200


def test_the_action_of_an_acs3_request_is_its_signed_header(cloud: Running, role: str) -> None:
    query = {"RoleName": role, "Action": "DeleteRole"}
    request = signers.acs3(cloud, "ram", query=query, x_acs_action="GetRole", x_acs_version=VERSION)
    assert send(cloud.endpoints["ram"], *request).status == 200
    request = signers.acs3(cloud, "ram", query=query)
    reply = send(cloud.endpoints["ram"], *request)
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, "MissingAction")
    assert ram(cloud, {"Action": "GetRole", "RoleName": role}).status == 200


@pytest.mark.parametrize("name", ["x-acs-action", "x-acs-version", "x-acs-security-token", "x-fc-log-type"])
def test_unsigned_header_that_some_service_obeys_is_refused_in_an_acs3_request(cloud: Running, name: str) -> None:
    method, target, headers, body = signers.acs3(cloud, "ram", query={"Action": "ListRoles", "Version": VERSION})
    reply = send(cloud.endpoints["ram"], method, target, [*headers, (name, "ListRoles")], body)
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, "IncompleteSignature")
    assert name in reply.text


def test_unsigned_content_type_does_not_make_a_form_of_a_signed_body(cloud: Running, role: str) -> None:
    method, target, headers, body = signers.acs3(
        cloud, "ram", body=f"RoleName={role}".encode(), x_acs_action="DeleteRole", x_acs_version=VERSION
    )
    more = ("Content-Type", "application/x-www-form-urlencoded")
    assert send(cloud.endpoints["ram"], method, target, [*headers, more], body).status == 400
    assert ram(cloud, {"Action": "GetRole", "RoleName": role}).status == 200


class TestFunctionCompute:
    PATH = "/2023-03-30/functions/{}/invocations"

    def test_unsigned_invocation_type_does_not_count(self, cloud: Running) -> None:
        path = self.PATH.format("missing")
        method, target, headers, body = signers.acs3(cloud, "fc", path=path)
        for value in ("Async", "Sync"):
            reply = send(cloud.endpoints["fc"], method, target, [*headers, ("x-fc-invocation-type", value)], body)
            assert (reply.status, json.loads(reply.body)["Code"]) == (400, "IncompleteSignature")
        signed = signers.acs3(cloud, "fc", path=path, x_fc_invocation_type="Async")
        assert json.loads(send(cloud.endpoints["fc"], *signed).body)["Code"] == "FunctionNotFound"

    def test_unsigned_invocation_type_does_not_count_in_2016(self, cloud: Running) -> None:
        path = "/2016-08-15/services/missing/functions/f/invocations"
        headers = signers.fc(cloud, "POST", path)
        reply = send(cloud.endpoints["fc"], "POST", path, [*headers, ("x-fc-invocation-type", "Async")])
        assert (reply.status, json.loads(reply.body)["Code"]) == (403, "SignatureNotMatch")

    def test_a_signature_that_covers_neither_path_nor_body_is_refused(self, cloud: Running) -> None:
        signed = signers.rpc(cloud, {"Action": "GetCallerIdentity"}, method="POST").partition("?")[2]
        body = json.dumps({"serviceName": "smuggled"}).encode()
        reply = send(cloud.endpoints["fc"], "POST", f"/2021-04-06/services?{signed}", body=body)
        assert (reply.status, json.loads(reply.body)["Code"]) == (400, "MissingRequiredHeader")
        request = signers.acs3(cloud, "fc", method="GET", path="/2021-04-06/services/smuggled")
        assert json.loads(send(cloud.endpoints["fc"], *request).body)["Code"] == "ServiceNotFound"

    def test_content_md5_is_checked(self, cloud: Running) -> None:
        path, body = "/2016-08-15/services", b'{"serviceName": "changed"}'
        headers = signers.fc(cloud, "POST", path, content_md5="1B2M2Y8AsgTpgAmY7PhCfg==")  # of nothing
        assert send(cloud.endpoints["fc"], "POST", path, headers, body).status == 400
