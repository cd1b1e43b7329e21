"""The link: its speed, and which requests its faults strike."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from localcloud.oss.link import MOST, Fault, Link, Shape, parse_fault, parse_shape

FAULT = Fault(kind="reset", prefix="lib/")


def test_a_fault_strikes_as_often_as_it_says() -> None:
    link = Link(Shape())
    link.set_faults([replace(FAULT, times=2)])
    assert [bool(link.strike("GET", "lib/a")) for _ in range(3)] == [True, True, False]
    assert link.faults == ()


def test_a_fault_strikes_always_when_it_says_so() -> None:
    link = Link(Shape())
    link.set_faults([replace(FAULT, times=-1)])
    assert all(link.strike("GET", "lib/a") for _ in range(5))


@pytest.mark.parametrize(("method", "key"), [("PUT", "lib/a"), ("GET", "model/a")])
def test_a_fault_leaves_other_requests_alone(method: str, key: str) -> None:
    link = Link(Shape())
    link.set_faults([FAULT])
    assert link.strike(method, key) is None
    assert link.faults == (FAULT,)


def test_the_first_fault_that_fits_strikes() -> None:
    link = Link(Shape())
    faults = [replace(FAULT, prefix="model/"), FAULT, replace(FAULT, kind="corrupt")]
    link.set_faults(faults)
    assert link.strike("GET", "lib/a") == FAULT
    assert link.faults == (faults[0], faults[2])


def test_a_fault_lets_requests_pass_before_it_strikes() -> None:
    link = Link(Shape())
    link.set_faults([replace(FAULT, skip=2, times=1)])
    struck = [link.strike("GET", FAULT.prefix) is not None for _ in range(4)]
    assert struck == [False, False, True, False]
    assert link.faults == ()


@pytest.mark.parametrize(
    ("bandwidth", "expected"), [(0.0, 256 * 1024), (1e9, 256 * 1024), (80e6, 100_000), (4e6, 16 * 1024)]
)
def test_on_a_slow_link_connections_take_shorter_turns(bandwidth: float, expected: int) -> None:
    assert Link(Shape(bandwidth=bandwidth)).slice == expected


def test_all_connections_share_the_bandwidth() -> None:
    link = Link(Shape(bandwidth=8_000_000.0))  # a byte in a microsecond

    async def scenario() -> float:
        begin = time.monotonic()
        await asyncio.gather(*(link.pay(5_000) for _ in range(4)))
        return time.monotonic() - begin

    assert asyncio.run(scenario()) >= 0.02


class _LateClock:
    """A clock that asyncio's sleep moves, by a millisecond more than it was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("localcloud.oss.link.time.monotonic", lambda: self.now)
        monkeypatch.setattr("localcloud.oss.link.asyncio.sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds + 0.001


@pytest.mark.parametrize("bandwidth", [1e9, 5e9])
def test_one_connection_gets_the_whole_bandwidth_though_it_wakes_up_late(
    bandwidth: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, link = _LateClock(monkeypatch), Link(Shape(bandwidth=bandwidth))

    async def send() -> None:
        for _ in range(1000):
            await link.pay(MOST)

    asyncio.run(send())
    assert clock.now - 1000 == pytest.approx(1000 * MOST * 8 / bandwidth, abs=0.002)


def test_a_link_does_not_make_up_for_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, link = _LateClock(monkeypatch), Link(Shape(bandwidth=8_000_000.0))  # a byte in a microsecond
    asyncio.run(link.pay(1000))
    clock.now = 2000.0
    asyncio.run(link.pay(10_000))
    assert clock.now - 2000 >= 0.01


def test_a_new_shape_owes_nothing_for_the_one_before() -> None:
    async def take() -> float:
        link = Link(Shape(bandwidth=1))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(link.pay(10**6), 0.01)
        link.set_shape(Shape(bandwidth=1e9))
        begin = time.monotonic()
        await asyncio.wait_for(link.pay(1), 5)
        return time.monotonic() - begin

    assert asyncio.run(take()) < 5


def test_a_link_without_a_bandwidth_takes_no_time() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(0.5):
            await Link(Shape()).pay(10**15)

    asyncio.run(scenario())


def test_shapes_and_faults_are_read_from_json() -> None:
    assert parse_shape({"bandwidth": 100, "latency": 0.5}) == Shape(bandwidth=100, latency=0.5)
    assert parse_fault({"kind": "truncate", "after": 7}) == Fault(kind="truncate", after=7)


@pytest.mark.parametrize(
    ("parse", "record", "why"),
    [
        (parse_shape, {"bandwith": 1}, "unknown setting 'bandwith'"),
        (parse_shape, {"latency": -1}, "must not be negative"),
        (parse_shape, {"latency": "1"}, "latency must be of type float"),
        (parse_fault, {"kind": "reset", "after": 1.5}, "after must be of type int"),
        (parse_fault, {"kind": "reset", "times": True}, "times must be of type int"),
        (parse_fault, {"kind": "explode"}, "expected one of status, reset"),
        (parse_fault, {}, "kind is missing"),
    ],
)
def test_what_is_no_shape_or_fault_is_an_error_that_says_why(
    parse: Callable[[Mapping[str, Any]], object], record: Mapping[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        parse(record)
