"""Logs of a region: pages of Log Service's answers, those that are not complete, and errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

import pytest
import requests

from heavylift.clouds import logs, logstore
from heavylift.clouds.invocation import FunctionName
from heavylift.clouds.logstore import Logstore, find_latest
from heavylift.clouds.session import Session, cloud_session
from heavylift.errors import HeavyliftError

STORE = Logstore(project="web-logs", name="function")
ENVIRONMENT = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "the-id",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "the-secret",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "the-token",
}


@pytest.fixture
def session() -> Session:
    return cloud_session("cn-hangzhou", profile=None, environment=ENVIRONMENT)


class Service:
    """Answers searches of one logstore with its logs, the latest first; an exception is raised instead."""

    def __init__(self) -> None:
        self.logs: list[dict[str, str]] = []
        self.incomplete = 0  # answers yet to come that do not have all of their logs
        self.failure: Exception | None = None
        self.refusal: tuple[int, str, str] | None = None
        self.asked: list[Mapping[str, str]] = []
        self.headers: Mapping[str, str] = {}

    def get(self, url: str, *, params: Mapping[str, str], headers: Mapping[str, str], **_: Any) -> requests.Response:
        assert url == "https://web-logs.cn-hangzhou.log.aliyuncs.com/logstores/function"
        self.asked.append(params)
        self.headers = headers
        if self.failure:
            raise self.failure
        answer = requests.Response()
        answer.status_code = 200
        begin = int(params["offset"])
        content: object = self.logs[begin : begin + int(params["line"])]
        answer.headers["x-log-progress"] = "Incomplete" if self.incomplete else "Complete"
        if self.incomplete:
            self.incomplete -= 1
            content = []
        if self.refusal:
            answer.status_code, code, message = self.refusal
            content = {"errorCode": code, "errorMessage": message}
        answer._content = json.dumps(content).encode()
        return answer


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setattr(requests, "get", service.get)
    monkeypatch.setattr(logstore, "PAUSE", 0.0)
    return service


def test_pages_are_asked_for_as_they_are_needed(session: Session, service: Service) -> None:
    service.logs = [{"message": str(number)} for number in range(250)]
    assert [log["message"] for log in find_latest(session, STORE, "q", since=7)] == [*map(str, range(250))]
    assert [(each["offset"], each["query"], each["from"], each["reverse"]) for each in service.asked] == [
        (offset, "q", "7", "true") for offset in ("0", "100", "200")
    ]
    service.asked.clear()
    assert len([*islice(find_latest(session, STORE, "q", since=7), 100)]) == 100
    assert len(service.asked) == 1
    assert service.headers["x-acs-security-token"] == "the-token"
    assert service.headers["Authorization"].startswith("SLS4-HMAC-SHA256 Credential=the-id/")


def test_an_answer_that_is_not_complete_is_asked_for_again_but_not_for_ever(session: Session, service: Service) -> None:
    service.logs = [{"message": "one"}]
    service.incomplete = 3
    assert [*find_latest(session, STORE, "q", since=7)] == service.logs
    assert len(service.asked) == 4
    service.incomplete = 10**6
    assert [*find_latest(session, STORE, "q", since=7)] == []
    assert len(service.asked) == 4 + logstore.PATIENCE


def test_a_refusal_and_no_answer_are_said_in_a_sentence(session: Session, service: Service) -> None:
    service.refusal = (401, "Unauthorized", "denied by sts or ram")
    with pytest.raises(HeavyliftError) as caught:
        next(find_latest(session, STORE, "q", since=7))
    assert str(caught.value) == ("Log Service refused to read web-logs/function: Unauthorized: denied by sts or ram")
    service.failure = requests.ConnectionError("Failed to resolve 'web-logs.cn-hangzhou.log.aliyuncs.com' (…)")
    with pytest.raises(HeavyliftError, match="the name web-logs"):
        next(find_latest(session, STORE, "q", since=7))


def test_the_lines_of_the_function_alone_are_read(
    session: Session, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "find_logstore", lambda *_: STORE)
    mine = {"functionName": "f", "serviceName": "s"}
    service.logs = [
        {**mine, "message": "last"},
        {**mine, "durationMs": "12"},
        {**mine, "functionName": "other", "message": "f s"},
        {**mine, "serviceName": "other", "message": "f s"},
        {**mine, "message": "second\nthird"},
        {**mine, "message": "first"},
    ]
    function = FunctionName(service="s", name="f")
    assert logs.read(session, function, 100) == ["first", "second", "third", "last"]
    assert logs.read(session, function, 2) == ["third", "last"]
    assert service.asked[-1]["query"] == '"f" and "s"'
