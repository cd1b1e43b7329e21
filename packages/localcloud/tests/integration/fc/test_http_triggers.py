"""HTTP triggers that answer, and timers that fire, for functions of both generations."""

from __future__ import annotations

import http.client
import json
import ssl
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fc2
import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc_open20210406 import models as models2
from alibabacloud_fc_open20210406.client import Client as Client2

from localcloud.fc.platform import MAX_SYNC_PAYLOAD
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py

EVENT = textwrap.dedent(
    """
    import base64, json


    def handler(event, context):
        event = json.loads(event)
        print("EVENT " + json.dumps(event))
        if event.get("rawPath") == "/raise":
            raise ValueError("no such thing")
        if event.get("rawPath") == "/plain":
            return "plain"
        shown = {"path": event.get("rawPath"), "query": event.get("queryParameters"), "body": event.get("body")}
        return json.dumps({"statusCode": 201, "headers": {"X-Own": "1", "Content-Type": "text/x"}, "body": json.dumps(shown)})
    """
)
WSGI = textwrap.dedent(
    """
    import json


    def handler(environ, start_response):
        if environ["PATH_INFO"] == "/raise":
            raise ValueError("no such thing")
        length = int(environ["CONTENT_LENGTH"])
        shown = {name: environ[name] for name in ("PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "fc.request_uri")}
        shown |= {"body": environ["wsgi.input"].read(length).decode(), "request": environ["fc.context"].request_id}
        start_response("202 Accepted", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return [json.dumps(shown).encode()]


    def event(event, context):
        print("EVENT " + event.decode())
    """
)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, path: str = "", *, method: str = "GET", body: bytes = b"", **headers: str) -> Reply:
    """Send a request to a URL of loopback."""
    parts = urlsplit(url + path)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def ask_name(cloud: Running, url: str, path: str = "/") -> Reply:
    """Send a request to a name of the cloud, through the gateway, over TLS."""
    host = urlsplit(url).hostname or ""
    context = ssl.create_default_context(cadata=Path(cloud.endpoints["authority"]).read_text())
    gateway = urlsplit(cloud.endpoints["gateway"])
    connection = http.client.HTTPSConnection(gateway.hostname or "", gateway.port, timeout=30, context=context)
    connection.set_tunnel(host, 443)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Fc3Function:
    """A function of Function Compute 3.0 with triggers."""

    def __init__(self, client: Any, zip_of: Any) -> None:
        self.client, self.name = client, client.prefix + "web"
        client.create("web", code=zip_of({"index.py": EVENT}))

    def add(self, name: str, kind: str, **config: Any) -> Any:
        body = models3.CreateTriggerInput(trigger_name=name, trigger_type=kind, trigger_config=json.dumps(config))
        request = models3.CreateTriggerRequest(body=body)
        return self.client._do(lambda: self.client.client.create_trigger(self.name, request)).body

    def remove(self, name: str) -> None:
        assert self.client.client.delete_trigger(self.name, name).status_code == 204


@pytest.fixture
def web3(cloud: Running, client_of: Any, zip_of: Any) -> Fc3Function:
    return Fc3Function(client_of(cloud, "fc3"), zip_of)


@pytest.fixture
def web2(cloud: Running, client_of: Any, zip_of: Any) -> Any:
    client = client_of(cloud, "fc2")
    client.create("web", code=zip_of({"index.py": WSGI}))
    client.create("timed", code=zip_of({"index.py": WSGI}), handler="index.event")
    return client


