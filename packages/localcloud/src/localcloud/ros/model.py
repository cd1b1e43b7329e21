"""The nouns of the embedded ROS: stacks with their resources, statuses and events, and change sets.

Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self, TypeVar

from localcloud.kernel.access import Caller
from localcloud.kernel.identity import Identity

STACK_TYPE = "ALIYUN::ROS::Stack"  # under which a stack itself appears among its events
CUSTOM_RESOURCE = "ALIYUN::ROS::CustomResource"
_State = TypeVar("_State", bound=StrEnum)


class IllegalMoveError(Exception):
    """A state machine was to make a move that its table has not: a mistake of this program."""


def move(moves: Mapping[_State, frozenset[_State]], state: _State, to: _State) -> _State:
    """Move from one state to another.

    Args:
        moves: for each state, those that may follow.
        state: the present one.
        to: the next one.

    Raises:
        IllegalMoveError: it may not follow.
    """
    if to not in moves[state]:
        raise IllegalMoveError(f"{type(state).__name__}: {state or 'idle'} is not followed by {to or 'idle'}")
    return to


class Status(StrEnum):
    """A status as ROS writes it: the kind of an operation, and how far that is."""

    @property
    def kind(self) -> str:
        """The operation: CREATE, UPDATE, DELETE and the like."""
        return self.removesuffix("_IN_PROGRESS").removesuffix("_COMPLETE").removesuffix("_FAILED")

    @property
    def is_in_progress(self) -> bool:
        """Return whether the operation goes on."""
        return self.endswith("_IN_PROGRESS")

    @property
    def is_failed(self) -> bool:
        """Return whether the operation has failed."""
        return self.endswith("_FAILED")

    @property
    def complete(self) -> Self:
        """The status of the same operation when it has succeeded."""
        return type(self)(f"{self.kind}_COMPLETE")

    @property
    def failed(self) -> Self:
        """The status of the same operation when it has failed."""
        return type(self)(f"{self.kind}_FAILED")


class StackStatus(Status):
    """A stack's status ("Stack status")."""

    REVIEW_IN_PROGRESS = "REVIEW_IN_PROGRESS"  # nothing was made yet
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_ROLLBACK_IN_PROGRESS = "CREATE_ROLLBACK_IN_PROGRESS"
    CREATE_ROLLBACK_COMPLETE = "CREATE_ROLLBACK_COMPLETE"
    CREATE_ROLLBACK_FAILED = "CREATE_ROLLBACK_FAILED"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_COMPLETE = "ROLLBACK_COMPLETE"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    DELETE_FAILED = "DELETE_FAILED"


_S = StackStatus
_UPDATE_OR_DELETE = frozenset({_S.UPDATE_IN_PROGRESS, _S.DELETE_IN_PROGRESS})
_DELETE_ONLY = frozenset({_S.DELETE_IN_PROGRESS})
STACK_MOVES: Mapping[StackStatus, frozenset[StackStatus]] = {
    _S.REVIEW_IN_PROGRESS: frozenset({_S.CREATE_IN_PROGRESS, _S.DELETE_IN_PROGRESS}),
    _S.CREATE_IN_PROGRESS: _DELETE_ONLY | {_S.CREATE_COMPLETE, _S.CREATE_FAILED, _S.CREATE_ROLLBACK_IN_PROGRESS},
    _S.CREATE_COMPLETE: _UPDATE_OR_DELETE,
    _S.CREATE_FAILED: _UPDATE_OR_DELETE | {_S.CREATE_IN_PROGRESS},
    _S.CREATE_ROLLBACK_IN_PROGRESS: _DELETE_ONLY | {_S.CREATE_ROLLBACK_COMPLETE, _S.CREATE_ROLLBACK_FAILED},
    _S.CREATE_ROLLBACK_COMPLETE: _DELETE_ONLY,
    _S.CREATE_ROLLBACK_FAILED: _DELETE_ONLY,
    _S.UPDATE_IN_PROGRESS: _DELETE_ONLY | {_S.UPDATE_COMPLETE, _S.UPDATE_FAILED, _S.ROLLBACK_IN_PROGRESS},
    _S.UPDATE_COMPLETE: _UPDATE_OR_DELETE,
    _S.UPDATE_FAILED: _UPDATE_OR_DELETE,
    _S.ROLLBACK_IN_PROGRESS: _DELETE_ONLY | {_S.ROLLBACK_COMPLETE, _S.ROLLBACK_FAILED},
    _S.ROLLBACK_COMPLETE: _UPDATE_OR_DELETE,
    _S.ROLLBACK_FAILED: _UPDATE_OR_DELETE,
    _S.DELETE_IN_PROGRESS: frozenset({_S.DELETE_COMPLETE, _S.DELETE_FAILED}),
    _S.DELETE_FAILED: _DELETE_ONLY,
    _S.DELETE_COMPLETE: frozenset(),
}


