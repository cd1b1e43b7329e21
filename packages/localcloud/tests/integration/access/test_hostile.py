"""Values that nobody sends by accident: each is refused or kept, none is the embedded cloud's own failure."""

from __future__ import annotations

import base64
import hmac
import io
import json
import socket
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import signers
from tests.support.wire import Answer, Request, send, talk

Running = Any  # the running cloud of tests/support/cloud.py
DIGITS = "9" * 5000
# As JSON text, for json.dumps writes no such things.
HOSTILE = {
    "5,000 digits": DIGITS,
    "minus 5,000 digits": "-" + DIGITS,
    "5,000 digits in text": f'"{DIGITS}"',
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "1e999": "1e999",
    "1e308": "1e308",
    "4,000 digits": "1" + "0" * 4000,
    "NUL": r'"a\u0000b"',
    "lone surrogate": r'"\ud800"',
    "deep lists": "[" * 10_000 + "]" * 10_000,
    "deep objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "less deep": "[" * 400 + "]" * 400,
    "deep in an object": '{"a":' + "[" * 300 + "]" * 300 + "}",
    "a list": "[1, {}]",
    "an object": '{"handler": 1, "a": [], "initializer": 7, "key": 1, "zipFile": 1}',
    "an object of objects": '{"initializer": {"handler": 7}, "filter": [1], "events": [1]}',
    "an object of handlers": '{"initializer": {"handler": "a.b", "timeout": "x"}, "filter": {"key": 3}}',
    "true": "true",
    "large text": '"' + "x" * 300_000 + '"',
    "controls": r'"\r\n\t\u001b\u202e"',
    "text that is not base64": '{"zipFile": "ü"}',
    "a bucket that is none": '{"ossBucketName": {"a": 1}, "ossObjectName": [1]}',
    "a bucket with NUL": r'{"ossBucketName": "a\u0000", "ossObjectName": "\u0000"}',
    "a variable with NUL": r'{"A": "\u0000"}',
    "a variable that is a surrogate": r'{"A": "\udfff"}',
    "a variable named with NUL": r'{"\u0000": "x", "=": "y", "": ""}',
}


@pytest.fixture(autouse=True)
def untroubled(cloud: Running) -> Iterator[None]:
    """Nothing that a test sends leaves a traceback in the log."""
    log = cloud.data / "stderr.log"
    before = log.stat().st_size
    yield
    assert b"Traceback" not in log.read_bytes()[before:]


def harmless(reply: Answer) -> bool:
    return reply.status < 500 or reply.status == 501  # Function Compute's "not implemented"


def fc(cloud: Running, method: str, path: str, body: bytes = b"") -> Answer:
    request = Request(method, path, headers=(("Host", cloud.host("fc")),), body=body)
    return send(cloud.endpoints["fc"], signers.acs3(cloud.key, request))


def rpc(cloud: Running, service: str, action: str, version: str, parameters: dict[str, str]) -> Answer:
    request = signers.rpc(
        cloud.key, {"Action": action, "Version": version, **parameters}, host=cloud.host(service), form=True
    )
    return send(cloud.endpoints[service], request)


def rest(fields: dict[str, Any]) -> str:
    return json.dumps(fields)[1:-1]


def package() -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return b'ran'\n")
    return base64.b64encode(buffer.getvalue()).decode()


