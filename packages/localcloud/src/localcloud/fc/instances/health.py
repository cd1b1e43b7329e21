"""The health checks of an instance whose program serves HTTP: too many failures in a row end it.

They are made while requests run: a frozen instance could answer none. That a failing one ends, and with it the requests that it
has, is assumed. Source: Function Compute, "Configure health checks for instances".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from localcloud.fc.model import Function


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthCheck:
    """The health check of an instance. Source of the defaults: the API's client."""

    path: str
    delay: float  # seconds after its start
    period: float  # seconds
    timeout: float  # seconds
    failures: int  # in a row, that end it

    @classmethod
    def of(cls, function: Function) -> HealthCheck | None:
        """Return the check of a function's instances; None: it has none."""
        config = function.health_check
        if not config.get("httpGetUrl"):
            return None
        return cls(
            path=config["httpGetUrl"],
            delay=config.get("initialDelaySeconds", 0),
            period=config.get("periodSeconds", 3),
            timeout=config.get("timeoutSeconds", 1),
            failures=config.get("failureThreshold", 3),
        )


async def check_health(check: HealthCheck, ask: Callable[[], Awaitable[str]], *, age: float) -> str:
    """Ask an instance again and again; return why it is not well once it has failed too often.

    Args:
        check: how.
        ask: asks it; returns why it is not well, empty: it is.
        age: seconds since its start.
    """
    await asyncio.sleep(max(0.0, check.delay - age))
    failures = 0
    while True:
        try:
            async with asyncio.timeout(check.timeout):
                why = await ask()
        except TimeoutError:
            why = f"GET {check.path} was not answered within {check.timeout:g} s"
        failures = failures + 1 if why else 0
        if failures >= check.failures:
            return why
        await asyncio.sleep(check.period)