class Phase(StrEnum):
    """The part of an operation that is going on, with which a restarted process goes on."""

    IDLE = ""
    APPLY = "apply"
    CLEANUP = "cleanup"
    ROLLBACK = "rollback"
    DELETE = "delete"


PHASE_MOVES: Mapping[Phase, frozenset[Phase]] = {
    Phase.IDLE: frozenset({Phase.APPLY, Phase.DELETE}),
    Phase.APPLY: frozenset({Phase.CLEANUP, Phase.ROLLBACK, Phase.DELETE, Phase.IDLE}),
    Phase.CLEANUP: frozenset({Phase.DELETE, Phase.IDLE}),
    Phase.ROLLBACK: frozenset({Phase.DELETE, Phase.IDLE}),
    Phase.DELETE: frozenset({Phase.IDLE}),
}


class ResourceStatus(Status):
    """A resource's status."""

    INIT_COMPLETE = "INIT_COMPLETE"  # declared, and nothing of it made yet
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    CREATE_FAILED = "CREATE_FAILED"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    DELETE_FAILED = "DELETE_FAILED"


_R = ResourceStatus
_CHANGE = frozenset({_R.UPDATE_IN_PROGRESS, _R.UPDATE_FAILED, _R.DELETE_IN_PROGRESS, _R.DELETE_COMPLETE})
RESOURCE_MOVES: Mapping[ResourceStatus, frozenset[ResourceStatus]] = {
    _R.INIT_COMPLETE: frozenset({_R.CREATE_IN_PROGRESS, _R.CREATE_FAILED}),
    _R.CREATE_IN_PROGRESS: frozenset({_R.CREATE_COMPLETE, _R.CREATE_FAILED}),
    _R.CREATE_COMPLETE: _CHANGE,
    _R.CREATE_FAILED: _CHANGE | {_R.CREATE_IN_PROGRESS, _R.CREATE_FAILED},
    _R.UPDATE_IN_PROGRESS: frozenset({_R.UPDATE_COMPLETE, _R.UPDATE_FAILED}),
    _R.UPDATE_COMPLETE: _CHANGE,
    _R.UPDATE_FAILED: _CHANGE,
    _R.DELETE_IN_PROGRESS: frozenset({_R.DELETE_COMPLETE, _R.DELETE_FAILED}),
    _R.DELETE_FAILED: _CHANGE,
    _R.DELETE_COMPLETE: frozenset(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """The account, in one region, whose stacks these are."""

    region: str
    account_id: str


NOBODY = Caller(identity=Identity(account_id=""))  # who may do nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A resource of a stack."""

    logical_id: str
    type: str
    status: ResourceStatus = ResourceStatus.INIT_COMPLETE
    reason: str = ""
    physical_id: str = ""  # empty: there is nothing to delete
    properties: Mapping[str, object] = field(default_factory=dict)  # resolved, checked
    attributes: Mapping[str, object] = field(default_factory=dict)
    reference: str = ""  # what Ref is; empty: the physical id
    requires: tuple[str, ...] = ()  # logical ids of what it was made after
    retain: bool = False  # DeletionPolicy
    created: float
    updated: float


class DriftStatus(StrEnum):
    """The difference between a resource, or a stack, and its template ("Drift detection status codes")."""

    NOT_CHECKED = "NOT_CHECKED"
    IN_SYNC = "IN_SYNC"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    DRIFTED = "DRIFTED"  # of a stack: some resource is one of these two


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A property, or a part of one, that is not what the template says; values as JSON."""

    path: str  # /AccessControl
    kind: str  # ADD, REMOVE, NOT_EQUAL
    expected: str
    actual: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """The result of looking for the drift of one resource."""

    status: DriftStatus
    checked: float
    expected: Mapping[str, object] = field(default_factory=dict)  # of the properties that were compared
    actual: Mapping[str, object] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """The last time that a whole stack was looked at for drift."""

    id: str
    begun: float
    status: DriftStatus
    drifted: int  # resources


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
    """The part of a template that is told with each description of its stack."""

    hidden: tuple[str, ...]  # parameters whose values are never shown (NoEcho)
    outputs: Mapping[str, str]  # their descriptions, by name
    resources: int  # whose conditions hold
    masked: tuple[str, ...] = ()  # outputs whose values are never shown (NoEcho)
    remarks: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # of resources, as they are declared


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The template, the parameters and the tags that a stack is made from."""

    template: str  # as it was given
    parameters: Mapping[str, str] = field(default_factory=dict)  # as they were given
    outline: Outline | None = None  # None: not read yet, or by an earlier version
    description: str = ""  # of the template
    values: Mapping[str, object] = field(default_factory=dict)  # of the parameters, resolved
    tags: Mapping[str, str] = field(default_factory=dict)  # which resources inherit: as the last request gave them


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A stack."""

    id: str
    name: str
    parent: str = ""  # the id of the stack that this one is a resource of; empty: of none
    status: StackStatus = StackStatus.REVIEW_IN_PROGRESS
    reason: str = ""
    phase: Phase = Phase.IDLE
    caller: Caller = NOBODY  # of the operation that is going on: it is done with their rights, also by a later process
    resumptions: int = 0  # how often a process that was started anew has taken the operation up
    created: float
    updated: float | None = None
    source: Source
    previous: Source | None = None  # what a failed update returns to
    resources: Mapping[str, Resource] = field(default_factory=dict)
    before: Mapping[str, Resource] = field(default_factory=dict)  # the resources when the update began
    retiring: tuple[Resource, ...] = ()  # replaced or dropped, to be deleted once the update has succeeded
    outputs: Mapping[str, object] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    detection: Detection | None = None  # None: nobody has looked for drift
    drifts: Mapping[str, Drift] = field(default_factory=dict)  # by logical id
    tags: Mapping[str, str] = field(default_factory=dict)
    resource_group: str = ""
    timeout: int = 60  # minutes
    disable_rollback: bool = False
    replacement: bool = False  # whether an update may replace resources (ReplacementOption)
    protected: bool = False  # DeletionProtection
    policy: str = ""  # of the changes that updates may make (JSON); empty: any
    policy_once: str = ""  # in its place during the present update
    retained: tuple[str, ...] = ()  # logical ids that DeleteStack was told to keep
    tokens: Mapping[str, str] = field(default_factory=dict)  # ClientToken -> digest of the request that it came with

    @property
    def busy(self) -> bool:
        """Return whether an operation is going on."""
        return self.phase is not Phase.IDLE

    def moved(self, phase: Phase, status: StackStatus | None = None) -> Stack:
        """Return the stack in another phase, and in another status unless that is None.

        Raises:
            IllegalMoveError: one of them may not follow.
        """
        following = self.status if status is None else move(STACK_MOVES, self.status, status)
        return replace(self, phase=move(PHASE_MOVES, self.phase, phase), status=following)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The change that an update would make to one resource."""

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
    source: Source | None = None  # as the stack would have it; None: by an earlier version
    changes: tuple[Change, ...]
    executed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """A message to a wait condition."""

    succeeded: bool
    reason: str = ""
    data: object = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Handle:
    """A handle: the URL that takes signals, and those that came."""

    id: str
    secret: str = field(repr=False)  # who knows it may signal
    signals: Mapping[str, Signal] = field(default_factory=dict)  # by their ids, in the order in which they came


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateVersion:
    """One content of a stored template."""

    version: str  # v1, v2, …
    name: str  # of the template, when this version was the latest
    description: str
    body: str  # as it was given
    created: float
    updated: float


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredTemplate:
    """A template that ROS keeps, in versions."""

    id: str
    resource_group: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[TemplateVersion, ...]  # oldest first

    @property
    def latest(self) -> TemplateVersion:
        """The version that counts when none is named."""
        return self.versions[-1]


def canonical_type(name: str) -> str:
    """Return the name under which a resource type is known; `Custom::Anything` is `ALIYUN::ROS::CustomResource`."""
    return CUSTOM_RESOURCE if name.startswith("Custom::") else name
