"""The way of log lines to logstores: what a log is, what it says besides, and what happens when it cannot be delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.instances.delivery import Delivery, Destination, LogEntry
from localcloud.fc.model import Function, Service
from localcloud.fc.releases import Release

CONFIG = {"project": "logs", "logstore": "functions"}
ROLE = "acs:ram::1:role/r"


def release(config: dict[str, Any], *, service: bool = False) -> Release:
    function = Function(
        service="s" if service else "", name="f", runtime="python3.10", handler="i.h", role=ROLE, log_config=config
    )
    owner = Service(name="s", role=ROLE, log_config=config) if service else None
    return Release(function=function, service=owner, version="3", qualifier="live")


class Logstores:
    """Notes what is delivered, and refuses it when it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[Destination, LogEntry]] = []
        self.notes: list[str] = []
        self.error: Exception | None = None

    def __call__(self, destination: Destination, entries: Sequence[LogEntry]) -> None:
        if self.error:
            raise self.error
        self.got += [(destination, entry) for entry in entries]

    @property
    def messages(self) -> list[str]:
        return [dict(entry.fields)["message"] for _, entry in self.got]


def deliver(work: Callable[[Delivery], object]) -> Logstores:
    stores = Logstores()

    async def scenario() -> None:
        delivery = Delivery(stores, complain=lambda _, text: stores.notes.append(text), clock=lambda: 12.5)
        result = work(delivery)
        if isinstance(result, Exception):
            stores.error = result
        await delivery.close()

    asyncio.run(scenario())
    return stores


def follow(config: dict[str, Any], *pieces: bytes, service: bool = False) -> Logstores:
    def work(delivery: Delivery) -> None:
        lines = delivery.follow(release(config, service=service), "1-request")
        assert lines is not None
        for piece in pieces:
            lines.add(piece)
            lines.instance = "c-1"

    return deliver(work)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_line_is_a_log_however_it_comes(size: int) -> None:
    content = "first ü\r\n\nsecond\nFC Invoke End\nwithout end".encode()
    got = follow(CONFIG, *(content[begin : begin + size] for begin in range(0, len(content), size)))
    assert got.messages == ["first ü", "second", "FC Invoke End"]


def test_a_log_says_where_it_comes_from() -> None:
    ((destination, entry),) = follow(CONFIG, b"", b"line\n").got
    assert destination == Destination(
        function="functions/f", role=ROLE, project="logs", logstore="functions", topic="FCLogs:f"
    )
    assert entry == LogEntry(
        time=12.5,
        fields=(
            ("message", "line"),
            ("functionName", "f"),
            ("qualifier", "live"),
            ("versionId", "3"),
            ("requestId", "1-request"),
            ("instanceID", "c-1"),
        ),
    )


def test_in_a_service_its_name_is_the_topic() -> None:
    ((destination, entry),) = follow(CONFIG, b"line\n", service=True).got
    assert (destination.topic, dict(entry.fields)["serviceName"]) == ("s", "s")


def test_by_date_what_has_none_belongs_to_the_line_before() -> None:
    got = follow(
        {**CONFIG, "logBeginRule": "DefaultRegex"},
        b"FC Invoke Start\n2026-11-29 failed:\n  at a\n  at b\n2026-11-30 done\nmore\nFC Invoke End\n",
    )
    assert got.messages == [
        "FC Invoke Start",
        "2026-11-29 failed:\n  at a\n  at b",
        "2026-11-30 done\nmore",
        "FC Invoke End",
    ]


@pytest.mark.parametrize(
    "config", [{}, {"project": "", "logstore": ""}, {"project": "logs"}, {"logstore": 3, "project": 4}]
)
def test_without_a_logstore_nothing_is_followed(config: dict[str, Any]) -> None:
    def work(delivery: Delivery) -> None:
        assert delivery.follow(release(config), "1-request") is None
        delivery.tell_use(release({**config, "enableRequestMetrics": True}), "1-request", [])

    assert deliver(work).got == []


def test_what_a_request_took_is_apart_from_the_logs() -> None:
    given = release({**CONFIG, "enableRequestMetrics": True})
    ((destination, _),) = deliver(lambda delivery: delivery.tell_use(given, "1-request", [])).got
    assert destination.topic == "FCRequestMetrics:/f"


@pytest.mark.parametrize(("asked", "count"), [(True, 1), (False, 0), (None, 0)])
def test_what_a_request_took_is_told_to_those_who_ask(asked: bool | None, count: int) -> None:
    given = release({**CONFIG, "enableRequestMetrics": asked}, service=True)
    got = deliver(lambda delivery: delivery.tell_use(given, "1-request", [("durationMs", "1.50")])).got
    assert len(got) == count
    for destination, entry in got:
        assert destination.topic == "FCRequestMetrics:s/f"
        assert dict(entry.fields) | {"durationMs": "1.50", "requestId": "1-request"} == dict(entry.fields)


@pytest.mark.parametrize(
    ("error", "why"), [(FcError("AccessDenied", "the role may not"), "the role may not"), (OSError(), "OSError")]
)
def test_what_cannot_be_delivered_is_noted_once(error: Exception, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.fc.instances.delivery.AT_ONCE", 1)

    def work(delivery: Delivery) -> Exception:
        for _ in range(3):
            lines = delivery.follow(release(CONFIG), "1-request")
            assert lines is not None
            lines.add(b"lost\n")
        return error

    got = deliver(work)
    assert got.got == []
    assert got.notes == [f"FC Note: log lines are not delivered to logs/functions: {why}"]


def test_lines_are_delivered_while_an_invocation_goes_on_and_the_order_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.fc.instances.delivery.DELAY", 0)
    monkeypatch.setattr("localcloud.fc.instances.delivery.AT_ONCE", 3)
    stores = Logstores()

    async def scenario() -> None:
        delivery = Delivery(stores, complain=lambda *_: None, clock=lambda: 0.0)
        lines = delivery.follow(release(CONFIG), "1-request")
        assert lines is not None
        for number in range(10):
            lines.add(b"%d\n" % number)
        while len(stores.got) < 10:
            await asyncio.sleep(0)
        lines.add(b"10\n")
        await delivery.close()

    asyncio.run(scenario())
    assert stores.messages == [*map(str, range(11))]