FUNCTION = {
    "functionName": "f",
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": {"zipFile": package()},
}
FUNCTION_FIELDS = [*FUNCTION, "timeout", "memorySize", "cpu", "diskSize", "environmentVariables", "description"]
FUNCTION_FIELDS += [
    "initializer",
    "initializationTimeout",
    "instanceLifecycleConfig",
    "role",
    "logConfig",
    "internetAccess",
]
FUNCTION_FIELDS += ["instanceConcurrency", "layers"]


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("kind", ["services/{}/functions", "functions"])
def test_each_property_of_a_function(cloud: Running, kind: str, value: str) -> None:
    service = f"s{uuid.uuid4().hex[:10]}"
    made = fc(cloud, "POST", "/2021-04-06/services", json.dumps({"serviceName": service}).encode())
    assert made.status == 200
    base = ("/2021-04-06/" if "{}" in kind else "/2023-03-30/") + kind.format(service)
    for number, name in enumerate(FUNCTION_FIELDS):
        function = f"f{uuid.uuid4().hex[:8]}{number}"
        fields = {field: given for field, given in {**FUNCTION, "functionName": function}.items() if field != name}
        reply = fc(cloud, "POST", base, f'{{"{name}": {value}, {rest(fields)}}}'.encode())
        assert harmless(reply), (name, reply.text)
        if reply.status == 200:  # it does not fail later either
            assert harmless(fc(cloud, "GET", base)), name
            assert harmless(fc(cloud, "PUT", f"{base}/{function}", f'{{"{name}": {value}}}'.encode())), name
            assert harmless(fc(cloud, "DELETE", f"{base}/{function}")), name


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_each_property_of_a_service_and_a_trigger(cloud: Running, value: str) -> None:
    service = f"s{uuid.uuid4().hex[:10]}"
    services = "/2021-04-06/services"
    for name in ("serviceName", "role", "description", "internetAccess", "logConfig"):
        given = "" if name == "serviceName" else f', "serviceName": "{service}{name}"'
        assert harmless(fc(cloud, "POST", services, f'{{"{name}": {value}{given}}}'.encode())), name
    fc(cloud, "POST", services, json.dumps({"serviceName": service}).encode())
    fc(cloud, "POST", f"{services}/{service}/functions", json.dumps(FUNCTION).encode())
    triggers = f"{services}/{service}/functions/f/triggers"
    trigger = {
        "triggerName": "t",
        "triggerType": "oss",
        "sourceArn": "acs:oss:cn:1:b",
        "triggerConfig": {"events": ["oss:ObjectCreated:*"]},
    }
    for name in (*trigger, "invocationRole", "qualifier", "description"):
        fields = {field: given for field, given in trigger.items() if field != name}
        reply = fc(cloud, "POST", triggers, f'{{"{name}": {value}, {rest(fields)}}}'.encode())
        assert harmless(reply), (name, reply.text)
        assert harmless(fc(cloud, "DELETE", f"{triggers}/t"))
    for config in (value, f'{{"events": {value}}}', f'{{"events": ["oss:ObjectCreated:*"], "filter": {value}}}'):
        fields = {field: given for field, given in trigger.items() if field != "triggerConfig"}
        reply = fc(cloud, "POST", triggers, f'{{"triggerConfig": {json.dumps(config)}, {rest(fields)}}}'.encode())
        assert harmless(reply), (config[:100], reply.text)
        assert harmless(fc(cloud, "DELETE", f"{triggers}/t"))


@pytest.mark.parametrize(
    "body", [b"\xff", b"{", b"1", b'"\xed\xa0\x80"', b'{"a": 1, "a": 2}', b"\x00", "{}".encode("utf-16"), b"[" * 5000]
)
def test_bodies_that_are_no_object(cloud: Running, body: bytes) -> None:
    reply = fc(cloud, "POST", "/2021-04-06/services", body)
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, "InvalidArgument")


@pytest.mark.parametrize("name", ["limit", "prefix", "startKey", "nextToken", "qualifier", "other"])
@pytest.mark.parametrize("value", [DIGITS, "-1", "٣", "%ff", "%00", "%ed%a0%80", "1e3", "", " 7"])
def test_parameters_of_lists(cloud: Running, name: str, value: str) -> None:
    request = signers.fc2016(cloud.key, Request("GET", "/2016-08-15/services", ((name, value),)))
    assert harmless(send(cloud.endpoints["fc"], request))