def test_function_gets_the_documented_event_and_its_response_is_the_answer(cloud: Running, web3: Fc3Function) -> None:
    trigger = web3.add("http", "http", authType="anonymous", methods=["GET", "POST"])
    url = trigger.http_trigger.url_internet
    assert url.startswith(cloud.endpoints["fc"] + "/")
    answer = ask(url, "/a%20b?x=1&x=2", method="POST", body=b"hello")
    assert (answer.status, answer.headers["X-Own"], answer.headers["Content-Type"]) == (201, "1", "text/x")
    assert answer.json == {"path": "/a%20b", "query": {"x": "1,2"}, "body": "hello"}
    assert answer.headers["x-fc-request-id"]
    plain = ask(url, "/plain")
    assert (plain.status, plain.body) == (200, b"plain")
    failed = ask(url, "/raise")
    assert (failed.status, failed.headers["x-fc-error-type"]) == (502, "UnhandledInvocationError")
    assert failed.json["errorMessage"] == "no such thing"
    assert ask(url, method="PUT").status == 405

    named = ask_name(cloud, f"https://{trigger.trigger_id}.{cloud.region}.fcapp.run", "/n")
    assert (named.status, named.json["path"]) == (201, "/n")
    assert named.headers["Content-Disposition"] == "attachment"
    web3.remove("http")
    assert ask(url).status == 404


def test_headers_of_the_platform_are_its_own_and_requests_are_bounded(cloud: Running, web3: Fc3Function) -> None:
    url = web3.add("bounds", "http", authType="anonymous", methods=["GET"]).http_trigger.url_internet
    own = {"X-Fc-Security-Token": "forged", "X-Mine": "kept"}
    answer = ask(url, "/headers", body=b"", **own)
    assert answer.headers["X-Fc-Instance-Id"].startswith("c-")
    assert "x-fc-request-id" in answer.headers["Access-Control-Expose-Headers"]
    (event,) = [each for each in told(cloud, web3.name) if each["rawPath"] == "/headers"]
    assert "X-Fc-Security-Token" not in event["headers"]
    assert event["headers"]["X-Mine"] == "kept"
    long = {"X-1": "v" * 5000, "X-2": "v" * 5000}
    for refused in (ask(url, "/" + "a" * 4096), ask(url, body=b"", **long)):
        assert (refused.status, refused.json["Code"]) == (400, "InvalidArgument")
    web3.remove("bounds")


def told(cloud: Running, name: str) -> list[Any]:
    """Return the events of HTTP requests that a function has got."""
    log = (cloud.data / "fc" / "logs" / f"functions.{name}.log").read_text()
    lines = [line.removeprefix("EVENT ") for line in log.splitlines() if line.startswith("EVENT ")]
    return [event for event in map(json.loads, lines) if "rawPath" in event]


def test_url_on_the_internet_can_be_switched_off(cloud: Running, web3: Fc3Function) -> None:
    trigger = web3.add("off", "http", authType="anonymous", methods=["GET"], disableURLInternet=True)
    try:
        assert ask_name(cloud, f"https://{trigger.trigger_id}.{cloud.region}.fcapp.run").status == 403
        assert ask_name(cloud, f"https://{trigger.trigger_id}.{cloud.region}-vpc.fcapp.run").status == 201
        shown = trigger.http_trigger
        assert (ask(shown.url_internet).status, ask(shown.url_intranet).status) == (403, 201)
    finally:
        web3.remove("off")


def test_trigger_that_asks_for_signed_requests_takes_no_others(web3: Fc3Function, web2: Any) -> None:
    trigger = web3.add("signed", "http", authType="function", methods=["GET"])
    try:
        unsigned = ask(trigger.http_trigger.url_internet)
        assert (unsigned.status, unsigned.json["Code"]) == (400, "MissingRequiredHeader")
    finally:
        web3.remove("signed")
    web2.client.create_trigger(web2.service, "web", "t", "http", {"authType": "function", "methods": ["GET"]}, "", "")
    try:
        assert web2.client.do_http_request("GET", web2.service, "web", "/", params={"k": "v w"}).status_code == 202
        stranger = fc2.Client(endpoint=web2.client.endpoint, accessKeyID=web2.client.auth.id, accessKeySecret="wrong")
        assert stranger.do_http_request("GET", web2.service, "web", "/").status_code == 403
    finally:
        web2.client.delete_trigger(web2.service, "web", "t")


