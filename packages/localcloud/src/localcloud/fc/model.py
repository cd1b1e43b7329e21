"""The nouns of Function Compute, and the operations on them that other services use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from localcloud.fc.attachments import Nas, Vpc
from localcloud.fc.platform import (
    CONCURRENCY,
    CUSTOM_PORT,
    DEFAULT_HOOK_TIMEOUT,
    DEFAULT_INITIALIZATION_TIMEOUT,
    DEFAULT_MEMORY,
    DEFAULT_TIMEOUT,
    DISKS,
    Retries,
)

TRIGGER_TYPES = ("oss", "http", "timer", "log")
WITHOUT_SOURCE = frozenset({"http", "timer"})  # of them, those that need neither a source nor a role
Permit = Callable[[str, str], None]  # from an object's bucket and key; raises FcError to refuse


def anybody(bucket: str, key: str) -> None:
    """Permit everything: for callers whose rights were looked at before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A service of FC 2.0: the settings that its functions share."""

    name: str
    role: str = ""  # ARN; empty: no credentials
    description: str = ""
    internet_access: bool = True
    vpc: Vpc | None = None
    nas: Nas = field(default_factory=Nas)
    log_config: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0  # seconds since the epoch
    modified: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A function of FC 2.0 (in a service) or of FC 3.0 (`service` empty; role and logs are its own)."""

    service: str
    name: str
    runtime: str
    handler: str
    initializer: str = ""
    initialization_timeout: int = DEFAULT_INITIALIZATION_TIMEOUT  # seconds
    pre_freeze: str = ""  # the hook that runs before an instance is frozen; empty: none
    pre_freeze_timeout: int = DEFAULT_HOOK_TIMEOUT  # seconds
    pre_stop: str = ""  # the hook that runs before an instance is taken down; empty: none
    pre_stop_timeout: int = DEFAULT_HOOK_TIMEOUT  # seconds
    timeout: int = DEFAULT_TIMEOUT  # seconds
    concurrency: int = CONCURRENCY  # requests at a time in an instance
    memory: int = DEFAULT_MEMORY  # MB
    cpu: float | None = None  # vCPU
    disk: int = DISKS[0]  # MB
    environment: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    role: str = ""
    internet_access: bool = True
    vpc: Vpc | None = None
    nas: Nas = field(default_factory=Nas)
    log_config: Mapping[str, Any] = field(default_factory=dict)
    layers: Sequence[str] = ()  # ARNs of layer versions, the first one in front
    command: Sequence[str] = ()  # of a custom runtime; empty: the code package's `bootstrap`
    arguments: Sequence[str] = ()  # of that command
    port: int = CUSTOM_PORT  # that it serves
    health_check: Mapping[str, Any] = field(default_factory=dict)  # of its instances, in the API's names; empty: none
    disabled: str | None = None  # why nobody may invoke it; None: everybody may
    code: str = ""  # sha256 of the zipped code package
    code_size: int = 0  # bytes, zipped
    code_checksum: str = ""  # CRC-64 of the zipped code package
    function_id: str = ""
    created: float = 0.0
    modified: float = 0.0

    @property
    def python(self) -> str:
        """The Python that the function names for its instances here; empty: the runtime's."""
        return self.environment.get("LOCALCLOUD_PYTHON", "")

    @property
    def path(self) -> str:
        """The function's name with its service's, as ARNs and files have it."""
        return f"services/{self.service}/functions/{self.name}" if self.service else f"functions/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """A source of events that invokes a function."""

    function: str  # the function's path
    name: str
    kind: str  # one of TRIGGER_TYPES
    config: Mapping[str, Any]
    source_arn: str = ""
    invocation_role: str = ""
    qualifier: str = ""
    description: str = ""
    trigger_id: str = ""
    created: float = 0.0
    modified: float = 0.0

    @property
    def key(self) -> tuple[str, str]:
        """Its identity."""
        return self.function, self.name


def http_urls(trigger: Trigger, *, region: str, account_id: str) -> tuple[str, str]:
    """Return the URLs of an HTTP trigger on the internet and within the region; both are empty for any other one.

    Source: Function Compute 2.0 and 3.0, "HTTP triggers".
    """
    if trigger.kind != "http":
        return "", ""
    kind, service, *rest = trigger.function.split("/")
    if kind == "services":
        path = f"2016-08-15/proxy/{service}.{trigger.qualifier or 'LATEST'}/{rest[-1]}/"
        host = f"https://{account_id}.{region}"
        return f"{host}.fc.aliyuncs.com/{path}", f"{host}-internal.fc.aliyuncs.com/{path}"
    host = f"https://{trigger.trigger_id}.{region}"
    return f"{host}.fcapp.run", f"{host}-vpc.fcapp.run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """The source of a function's code package: its bytes, or an object in OSS."""

    content: bytes | None = None  # a zip file
    bucket: str = ""
    key: str = ""
    checksum: str = ""  # the CRC-64 that it must have; empty: any


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer of a function, or of the platform in its place."""

    body: bytes
    error_type: str | None  # of the platform: UnhandledInvocationError, InitializationError, …; None: success
    duration: float  # seconds
    peak_memory: int  # bytes
    own_words: bool = True  # the body is the function's, or a program's of a custom runtime; False: the platform's JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """An invocation that is done."""

    request_id: str
    instance_id: str
    code_checksum: str  # CRC-64 of the code package that ran
    answer: Answer
    log_tail: bytes  # empty: the instance serves several requests at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """An asynchronous invocation that was accepted and is not done."""

    request_id: str
    function: str  # its path
    payload: bytes
    qualifier: str = ""  # a version or an alias; empty: what is not published
    accepted: float = 0.0  # seconds since the epoch; 0: an earlier release did not note it
    due: float = 0.0  # seconds since the epoch before which it is not tried
    task: str = ""  # the id under which its course is kept; empty: it is not


class InstanceState(Enum):
    """A state of an instance's processes."""

    NEW = "new"  # there are none yet
    RUNNING = "running"
    FROZEN = "frozen"  # stopped between two requests
    KILLED = "killed"  # told to end; what they held is still there
    CLOSED = "closed"  # nothing is left of them


