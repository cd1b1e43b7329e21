"""What the embedded ROS keeps: stacks with their resources and events, and change sets. Times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from localcloud.kernel.identity import Identity

STACK_TYPE = "ALIYUN::ROS::Stack"  # under which a stack itself appears among its events


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who asked for an operation: it is done with their rights, also by a later process."""

    identity: Identity
    conditions: Mapping[str, str] = field(default_factory=dict)  # condition keys of the request, and their values


NOBODY = Caller(identity=Identity(account_id=""))  # who may do nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A resource of a stack."""

    logical_id: str
    type: str
    status: str  # CREATE_IN_PROGRESS, UPDATE_COMPLETE, …
    reason: str = ""
    physical_id: str = ""  # empty: there is nothing to delete
    properties: Mapping[str, object] = field(default_factory=dict)  # resolved, checked
    attributes: Mapping[str, object] = field(default_factory=dict)
    requires: tuple[str, ...] = ()  # logical ids of what it was made after
    retain: bool = False  # DeletionPolicy
    created: float
    updated: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A change of the status of a resource, or of the stack itself."""

    event_id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    created: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What is told of a template with each description of its stack."""

    hidden: tuple[str, ...]  # parameters whose values are never shown (NoEcho)
    outputs: Mapping[str, str]  # their descriptions, by name
    resources: int  # whose conditions hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What a stack is made from."""

    template: str  # as it was given
    parameters: Mapping[str, str] = field(default_factory=dict)  # as they were given
    outline: Outline | None = None  # None: not read yet, or by an earlier version


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A stack. Its `phase` says what a restarted process has to go on with."""

    id: str
    name: str
    status: str
    reason: str
    phase: str = ""  # apply, cleanup, rollback, delete; empty: nothing is going on
    caller: Caller = NOBODY  # of the operation that is going on
    resumptions: int = 0  # how often a process that was started anew has taken the operation up
    description: str = ""
    created: float
    updated: float | None = None
    source: Source
    previous: Source | None = None  # what a failed update returns to
    values: Mapping[str, object] = field(default_factory=dict)  # of the parameters, resolved
    resources: Mapping[str, Resource] = field(default_factory=dict)
    before: Mapping[str, Resource] = field(default_factory=dict)  # the resources when the update began
    retiring: tuple[Resource, ...] = ()  # replaced or dropped, to be deleted once the update has succeeded
    outputs: Mapping[str, object] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    timeout: int = 60  # minutes
    disable_rollback: bool = False
    replacement: bool = False  # whether an update may replace resources (ReplacementOption)
    protected: bool = False  # DeletionProtection
    retained: tuple[str, ...] = ()  # logical ids that DeleteStack was told to keep
    tokens: Mapping[str, str] = field(default_factory=dict)  # ClientToken -> digest of the request that it came with

    @property
    def busy(self) -> bool:
        """Whether an operation is going on."""
        return bool(self.phase)

    @property
    def operation(self) -> str:
        """CREATE, UPDATE, DELETE, …: what was done last, or is being done."""
        for suffix in ("_IN_PROGRESS", "_COMPLETE", "_FAILED"):
            if self.status.endswith(suffix):
                return self.status.removesuffix(suffix)
        return self.status


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What an update would do to one resource."""

    action: str  # Add, Modify, Remove
    logical_id: str
    type: str
    physical_id: str
    replacement: str  # True, False, Conditional; empty for Add and Remove
    properties: tuple[str, ...]  # the changed ones


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeSet:
    """An update, or a creation, that waits to be executed."""

    id: str
    name: str
    kind: str  # CREATE, UPDATE
    stack_id: str
    stack_name: str
    description: str
    created: float
    request: Mapping[str, str]  # the parameters of the request, which executing it repeats
    changes: tuple[Change, ...]
    executed: bool = False


def format_time(seconds: float | None) -> str | None:
    """Return a time as ROS writes it: UTC, `2026-01-31T08:00:00`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") if seconds is not None else None
