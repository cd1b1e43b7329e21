"""The configurations of a function's releases: minimum instances, limits, asynchronous invocations and their tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledAction:
    """A number of instances from a moment on, or from each that a schedule names."""

    name: str
    target: int
    expression: str  # at(2020-10-10T10:10:10Z) or cron(0 */30 * * * *)
    start: str = ""  # when it begins to count; empty: at once
    end: str = ""  # when it does no longer; empty: never
    zone: str = ""  # the time zone of all three; empty: UTC


@dataclass(frozen=True, kw_only=True, slots=True)
class Minimum:
    """A number of instances that are started ahead and kept."""

    function: str  # its path
    qualifier: str  # LATEST, a version or an alias
    target: int  # unless an action says another number
    actions: Sequence[ScheduledAction] = ()
    awake: bool = False  # the instances go on between requests: alwaysAllocateCPU
    scaling: bool = False  # it was put as a scaling configuration (FC 3.0), not as a provision configuration

    @property
    def key(self) -> tuple[str, str, bool]:
        """Its identity."""
        return self.function, self.qualifier, self.scaling

    @property
    def name(self) -> str:
        """The name that lists show."""
        return qualified(self.function, self.qualifier)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """The most requests that a function may serve at a time."""

    function: str  # its path
    qualifier: str  # FC 2.0: the alias or version whose requests count; empty: all of the function's
    most: int

    @property
    def name(self) -> str:
        """The name that lists are ordered by: in FC 2.0 `services/S.Q/functions/F`."""
        return qualified(self.function, self.qualifier)


@dataclass(frozen=True, kw_only=True, slots=True)
class AsyncConfig:
    """A configuration of a function's asynchronous invocations."""

    function: str  # its path
    qualifier: str  # LATEST, a version or an alias
    retries: int | None = None  # after a failure; None: the platform's number
    max_age: int | None = None  # seconds after which an invocation that waits is dropped; None: the platform's number
    on_success: str = ""  # ARN of what gets the result; empty: nothing
    on_failure: str = ""
    stateful: bool = False  # invocations are tasks: listed, and stopped on request
    created: float = 0.0  # seconds since the epoch
    modified: float = 0.0

    @property
    def name(self) -> str:
        """The name that lists are ordered by."""
        return qualified(self.function, self.qualifier)


class TaskState(Enum):
    """A state of an asynchronous task, by its name in the API."""

    ENQUEUED = "Enqueued"
    RUNNING = "Running"
    RETRYING = "Retrying"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"
    EXPIRED = "Expired"


_WAITS = frozenset({TaskState.RUNNING, TaskState.STOPPED, TaskState.EXPIRED, TaskState.FAILED})
TASK_MOVES: Mapping[TaskState, frozenset[TaskState]] = MappingProxyType(
    {
        TaskState.ENQUEUED: _WAITS,
        # A restart of the embedded cloud runs a task again, that was running.
        TaskState.RUNNING: frozenset(set(TaskState) - {TaskState.ENQUEUED}),
        TaskState.RETRYING: _WAITS,
        TaskState.SUCCEEDED: frozenset(),
        TaskState.FAILED: frozenset(),
        TaskState.STOPPED: frozenset(),
        TaskState.EXPIRED: frozenset(),
    }
)
DONE = frozenset(state for state, moves in TASK_MOVES.items() if not moves)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """An asynchronous invocation whose course is kept."""

    function: str  # its path
    id: str
    qualifier: str
    request_id: str
    state: TaskState
    started: float  # seconds since the epoch
    events: Sequence[tuple[str, float, str]] = ()  # state, time and detail of each step
    ended: float = 0.0
    instance: str = ""
    retried: int = 0
    error: str = ""
    payload: str = ""
    result: str = ""

    @property
    def name(self) -> str:
        """Its id, by which lists are ordered."""
        return self.id


def qualified(path: str, qualifier: str) -> str:
    """Return a function's path with a qualifier where FC 2.0 has it: behind the service's name."""
    owner, found, name = path.partition("/functions/")
    return f"{owner}.{qualifier}/functions/{name}" if found and qualifier else path