MOVES: Mapping[InstanceState, frozenset[InstanceState]] = {
    InstanceState.NEW: frozenset({InstanceState.RUNNING, InstanceState.CLOSED}),
    InstanceState.RUNNING: frozenset({InstanceState.FROZEN, InstanceState.KILLED}),
    InstanceState.FROZEN: frozenset({InstanceState.RUNNING, InstanceState.KILLED}),
    InstanceState.KILLED: frozenset({InstanceState.CLOSED}),
    InstanceState.CLOSED: frozenset(),
}


def move(state: InstanceState, to: InstanceState) -> InstanceState:
    """Return the state that an instance moves to.

    Raises:
        ValueError: no move leads there.
    """
    if to not in MOVES[state]:
        raise ValueError(f"an instance that is {state.value} cannot become {to.value}")
    return to


class Parts(Protocol):
    """Takes a response that comes in parts: its head in front, by the same rules as a whole one."""

    def __call__(self, part: bytes, instance: str) -> None:
        """Take a part, and the id of the instance that makes the response."""


class EndReason(Enum):
    """The reason for which the platform ended an instance."""

    TIMEOUT = "timeout"
    MEMORY = "memory"
    DISK = "disk"
    PROCESSES = "processes"
    REPLY = "reply"  # a malformed one
    WATCH = "watch"  # it could not be measured
    HEALTH = "health"  # its health checks failed
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings of the embedded Function Compute."""

    region: str
    account_id: str
    gateway: tuple[str, int]  # where instances reach names under aliyuncs.com
    authority: str  # the certificate (PEM) that they trust for those names
    python: Path | None = None  # runs every runtime; None: the interpreter that a runtime names
    idle: float = 300.0  # seconds after which an idle instance is ended
    max_instances: int = 20  # of one function
    limit_cpu: bool = False  # an instance gets the vCPU that its function asks for, not all of this machine
    unsandboxed: bool = False  # as root, run functions even where there is no sandbox
    retries: Retries = field(default_factory=Retries)  # of asynchronous invocations


class Services(Protocol):
    """The services of an account. A method raises `ApiError` with Function Compute's code."""

    def create(self, service: Service) -> Service:
        """Create a service."""

    def get(self, name: str) -> Service:
        """Return a service."""

    def all(self) -> list[Service]:
        """Return all services in order of their names."""

    def update(self, service: Service) -> Service:
        """Replace a service's settings; its functions get new instances."""

    def delete(self, name: str) -> None:
        """Delete a service without functions."""


class Functions(Protocol):
    """The functions of an account, by their paths. A method raises `ApiError` with Function Compute's code."""

    async def create(self, function: Function, code: Code, *, permit: Permit = anybody) -> Function:
        """Create a function."""

    def get(self, path: str) -> Function:
        """Return a function."""

    def all(self, service: str) -> list[Function]:
        """Return the functions of a service in order of their names; empty: those of FC 3.0."""

    async def update(self, function: Function, code: Code | None, *, permit: Permit = anybody) -> Function:
        """Replace a function's settings, and its code when there is some."""

    def delete(self, path: str) -> None:
        """Delete a function with its triggers."""


class Triggers(Protocol):
    """The triggers of an account, by their functions' paths. A method raises `ApiError` with Function Compute's code."""

    def create(self, trigger: Trigger) -> Trigger:
        """Create a trigger."""

    def get(self, function: str, name: str) -> Trigger:
        """Return a trigger."""

    def all(self, function: str) -> list[Trigger]:
        """Return the triggers of a function in order of their names."""

    def update(self, trigger: Trigger) -> Trigger:
        """Replace a trigger's settings."""

    def delete(self, function: str, name: str) -> None:
        """Delete a trigger."""


class Invocations(Protocol):
    """The way to run functions. A method raises `ApiError` with Function Compute's code."""

    async def invoke(self, path: str, payload: bytes, *, request_id: str = "", qualifier: str = "") -> Invocation:
        """Invoke a function and wait for its answer."""

    def invoke_async(self, path: str, payload: bytes, *, request_id: str = "", qualifier: str = "") -> str:
        """Accept an invocation that is done later; return the request's id."""


class Tags(Protocol):
    """The tags of services (FC 2.0) and functions (FC 3.0), by the paths of these."""

    def add(self, path: str, tags: Mapping[str, str]) -> None:
        """Give tags; those of the same keys get other values."""

    def remove(self, path: str, keys: Iterable[str] | None) -> None:
        """Take tags away; None: all."""


class FunctionCompute(Protocol):
    """Function Compute as other services use it."""

    @property
    def tags(self) -> Tags:
        """Its tags."""

    @property
    def services(self) -> Services:
        """Its services."""

    @property
    def functions(self) -> Functions:
        """Its functions."""

    @property
    def triggers(self) -> Triggers:
        """Its triggers."""

    @property
    def invocations(self) -> Invocations:
        """Its invocations."""