@pytest.mark.parametrize("field", ["code"])
@pytest.mark.parametrize(
    "names", [[""], ["/"], ["//"], ["."], ["a\0b"], ["a" * 300], ["a", "a/b"], ["a/b", "a"], ["\ud800"], ["a", "a"]]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_in_a_code_package(cloud: Running, field: str, names: list[str]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, _ in enumerate(names):
            archive.writestr(f"{number}" * 3, "x")
    content = buffer.getvalue()
    for number, name in enumerate(names):  # zipfile would not write them
        new = name.encode(errors="surrogatepass")
        content = renamed(content, f"{number}" * 3, new)
    body = {
        **FUNCTION,
        "functionName": f"z{uuid.uuid4().hex[:10]}",
        field: {"zipFile": base64.b64encode(content).decode()},
    }
    reply = fc(cloud, "POST", "/2023-03-30/functions", json.dumps(body).encode())
    assert harmless(reply), reply.text
    if names == [""]:
        assert (reply.status, json.loads(reply.body)["Code"]) == (400, "InvalidArgument")


def renamed(content: bytes, old: str, new: bytes) -> bytes:
    """Rename an entry of a zip file whose name comes nowhere else, in its two headers."""
    import struct

    local = content.index(old.encode())
    content = (
        content[: local - 4]
        + struct.pack("<H", len(new))
        + content[local - 2 : local]
        + new
        + content[local + len(old) :]
    )
    central = content.rindex(old.encode())
    header = central - 46
    content = (
        content[: header + 28]
        + struct.pack("<H", len(new))
        + content[header + 30 : central]
        + new
        + content[central + len(old) :]
    )
    end = content.rindex(b"PK\5\6")
    size, offset = struct.unpack_from("<II", content, end + 12)
    grown = len(new) - len(old)
    return content[: end + 12] + struct.pack("<II", size + grown, offset + grown) + content[end + 20 :]


RAM = {
    "CreateRole": ("RoleName", "AssumeRolePolicyDocument", "Description", "MaxSessionDuration"),
    "GetRole": ("RoleName",),
    "ListRoles": ("Marker", "MaxItems"),
    "CreatePolicy": ("PolicyName", "PolicyDocument", "Description"),
    "GetPolicy": ("PolicyName", "PolicyType"),
    "CreatePolicyVersion": ("PolicyName", "PolicyDocument", "SetAsDefault", "RotateStrategy"),
    "GetPolicyVersion": ("PolicyName", "PolicyType", "VersionId"),
    "AttachPolicyToRole": ("RoleName", "PolicyName", "PolicyType"),
}
STS = {"AssumeRole": ("RoleArn", "RoleSessionName", "DurationSeconds", "Policy"), "GetCallerIdentity": ()}
TEXTS = {
    "digits": DIGITS,
    "NUL": "a\0b",
    "controls": "\r\n\x1b\x7f\ufffe",
    "deep": "[" * 3000 + "]" * 3000,
    "deep conditions": json.dumps(
        {
            "Version": "1",
            "Statement": {
                "Effect": "Allow",
                "Action": "a:b",
                "Resource": "*",
                "Condition": {"StringEquals": {"a": json.loads("[" * 600 + "]" * 600)}},
            },
        }
    ),
    "numbers": '{"Version": "1", "Statement": {"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": '
    '{"NumericEquals": {"a": [1e999, NaN, ' + DIGITS + "]}}}}",
    "surrogate": r'{"Version": "\ud800", "Statement": "\u0000"}',
    "large": "x" * 200_000,
    "empty": "",
    "dates": '{"Version": "1", "Statement": {"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": '
    '{"DateLessThan": {"acs:CurrentTime": ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]}}}}',
}
WELL = {
    "AssumeRolePolicyDocument": '{"Version": "1", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": '
    '{"Service": "fc.aliyuncs.com"}}}',
    "PolicyDocument": '{"Version": "1", "Statement": {"Effect": "Allow", "Action": "oss:*", "Resource": "*"}}',
    "PolicyType": "Custom",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("output", ["JSON", "XML"])
def test_each_parameter_of_ram_and_sts(cloud: Running, text: str, output: str) -> None:
    for service, version, actions in (("ram", "2015-05-01", RAM), ("sts", "2015-04-01", STS)):
        for action, names in actions.items():
            for name in names:
                fields = {
                    field: WELL.get(field, f"n{uuid.uuid4().hex[:8]}") for field in names if not field[-1].isdigit()
                }
                fields = {
                    key: value
                    for key, value in fields.items()
                    if key not in ("MaxItems", "MaxSessionDuration", "DurationSeconds")
                }
                reply = rpc(cloud, service, action, version, {"Format": output, **fields, name: text})
                assert reply.status < 500, (action, name, reply.text)
                if output == "JSON":
                    json.loads(reply.body)


PLACES = ["Signature", "AccessKeyId", "SignatureNonce", "Timestamp", "Action", "Version", "Format", "SecurityToken"]


@pytest.mark.parametrize("service", ["ram", "sts", "ros"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", ["%ff", "%ed%a0%80", "%00", DIGITS, "%F0%9F%98%80", ""])
def test_parts_of_an_rpc_signature(cloud: Running, service: str, place: str, value: str) -> None:
    asked = {"Action": "GetCallerIdentity", "Version": "2015-04-01"}
    request = signers.rpc(cloud.key, asked, host=cloud.host(service))
    pairs = (*(pair for pair in request.query if pair[0] != place), (place, value))
    reply = send(cloud.endpoints[service], replace(request, query=pairs))
    assert 400 <= reply.status < 500 or (place == "SecurityToken" and reply.status == 200)


AUTHORIZATIONS = [
    b"\xff\xfe",
    b"Bearer \xff",
    "Bearer ü".encode(),
    b"FC \xff:\xff",
    b"FC key:\xff",
    b"FC :",
    b"OSS \xff:\xff",
    b"OSS KEY:\xff",
    b"OSS4-HMAC-SHA256 Credential=\xff, Signature=\xff",
    b"ACS3-HMAC-SHA256 Credential=\xff,SignedHeaders=host;\xff,Signature=\xff",
    b"ACS3-HMAC-SHA256 Credential=KEY,SignedHeaders=host;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce,Signature=\xff",
    b"ACS3-HMAC-SHA256 " + DIGITS.encode(),
    b"Bearer " + b"x" * 8000,
]


@pytest.mark.parametrize("service", ["oss", "sts", "ram", "fc", "ros"])
@pytest.mark.parametrize("authorization", AUTHORIZATIONS)
def test_authorization_headers_that_are_not_text(cloud: Running, service: str, authorization: bytes) -> None:
    given = authorization.replace(b"KEY", cloud.access_key_id.encode()).decode(errors="surrogateescape")
    names = (
        "x-acs-date",
        "x-acs-content-sha256",
        "x-acs-signature-nonce",
        "x-fc-security-token",
        "x-oss-security-token",
    )
    date = ("Date", "Fri, 27 Nov 2026 22:00:00 +99999999999999")
    headers = (("Authorization", given), date, *((name, "\udcff") for name in names))
    for path in ("/", "/2016-08-15/services", "/%ff", "/-/localcloud/link", "/-/localcloud/instances"):
        reply = send(cloud.endpoints[service], Request("GET", path, headers=headers))
        assert 400 <= reply.status < 500
    if b"KEY" in authorization or b"FC" in authorization:
        signed = authorization.replace(b"key", cloud.access_key_id.encode()).decode(errors="surrogateescape")
        for moment in (
            "Fri, 27 Nov 2026 22:00:00 +99999999999999",
            "x",
            DIGITS,
            "1 1 1 1 1",
            "Fri, 27 Nov 99999 22:00:00 GMT",
        ):
            dated = (("Authorization", signed), ("Date", moment))
            reply = send(cloud.endpoints["fc"], Request("GET", "/2016-08-15/services", headers=dated))
            assert 400 <= reply.status < 500


@pytest.mark.parametrize(
    "date",
    ["Fri, 27 Nov 2026 22:00:00 +99999999999999", DIGITS, "", "\t", "1 1 1 1 1", "Fri, 27 Nov 99999 22:00:00 GMT"],
)
def test_dates_of_a_signed_fc_request(cloud: Running, date: str) -> None:
    request = signers.fc2016(cloud.key, Request("GET", "/2016-08-15/services", headers=(("Date", date),)))
    reply = send(cloud.endpoints["fc"], request)
    assert 400 <= reply.status < 500


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_the_administration_of_the_link(cloud: Running, value: str) -> None:
    oss = cloud.endpoints["oss"]
    get = Request("GET", "/-/localcloud/link", headers=(("Authorization", f"Bearer {cloud.access_key_secret}"),))
    put = replace(get, method="PUT")
    before = json.loads(send(oss, get).body)
    bodies = [
        value,
        f'{{"shape": {value}, "faults": []}}',
        f'{{"shape": {{"bandwidth": {value}, "latency": 0}}, "faults": []}}',
        f'{{"shape": {{"bandwidth": 0, "latency": {value}}}, "faults": []}}',
        f'{{"shape": {{"bandwidth": 0, "latency": 0}}, "faults": {value}}}',
        f'{{"shape": {{"bandwidth": 0, "latency": 0}}, "faults": [{value}]}}',
        f'{{"shape": {{"bandwidth": 0, "latency": 0}}, "faults": [{{"kind": {value}}}]}}',
    ]
    for body in bodies:
        assert send(oss, replace(put, body=body.encode()[:65000])).status in (200, 400)
    restored = {"shape": before["shape"], "faults": []}
    assert send(oss, replace(put, body=json.dumps(restored).encode())).status == 200


@pytest.mark.parametrize("service", ["oss", "sts", "ram", "fc", "ros", "gateway"])
@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + DIGITS.encode() + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + b"\xff" * 10 + b":" + DIGITS.encode() + b"\r\nConnection: close\r\n\r\n",
        b"CONNECT a:" + DIGITS.encode() + b" HTTP/1.1\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\xff\xff" + b"\xff" * 100,
    ],
)
def test_what_is_not_http(cloud: Running, service: str, sent: bytes) -> None:
    answer = talk(cloud.endpoints[service], sent, half_close=True)
    assert not answer or answer.split(b" ")[1] in (b"400", b"403", b"404", b"421", b"505") or answer[:1] == b"\x15"


@pytest.mark.parametrize("token", [b"\xc3\xa9", b"\xe9\xff", b"\xed\xa0\x80"])
def test_a_signed_oss_security_token_that_is_not_ascii_is_invalid(cloud: Running, token: bytes) -> None:
    trust = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"RAM": [f"acs:ram::{cloud.account_id}:root"]}}
    name = "r" + uuid.uuid4().hex[:12]
    document = json.dumps({"Version": "1", "Statement": [trust]})
    fields = {"RoleName": name, "AssumeRolePolicyDocument": document}
    assert rpc(cloud, "ram", "CreateRole", "2015-05-01", fields).status == 200
    arn = f"acs:ram::{cloud.account_id}:role/{name}"
    fields = {"RoleArn": arn, "RoleSessionName": "test"}
    given = json.loads(rpc(cloud, "sts", "AssumeRole", "2015-04-01", fields).body)["Credentials"]
    date, key = formatdate(usegmt=True), given["AccessKeyId"]
    text = f"GET\n\n\n{date}\nx-oss-security-token:".encode() + token + b"\n/"
    signature = base64.b64encode(hmac.digest(given["AccessKeySecret"].encode(), text, "sha1")).decode()
    said = ("x-oss-security-token", token.decode(errors="surrogateescape"))
    headers = (("Date", date), said, ("Authorization", f"OSS {key}:{signature}"))
    reply = send(cloud.endpoints["oss"], Request("GET", "/", headers=headers))
    assert (reply.status, b"<Code>InvalidSecurityToken</Code>" in reply.body) == (403, True)


def test_a_body_of_the_administration_may_come_in_pieces(cloud: Running) -> None:
    body = b'{"shape": {"bandwidth": 0, "latency": 0}, "faults": []}'
    rights = f"Authorization: Bearer {cloud.access_key_secret}\r\nConnection: close"
    head = f"PUT /-/localcloud/link HTTP/1.1\r\nHost: localhost\r\n{rights}\r\nContent-Length: {len(body)}\r\n\r\n"
    address = urlsplit(cloud.endpoints["oss"])
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(head.encode() + body[:9])
        send(cloud.endpoints["oss"], Request("GET", "/"))  # answered after the first piece was read
        connection.sendall(body[9:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


MALFORMED = {
    "two lengths": b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n0",
    "no method": b"\x01\x02 / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a wrong length": b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "a header without a name": b"GET /b/k HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
}
FORMS = {
    "oss": (b"x-oss-request-id: ", b"<Code>InvalidArgument</Code>"),
    "ram": (b"x-acs-request-id: ", b"<Code>InvalidParameter</Code>"),
    "fc": (b"X-Fc-Request-Id: ", b'"ErrorCode"'),
    "sls": (b"x-log-requestid: ", b'"errorCode"'),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("service", FORMS)
def test_what_is_no_http_is_refused_in_the_form_of_the_service(cloud: Running, service: str, sent: bytes) -> None:
    head, _, body = talk(cloud.endpoints[service], sent).partition(b"\r\n\r\n")
    header, code = FORMS[service]
    assert head.split(b" ")[1] == b"400"
    assert header.lower() in head.lower()
    assert code in body
