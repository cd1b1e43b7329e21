"""Log triggers: what was written to the shards of a logstore is told to a function, which reads it from there.

Each shard is looked at for itself. What a function was told counts as done when it has returned; until then it is told again. The
places up to which that is so are on disk. A trigger whose logstore is gone waits for it.

Sources: Function Compute, "Simple Log Service triggers" (intervals, windows, catching up) and the structs SLSTriggerConfig,
SourceConfig and JobConfig; SLS, "Create a custom function" (the event); suites of aliyun/fc-java-sdk and aliyun/fc-python-sdk.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from localcloud.fc.errors import FcError
from localcloud.fc.model import Trigger
from localcloud.fc.operations.tasks import Tasks
from localcloud.fc.store.positions import LogPositions
from localcloud.kernel.errors import ApiError
from localcloud.sls.cursors import write_cursor
from localcloud.sls.model import Shard

INTERVALS = range(3, 600 + 1)  # seconds between two looks at a shard
RETRIES = range(100 + 1)  # of a failed invocation, until the next interval
DEFAULT_INTERVAL, DEFAULT_RETRIES = 60, 3  # assumed
CATCHING_UP = 2.0  # seconds between two looks at a shard that holds more than the logs of one interval
_ARN = "acs:log:REGION:ACCOUNT:project/PROJECT"
_MEMBERS = {
    "sourceConfig": ("logstore", "startTime"),
    "jobConfig": ("maxRetryTime", "triggerInterval"),
    "logConfig": ("project", "logstore"),
}


class Logstores(Protocol):
    """The logstores of an account. A method raises `ApiError` with SLS's code."""

    def shards(self, project: str, logstore: str) -> Sequence[Shard]:
        """Return the shards of a logstore."""

    def end_cursor(self, project: str, logstore: str, shard: int) -> int:
        """Return the cursor of the log group that will be a shard's next."""

    def cursor_at(self, project: str, logstore: str, shard: int, time: int) -> int:
        """Return the cursor of the first log group that was received at a time, in seconds since the epoch, or later."""

    def cursor_time(self, project: str, logstore: str, shard: int, cursor: int) -> int:
        """Return the time at which a log group was received, in seconds since the epoch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The configuration of a log trigger."""

    project: str
    logstore: str
    start: int  # seconds since the epoch; what was written before does not count
    interval: int  # seconds
    retries: int
    parameter: Mapping[str, Any] = field(default_factory=dict)  # which the event tells
    log: tuple[str, str] | None = None  # the project and the logstore that get a log of each invocation
    enabled: bool = True


def read_job(trigger: Trigger) -> Job:
    """Return the configuration of a log trigger.

    Raises:
        FcError: InvalidArgument, NotImplemented.
    """
    config = trigger.config
    for name in sorted(config.keys() - {*_MEMBERS, "functionParameter", "enable"}):
        raise FcError("NotImplemented", f"not implemented: triggerConfig.{name[:100]}")
    source, job, log = (_members(config, name) for name in _MEMBERS)
    parameter, enable = config.get("functionParameter"), config.get("enable")
    if parameter is not None and not isinstance(parameter, dict):
        raise FcError("InvalidArgument", "triggerConfig.functionParameter must be an object")
    if enable is not None and not isinstance(enable, bool):
        raise FcError("InvalidArgument", "triggerConfig.enable must be true or false")
    project, logstore = project_of(trigger), source.get("logstore")
    if not project:
        raise FcError("InvalidArgument", f"sourceArn must be {_ARN}")
    if not isinstance(logstore, str) or not logstore:
        raise FcError("InvalidArgument", "triggerConfig.sourceConfig.logstore must name a logstore")
    names = tuple(log.get(name) or "" for name in _MEMBERS["logConfig"])
    if not all(isinstance(each, str) for each in names) or any(names) != all(names):
        raise FcError("InvalidArgument", "triggerConfig.logConfig must name a project and a logstore, or neither")
    return Job(
        project=project,
        logstore=logstore,
        start=_number("sourceConfig.startTime", source.get("startTime"), range(2**40), int(trigger.created)),
        interval=_number("jobConfig.triggerInterval", job.get("triggerInterval"), INTERVALS, DEFAULT_INTERVAL),
        retries=_number("jobConfig.maxRetryTime", job.get("maxRetryTime"), RETRIES, DEFAULT_RETRIES),
        parameter=parameter or {},
        log=(names[0], names[1]) if all(names) else None,
        enabled=enable is not False,
    )


def project_of(trigger: Trigger) -> str:
    """Return the project that a trigger listens to; empty when its source names none."""
    parts = trigger.source_arn.split(":")
    kind, _, name = parts[-1].partition("/")
    return name if len(parts) == 5 and parts[:2] == ["acs", "log"] and kind == "project" and "/" not in name else ""


def check_logstore(trigger: Trigger, logstores: Logstores) -> None:
    """Refuse a log trigger whose logstore is not there; the code is assumed, the form is that of refusals by OSS.

    Raises:
        FcError: InvalidArgument, and what `read_job` raises.
    """
    job = read_job(trigger)
    try:
        logstores.shards(job.project, job.logstore)
    except ApiError as error:
        raise FcError("InvalidArgument", f"event source 'log' returned error: {error.message}") from error


