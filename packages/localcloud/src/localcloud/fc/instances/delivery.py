"""The delivery of log lines to the logstore that a function's `logConfig` names: a moment later, and in their order.

Nobody waits for it; what cannot be delivered is noted in the function's own log, once for each reason.

Sources: Function Compute, "Configure logging", "Request-level metric logs"; SLS, "Log fields of Function Compute"; for topics,
what Serverless Devs looks for (devsapp/fc3, `src/subCommands/logs`).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from localcloud.fc.model import Trigger
from localcloud.fc.releases import Release
from localcloud.kernel.errors import ApiError

DELAY = 0.1  # seconds for which lines are collected
AT_ONCE = 4096  # logs that are delivered together
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PLATFORM = "FC "  # what the platform's own lines begin with

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEntry:
    """A log of a function."""

    time: float  # seconds since the epoch
    fields: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """The logstore that gets logs of a function, and in whose name."""

    function: str  # its path
    role: str  # ARN; empty: the platform's own
    project: str
    logstore: str
    topic: str


class Deliver(Protocol):
    """Writes to logstores; called in threads."""

    def __call__(self, destination: Destination, entries: Sequence[LogEntry]) -> None:
        """Write logs.

        Raises:
            ApiError: the role may not, or there is no such logstore.
        """


class Lines:
    """The lines of one invocation on their way to a logstore.

    Args:
        take: takes each of them.
        fields: what all of them have.
        by_date: a line without a date belongs to the one before (logBeginRule DefaultRegex).
        clock: seconds since the epoch.

    Attributes:
        instance: the id of the instance that writes them; empty: there is none yet.
    """

    def __init__(
        self,
        take: Callable[[LogEntry], None],
        fields: Sequence[tuple[str, str]],
        *,
        by_date: bool,
        clock: Callable[[], float],
    ) -> None:
        self.instance = ""
        self._take = take
        self._fields = fields
        self._by_date = by_date
        self._clock = clock
        self._rest = b""  # of a line that has not ended
        self._block: list[str] = []  # the lines of a log that has not ended

    def add(self, content: bytes) -> None:
        """Take output as it comes; a line goes on its way once it has ended."""
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").rstrip("\r")
            alone = not self._by_date or text.startswith(_PLATFORM)
            if alone or _DATE.search(text):
                self._end_block()
            self._block.append(text)
            if alone:
                self._end_block()

    def _end_block(self) -> None:
        message, self._block = "\n".join(self._block), []
        if message:
            instance = (("instanceID", self.instance),) if self.instance else ()
            self._take(LogEntry(time=self._clock(), fields=(("message", message), *self._fields, *instance)))


class Delivery:
    """Delivers the lines of all functions; it belongs to one event loop.

    Args:
        deliver: writes to logstores.
        complain: notes in a function's log, which its path names, that lines were lost.
        clock: seconds since the epoch.
    """

    def __init__(self, deliver: Deliver, *, complain: Callable[[str, str], None], clock: Callable[[], float]) -> None:
        self._deliver = deliver
        self._complain = complain
        self._clock = clock
        self._waiting: dict[Destination, list[LogEntry]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._told: set[tuple[Destination, str]] = set()

    def follow(self, release: Release, request_id: str) -> Lines | None:
        """Return what takes the output of an invocation; None: it has no logstore to go to.

        Args:
            release: what is invoked.
            request_id: empty: nobody's request.
        """
        config = _config(release)
        destination = _destination(release, topic=_topic(release))
        if destination is None:
            return None

        def take(entry: LogEntry) -> None:
            self._add(destination, entry)

        by_date = config.get("logBeginRule") == "DefaultRegex"
        return Lines(take, _fields(release, request_id), by_date=by_date, clock=self._clock)

    def tell_use(self, release: Release, request_id: str, metrics: Sequence[tuple[str, str]]) -> None:
        """Deliver what an invocation took, if the function asks for it (enableRequestMetrics)."""
        service = release.service.name if release.service else ""
        destination = _destination(release, topic=f"FCRequestMetrics:{service}/{release.function.name}")
        if destination is not None and _config(release).get("enableRequestMetrics") is True:
            self._add(destination, LogEntry(time=self._clock(), fields=(*_fields(release, request_id), *metrics)))

    def report(self, trigger: Trigger, logstore: tuple[str, str], fields: Sequence[tuple[str, str]]) -> None:
        """Deliver a log of what a trigger did, as the platform; its topic is assumed.

        Args:
            trigger: the trigger.
            logstore: the project and the logstore.
            fields: of the log.
        """
        project, name = logstore
        destination = Destination(
            function=trigger.function, role="", project=project, logstore=name, topic=f"trigger:{trigger.name}"
        )
        self._add(destination, LogEntry(time=self._clock(), fields=fields))

    async def close(self) -> None:
        """Deliver what waits, and no more."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await self._flush()

    def _add(self, destination: Destination, entry: LogEntry) -> None:
        self._waiting.setdefault(destination, []).append(entry)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while self._waiting:
            await asyncio.sleep(DELAY)
            await asyncio.shield(asyncio.ensure_future(self._flush()))

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for destination, entries in waiting.items():
            for begin in range(0, len(entries), AT_ONCE):
                try:
                    await asyncio.to_thread(self._deliver, destination, entries[begin : begin + AT_ONCE])
                except ApiError as error:
                    self._tell(destination, error.message)
                except Exception as error:
                    logger.exception("log lines of %s were not delivered", destination.function)
                    self._tell(destination, type(error).__name__)

    def _tell(self, destination: Destination, why: str) -> None:
        if (destination, why) in self._told:
            return
        self._told.add((destination, why))
        self._complain(
            destination.function,
            f"FC Note: log lines are not delivered to {destination.project}/{destination.logstore}: {why}",
        )


def _config(release: Release) -> dict[str, object]:
    return {**(release.service.log_config if release.service else release.function.log_config)}


def _destination(release: Release, *, topic: str) -> Destination | None:
    config = _config(release)
    project, logstore = config.get("project"), config.get("logstore")
    if not (isinstance(project, str) and project and isinstance(logstore, str) and logstore):
        return None
    role = release.service.role if release.service else release.function.role
    return Destination(function=release.function.path, role=role, project=project, logstore=logstore, topic=topic)


def _topic(release: Release) -> str:
    """Return the topic of a function's logs: its service, or where there are none one with its name."""
    return release.service.name if release.service else f"FCLogs:{release.function.name}"


def _fields(release: Release, request_id: str) -> list[tuple[str, str]]:
    fields = [("functionName", release.function.name)]
    if release.service:
        fields.append(("serviceName", release.service.name))
    fields += [("qualifier", release.qualifier), ("versionId", release.version)]
    return [*fields, ("requestId", request_id)] if request_id else fields
