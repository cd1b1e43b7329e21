"""HTTP requests and responses in the forms that functions have them in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.instances import wsgi
from localcloud.fc.instances.wire import join, split
from localcloud.fc.model import Trigger
from localcloud.fc.operations.http_triggers import (
    HttpRequest,
    MalformedResponseError,
    check_http_trigger,
    make_environ,
    make_event,
    read_response,
    read_wsgi_response,
)

REQUEST = HttpRequest(
    method="POST",
    prefix="/2016-08-15/proxy/s/f",
    path="/a%20b",
    query=(("k", "1"), ("k", "2")),
    query_string="k=1&k=2",
    headers={"user-agent": "curl", "content-type": "text/plain"},
    body=b"hello",
    host="127.0.0.1:8080",
    protocol="HTTP/1.1",
    source_ip="127.0.0.1",
)


def test_event_of_a_request_is_the_documented_one() -> None:
    event = json.loads(make_event(REQUEST, account_id="1", request_id="r", now=1693896071.895))
    assert event == {
        "version": "v1",
        "rawPath": "/a%20b",
        "body": "hello",
        "isBase64Encoded": False,
        "headers": {"User-Agent": "curl", "Content-Type": "text/plain"},
        "queryParameters": {"k": "1,2"},
        "requestContext": {
            "accountId": "1",
            "domainName": "127.0.0.1:8080",
            "domainPrefix": "127",
            "http": {
                "method": "POST",
                "path": "/a b",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl",
            },
            "requestId": "r",
            "time": "2023-09-05T06:41:11Z",
            "timeEpoch": "1693896071895",
        },
    }


@pytest.mark.parametrize(
    ("result", "status", "kind", "body"),
    [
        ({"statusCode": 404, "body": "no"}, 404, "application/json", b"no"),
        ({"statusCode": "201", "headers": {"content-type": "a/b"}}, 201, "a/b", b""),
        ({"statusCode": 200, "isBase64Encoded": True, "body": "/w=="}, 200, "application/json", b"\xff"),
        ({"a": 1}, 200, "application/json", b'{"a": 1}'),
        ([1], 200, "application/json", b"[1]"),
    ],
)  # fmt: skip
def test_response_of_a_result(result: object, status: int, kind: str, body: bytes) -> None:
    response = read_response(json.dumps(result).encode())
    assert (response.status, response.body) == (status, body)
    assert {name.lower(): value for name, value in response.headers}["content-type"] == kind


@pytest.mark.parametrize(
    "result",
    [
        *({"statusCode": code} for code in (99, 600, "x", None, 101)),
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "headers": {"A\r\nB": "c"}},
        {"statusCode": 200, "headers": {"A": "c\r\nX: y"}},
        {"statusCode": 200, "isBase64Encoded": True, "body": "!"},
    ],
)
def test_result_that_is_no_response_is_refused(result: object) -> None:
    with pytest.raises(MalformedResponseError):
        read_response(json.dumps(result).encode())


def test_application_gets_the_variables_of_wsgi_and_its_response_comes_back() -> None:
    seen: dict[str, Any] = {}

    def application(environ: Any, start_response: Any) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("202 Accepted", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return [b"o", b"k"]

    answer = join(*wsgi.respond(application, *split(make_environ(REQUEST)), context="c"))
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["CONTENT_LENGTH"]) == ("/a b", "k=1&k=2", "5")
    assert seen["fc.request_uri"] == "/2016-08-15/proxy/s/f/a%20b?k=1&k=2"
    assert (seen["HTTP_USER_AGENT"], seen["CONTENT_TYPE"], seen["fc.context"]) == ("curl", "text/plain", "c")
    assert seen["body"] == b"hello"
    response = read_wsgi_response(answer)
    assert (response.status, response.body) == (202, b"ok")
    assert list(response.headers) == [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


def test_application_that_does_not_start_a_response_fails() -> None:
    with pytest.raises(RuntimeError, match="start_response"):
        wsgi.respond(lambda *_: [b""], {}, b"", context=None)


@pytest.mark.parametrize("result", [b"", b"\0\0\0\xff{}", join({}, b""), join({"status": "x", "headers": []}, b"")])
def test_bytes_that_are_no_response_of_an_application_are_refused(result: bytes) -> None:
    with pytest.raises(MalformedResponseError):
        read_wsgi_response(result)


def test_headers_of_a_response_have_8_kb_at_most() -> None:
    def answer(size: int) -> bytes:
        return json.dumps({"statusCode": 200, "headers": {"Content-Type": "a", "X": "v" * size}}).encode()

    assert read_response(answer(8 * 1024 - 14)).status == 200
    with pytest.raises(FcError, match="BadResponse: the headers have 8193 bytes"):
        read_response(answer(8 * 1024 - 13))


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"authType": "anonymous", "methods": []}, "InvalidArgument"),
        ({"authType": "anonymous", "methods": ["TRACE"]}, "InvalidArgument"),
        ({"authType": "none", "methods": ["GET"]}, "InvalidArgument"),
        ({"authType": "jwt", "methods": ["GET"]}, "NotImplemented"),
    ],
)
def test_trigger_that_cannot_be_served_is_refused(config: dict[str, Any], code: str) -> None:
    with pytest.raises(FcError) as refused:
        check_http_trigger(Trigger(function="functions/f", name="t", kind="http", config=config))
    assert refused.value.code == code
