"""Each value that decides has one source, the signed one; what else a request carries does not count."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from tests.support import signers
from tests.support.wire import Answer, Query, Request, send

Running = Any  # the running cloud of tests/support/cloud.py
VERSION = "2015-05-01"
JSON = ("Content-Type", "application/json")
TRUST = {"Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}}]}


def ram(cloud: Running, parameters: dict[str, str], *headers: tuple[str, str]) -> Answer:
    """Send an action signed the RPC way, with headers that are not signed."""
    request = signers.rpc(cloud.key, {"Version": VERSION, **parameters}, host=cloud.host("ram"))
    return send(cloud.endpoints["ram"], request.with_headers(*headers))


def acs3(cloud: Running, query: Query = (), *, body: bytes = b"", action: str = "", version: str = VERSION) -> Request:
    """Return a signed request to RAM."""
    host = (("Host", cloud.host("ram")),)
    return signers.acs3(cloud.key, Request("POST", "/", query, host, body), action=action, version=version)


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
    asked = {"Version": VERSION, "Action": "GetRole", "RoleName": role}
    request = signers.rpc(cloud.key, asked, host=cloud.host("ram"), method="POST").with_headers(signers.FORM)
    for body in (b"Action=DeleteRole", b"RoleName=other", b"x-acs-action=DeleteRole"):
        assert send(cloud.endpoints["ram"], replace(request, body=body)).status == 400
    assert ram(cloud, {"Action": "GetRole", "RoleName": role}).status == 200


def test_the_action_of_an_acs3_request_is_its_signed_header(cloud: Running, role: str) -> None:
    query = (("RoleName", role), ("Action", "DeleteRole"))
    assert send(cloud.endpoints["ram"], acs3(cloud, query, action="GetRole")).status == 200
    reply = send(cloud.endpoints["ram"], acs3(cloud, query, version=""))
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, "MissingAction")
    assert ram(cloud, {"Action": "GetRole", "RoleName": role}).status == 200


@pytest.mark.parametrize("name", ["x-acs-action", "x-acs-version", "x-acs-security-token"])
def test_unsigned_header_that_some_service_obeys_is_refused_in_an_acs3_request(cloud: Running, name: str) -> None:
    request = acs3(cloud, (("Action", "ListRoles"), ("Version", VERSION)), version="")
    reply = send(cloud.endpoints["ram"], request.with_headers((name, "ListRoles")))
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, "IncompleteSignature")
    assert name in reply.text


def test_unsigned_content_type_does_not_make_a_form_of_a_signed_body(cloud: Running, role: str) -> None:
    request = acs3(cloud, body=f"RoleName={role}".encode(), action="DeleteRole")
    assert send(cloud.endpoints["ram"], request.with_headers(signers.FORM)).status == 400
    assert ram(cloud, {"Action": "GetRole", "RoleName": role}).status == 200


class TestFunctionCompute:
    PATH = "/2023-03-30/functions/{}/invocations"

    def test_an_invocation_type_is_taken_signed_or_not(
        self, cloud: Running
    ) -> None:  # the Node client does not sign it
        plain = Request("POST", self.PATH.format("missing"), headers=(("Host", cloud.host("fc")),))
        unsigned = signers.acs3(cloud.key, plain).with_headers(("x-fc-invocation-type", "Async"))
        signed = signers.acs3(cloud.key, plain.with_headers(("x-fc-invocation-type", "Async")))
        for request in (unsigned, signed):
            assert json.loads(send(cloud.endpoints["fc"], request).body)["Code"] == "FunctionNotFound"

    def test_unsigned_invocation_type_does_not_count_in_2016(self, cloud: Running) -> None:
        path = "/2016-08-15/services/missing/functions/f/invocations"
        request = signers.fc2016(cloud.key, Request("POST", path, headers=(JSON,)))
        reply = send(cloud.endpoints["fc"], request.with_headers(("x-fc-invocation-type", "Async")))
        assert (reply.status, json.loads(reply.body)["Code"]) == (403, "SignatureNotMatch")

    def test_an_invalid_log_type_is_refused_in_the_words_of_the_platform(self, cloud: Running) -> None:
        path = "/2016-08-15/services/missing/functions/f/invocations"
        asked = Request("POST", path, headers=(JSON, ("x-fc-log-type", "Invalid")))
        reply = send(cloud.endpoints["fc"], signers.fc2016(cloud.key, asked))
        words = "LogType is set to an invalid value (allowed: Tail | None, actual: 'Invalid')"
        assert (reply.status, json.loads(reply.body)["ErrorMessage"]) == (400, words)
        later = Request("POST", path, headers=(JSON, ("x-fc-log-type", "Tail"), ("x-fc-invocation-type", "Async")))
        reply = send(cloud.endpoints["fc"], signers.fc2016(cloud.key, later))
        words = "LogType is set to an invalid value (allowed: None, actual: 'Tail')"
        assert (reply.status, json.loads(reply.body)["ErrorMessage"]) == (400, words)

    def test_a_signature_that_covers_neither_path_nor_body_is_refused(self, cloud: Running) -> None:
        asked = {"Action": "GetCallerIdentity"}
        request = signers.rpc(cloud.key, asked, host=cloud.host("fc"), method="POST")
        body = json.dumps({"serviceName": "smuggled"}).encode()
        reply = send(cloud.endpoints["fc"], replace(request, path="/2021-04-06/services", body=body))
        assert (reply.status, json.loads(reply.body)["Code"]) == (400, "MissingRequiredHeader")
        wanted = Request("GET", "/2021-04-06/services/smuggled", headers=(("Host", cloud.host("fc")),))
        reply = send(cloud.endpoints["fc"], signers.acs3(cloud.key, wanted))
        assert json.loads(reply.body)["Code"] == "ServiceNotFound"

    def test_content_md5_is_checked_but_for_clients_of_2016(self, cloud: Running) -> None:
        of_nothing = ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
        body = (
            b'{"serviceName": "of-2016", "functionName": "f", "headers": {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}}'
        )
        old = signers.fc2016(cloud.key, Request("POST", "/2016-08-15/services", headers=(JSON, of_nothing)))
        assert send(cloud.endpoints["fc"], replace(old, body=body)).status == 200
        assert send(cloud.endpoints["fc"], replace(old, body=b'{"serviceName": "changed"}')).status == 400
        host = ("Host", cloud.host("fc"))
        asked = Request("POST", "/2021-04-06/services", headers=(host, JSON, of_nothing), body=b'{"serviceName": "x"}')
        assert send(cloud.endpoints["fc"], signers.acs3(cloud.key, asked)).status == 400