def test_function_of_2_0_is_a_wsgi_application(cloud: Running, web2: Any) -> None:
    config = {"authType": "anonymous", "methods": ["GET", "POST"]}
    made = web2.client.create_trigger(web2.service, "web", "t", "http", config, "dummy", "").data
    try:
        assert made["sourceArn"] is None
        prefix = f"/2016-08-15/proxy/{web2.service}/web"
        answer = ask(cloud.endpoints["fc"] + prefix, "/a%20b?x=1", method="POST", body=b"hello")
        assert answer.status == 202
        assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert answer.json == {
            "PATH_INFO": "/a b",
            "SCRIPT_NAME": "",
            "QUERY_STRING": "x=1",
            "fc.request_uri": f"{prefix}/a%20b?x=1",
            "body": "hello",
            "request": answer.headers["x-fc-request-id"],
        }
        shown = web2.client.get_trigger(web2.service, "web", "t").data
        assert ask(shown["urlInternet"]).status == 202
        failed = ask(cloud.endpoints["fc"] + prefix, "/raise")
        assert (failed.status, failed.json["errorType"]) == (502, "ValueError")
        (frame,) = failed.json["stackTrace"]  # those of the runtime are not there
        assert frame[0] == 'File "/code/index.py"'
        large = ask(cloud.endpoints["fc"] + prefix, method="POST", body=bytes(MAX_SYNC_PAYLOAD + 1))
        assert (large.status, large.json["Code"]) == (400, "EntityTooLarge")
    finally:
        web2.client.delete_trigger(web2.service, "web", "t")


def test_timer_fires_with_its_payload_in_both_generations(cloud: Running, web3: Fc3Function, web2: Any) -> None:
    web3.add("t3", "timer", cronExpression="* * * * * *", payload="three", enable=True)
    web3.add("off", "timer", cronExpression="* * * * * *", payload="off", enable=False)
    config = {"cronExpression": "CRON_TZ=Asia/Shanghai * * * * * *", "payload": "two", "enable": True}
    web2.client.create_trigger(web2.service, "timed", "t2", "timer", config, "", "")
    try:
        event = wait_for(lambda: events(cloud, web3.name, "three"))[0]
        assert (event["triggerName"], event["triggerTime"][-1]) == ("t3", "Z")
        assert wait_for(lambda: events(cloud, f"{web2.service}.functions.timed", "two"))[0]["triggerName"] == "t2"
        assert not events(cloud, web3.name, "off")
    finally:
        for name in ("t3", "off"):
            web3.remove(name)
        web2.client.delete_trigger(web2.service, "timed", "t2")


def events(cloud: Running, name: str, payload: str) -> list[Any]:
    logs = (cloud.data / "fc" / "logs").glob(f"*{name}.log")
    lines = [line.removeprefix("EVENT ") for log in logs for line in log.read_text().splitlines() if "EVENT " in line]
    return [event for event in map(json.loads, lines) if event.get("payload") == payload]


@pytest.mark.parametrize("kind", ["eventbridge", "mns_topic", "cdn_events", "tablestore"])
def test_trigger_of_another_kind_is_refused_by_name(web3: Fc3Function, kind: str) -> None:
    with pytest.raises(Exception, match=f"not implemented: triggers of type '{kind}'"):
        web3.add("other", kind)


def test_times_that_are_none_are_refused(web3: Fc3Function) -> None:
    with pytest.raises(Exception, match="cronExpression"):
        web3.add("bad", "timer", cronExpression="every day", enable=True)


def test_function_behind_a_name_is_reached_by_the_2021_client_under_its_url(cloud: Running, web2: Any) -> None:
    request = models2.CreateTriggerRequest(
        trigger_name="t", trigger_type="http", trigger_config=json.dumps({"authType": "anonymous", "methods": ["GET"]})
    )
    client = Client2(cloud.config("fc"))
    made = client.create_trigger(web2.service, "web", request).body
    try:
        assert ask(made.url_internet).status == 202
    finally:
        client.delete_trigger(web2.service, "web", "t")