def _members(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    members = config.get(name)
    if members is None:
        return {}
    if not isinstance(members, dict):
        raise FcError("InvalidArgument", f"triggerConfig.{name} must be an object")
    for member in sorted(members.keys() - {*_MEMBERS[name]}):
        raise FcError("NotImplemented", f"not implemented: triggerConfig.{name}.{member[:100]}")
    return members


def _number(name: str, value: object, allowed: range, default: int) -> int:
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
        raise FcError(
            "InvalidArgument",
            f"triggerConfig.{name} is {repr(value)[:100]}; expected a whole number from {allowed[0]} to {allowed[-1]}",
        )
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Log groups of a shard that a function is told of together."""

    shard: int
    begin: int  # the cursor of the first one
    end: int  # that of the first one which does not belong to it
    received: int  # when the last one was written, in seconds since the epoch
    is_all: bool  # there are no more in the shard

    def describe(self) -> dict[str, object]:
        """Return what events and logs say of it."""
        return {"shardId": self.shard, "beginCursor": write_cursor(self.begin), "endCursor": write_cursor(self.end)}


def make_event(trigger: Trigger, job: Job, found: Range, *, region: str, task: str) -> bytes:
    """Return the event that a function gets.

    Args:
        trigger: the trigger.
        job: its configuration.
        found: what is there to read.
        region: of the logstore.
        task: the id of the invocation, the same when it is tried again.
    """
    source = {
        "endpoint": f"http://{region}-intranet.log.aliyuncs.com",
        "projectName": job.project,
        "logstoreName": job.logstore,
        **found.describe(),
    }
    event = {
        "parameter": dict(job.parameter),
        "source": source,
        "jobName": trigger.trigger_id,
        "taskId": task,
        "cursorTime": found.received,
    }
    return json.dumps(event, ensure_ascii=False).encode()


Report = Callable[[Trigger, tuple[str, str], Sequence[tuple[str, str]]], None]


class LogTriggers:
    """The log triggers of an account; it belongs to one event loop.

    Args:
        triggers: returns all triggers.
        logstores: what they listen to.
        positions: keeps what is done.
        invoke: invokes the function of one with an event, and returns why that failed; empty: it did not.
        report: writes the fields of a log to a logstore.
        region: of the logstores.
        pause: seconds between a failed invocation and the next try; assumed.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        triggers: Callable[[], Iterable[Trigger]],
        logstores: Logstores,
        positions: LogPositions,
        invoke: Callable[[Trigger, bytes], Awaitable[str]],
        report: Report,
        region: str,
        pause: float,
        clock: Callable[[], float],
    ) -> None:
        self._triggers = triggers
        self._logstores = logstores
        self._positions = positions
        self._invoke = invoke
        self._report = report
        self._region = region
        self._pause = pause
        self._clock = clock
        self._due: dict[tuple[str, float, int], float] = {}  # of each shard; those of a changed trigger begin anew
        self._running: set[tuple[str, int]] = set()
        self._tasks = Tasks()

    def sweep(self) -> None:
        """Begin to look at the shards that are due."""
        now = self._clock()
        triggers = [each for each in self._triggers() if each.kind == "log"]
        self._positions.keep({each.trigger_id for each in triggers})
        before, self._due = self._due, {}
        for trigger in triggers:
            job = read_job(trigger)
            for shard in self._shards(job) if job.enabled else ():
                key = trigger.trigger_id, trigger.modified, shard.number
                due = self._due[key] = before.get(key, trigger.modified + job.interval)
                if due <= now and (trigger.trigger_id, shard.number) not in self._running:
                    self._due[key] = now + job.interval
                    self._running.add((trigger.trigger_id, shard.number))
                    self._tasks.begin(self._look(trigger, job, shard.number))

    def _shards(self, job: Job) -> Sequence[Shard]:
        try:
            return self._logstores.shards(job.project, job.logstore)
        except ApiError:  # it is gone, for now
            return ()

    async def _look(self, trigger: Trigger, job: Job, shard: int) -> None:
        try:
            found = await asyncio.to_thread(self._find, trigger, job, shard)
            if found and await self._do(trigger, job, found) and not found.is_all:
                key = trigger.trigger_id, trigger.modified, shard
                if key in self._due:
                    self._due[key] = min(self._due[key], self._clock() + CATCHING_UP)
        except ApiError:  # the logstore went meanwhile
            return
        finally:
            self._running.discard((trigger.trigger_id, shard))

    def _find(self, trigger: Trigger, job: Job, shard: int) -> Range | None:
        """Return what a shard holds that is not done: what was written within one interval; None: nothing."""
        logstores, place = self._logstores, (job.project, job.logstore, shard)
        begin = max(self._positions.get(trigger.trigger_id, shard), logstores.cursor_at(*place, job.start))
        following = logstores.end_cursor(*place)
        if begin >= following:
            return None
        end = min(following, logstores.cursor_at(*place, logstores.cursor_time(*place, begin) + job.interval))
        received = logstores.cursor_time(*place, end - 1)
        return Range(shard=shard, begin=begin, end=end, received=received, is_all=end == following)

    async def _do(self, trigger: Trigger, job: Job, found: Range) -> bool:
        """Invoke the function; return whether it did not fail in the end."""
        task, why, tries = str(uuid.uuid4()), "", 0
        event = make_event(trigger, job, found, region=self._region, task=task)
        while tries <= job.retries:
            await asyncio.sleep(self._pause if tries else 0)
            tries += 1
            why = await self._invoke(trigger, event)
            if not why:
                self._positions.put(trigger.trigger_id, found.shard, found.end)
                break
        if job.log:
            fields = {"jobName": trigger.trigger_id, "taskId": task, "projectName": job.project}
            fields |= {"logstoreName": job.logstore, **{name: str(each) for name, each in found.describe().items()}}
            fields |= {"tries": str(tries), "status": "failed" if why else "success", "errorMessage": why}
            self._report(trigger, job.log, [*fields.items()])
        return not why

    async def close(self) -> None:
        """End what runs; it is done after the next start."""
        await self._tasks.cancel()
