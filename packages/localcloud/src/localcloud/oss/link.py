"""The link between the embedded OSS and its clients: its speed and its faults. For measurements and tests.

Without settings, responses go out at full speed by sendfile. With them, every response shares one token bucket, its first
byte comes late, and faults strike where they are told to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

LEAST, MOST, TURN = 16 * 1024, 256 * 1024, 0.01  # bytes and seconds of a turn
# Seconds, at most, by which a sender is late where the link need not have been silent: it has a send buffer.
LATE = 0.005
KINDS = ("status", "reset", "truncate", "corrupt", "delay")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The speed of a link."""

    bandwidth: float = 0.0  # bits per second, shared by all connections; 0: as fast as it goes
    latency: float = 0.0  # seconds to the first byte of each response


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A failure of responses.

    `status` answers with that HTTP status; `reset` breaks the connection after `after` bytes of the body; `truncate` closes it
    there in good order; `corrupt` flips the byte that lies `after` bytes into the object; `delay` waits `seconds` before the
    answer.
    """

    kind: str
    method: str = "GET"
    prefix: str = ""  # of the object key
    skip: int = 0  # requests that it lets pass before
    times: int = 1  # how often it strikes; -1: always
    after: int = 0  # bytes
    status: int = 503
    seconds: float = 0.0


def parse_shape(record: Mapping[str, Any]) -> Shape:
    """Read a shape from JSON: `{"bandwidth": bits per second, "latency": seconds}`.

    Raises:
        ValueError: an unknown or negative setting.
    """
    shape = Shape(**_checked(record, Shape))
    if shape.bandwidth < 0 or shape.latency < 0:
        raise ValueError("bandwidth and latency must not be negative")
    return shape


def parse_fault(record: Mapping[str, Any]) -> Fault:
    """Read a fault from JSON: the fields of `Fault`.

    Raises:
        ValueError: an unknown field or kind.
    """
    fault = Fault(**_checked(record, Fault))
    if fault.kind not in KINDS:
        raise ValueError(f"kind is {fault.kind!r}; expected one of {', '.join(KINDS)}")
    return fault


def _checked(record: Mapping[str, Any], kind: type) -> dict[str, Any]:
    known = dict(kind.__annotations__)
    expected = {"str": (str,), "int": (int,), "float": (int, float)}
    for name, value in record.items():
        if name not in known:
            raise ValueError(f"unknown setting {name!r}; expected one of {', '.join(known)}")
        if not isinstance(value, expected[known[name]]) or isinstance(value, bool):
            raise ValueError(f"{name} must be of type {known[name]}")
    if kind is Fault and "kind" not in record:
        raise ValueError("kind is missing")
    return dict(record)


class Link:
    """The link's present shape and faults."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._faults: list[Fault] = []
        self._free_at = 0.0  # when the bucket has a token again, in seconds of the monotonic clock

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that may still strike."""
        return tuple(self._faults)

    def set_shape(self, shape: Shape) -> None:
        """Replace the shape; what was owed to the one before is forgotten."""
        self.shape, self._free_at = shape, 0.0

    def set_faults(self, faults: list[Fault]) -> None:
        """Replace all faults."""
        self._faults = list(faults)

    def strike(self, method: str, key: str) -> Fault | None:
        """Return the fault that this request suffers, and count it."""
        for index, fault in enumerate(self._faults):
            if fault.method == method and key.startswith(fault.prefix) and fault.times:
                if fault.skip:
                    self._faults[index] = replace(fault, skip=fault.skip - 1)
                    continue
                if fault.times > 0:
                    left = replace(fault, times=fault.times - 1)
                    self._faults[index : index + 1] = [left] if left.times else []
                return fault
        return None

    @property
    def slice(self) -> int:
        """Bytes to send at a time: connections take turns, so none may hold a slow link up for long."""
        if not self.shape.bandwidth:
            return MOST
        return max(LEAST, min(MOST, int(self.shape.bandwidth / 8 * TURN)))

    async def pay(self, size: int) -> None:
        """Wait until the link has carried that many bytes.

        Whoever sends wakes up a millisecond late, as asyncio rounds up what it waits, and has to read and write, too. The link
        makes up for that: a single connection would get two thirds of 1 Gbit/s otherwise, and one third of 5.
        """
        if not self.shape.bandwidth:
            return
        now = time.monotonic()
        if self._free_at < now - LATE:
            self._free_at = now
        self._free_at += size * 8 / self.shape.bandwidth
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
