"""What Function Compute keeps: services (FC 2.0), functions, triggers; and the limits that they are held to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.fc.errors import FcError

MB = 1024 * 1024  # bytes
RUNTIMES = ("python3.9", "python3.10", "python3.12")
DISKS = (512, 10240)  # MB
MEMORY = range(128, 32768 + 1, 64)  # MB
MAX_TASKS = 1024  # processes and threads of an instance
MAX_TIMEOUT = 86_400  # seconds
MAX_INITIALIZATION_TIMEOUT = 300  # seconds
DEFAULT_TIMEOUT = DEFAULT_INITIALIZATION_TIMEOUT = 3  # seconds
MAX_ENVIRONMENT = 4096  # bytes, names and values together
MAX_SYNC_PAYLOAD = 32 * 1024**2  # bytes
MAX_ASYNC_PAYLOAD = 128 * 1024  # bytes
MAX_CODE_API = 100 * 1024**2  # bytes, zipped, through the API
MAX_CODE_OSS = 500 * 1024**2  # bytes, zipped, through OSS in the larger regions
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", re.ASCII)
_HANDLER = re.compile(r"[^\s.\0]+(\.[^\s.\0]+)+", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A service of FC 2.0: what its functions share."""

    name: str
    role: str = ""  # ARN; empty: no credentials
    description: str = ""
    internet_access: bool = True
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
    timeout: int = DEFAULT_TIMEOUT  # seconds
    memory: int = 512  # MB
    cpu: float | None = None  # vCPU
    disk: int = 512  # MB
    environment: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    role: str = ""
    internet_access: bool = True
    log_config: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""  # sha256 of the zipped code package
    code_size: int = 0  # bytes, zipped
    code_checksum: str = ""  # CRC-64 of the zipped code package
    function_id: str = ""
    created: float = 0.0
    modified: float = 0.0

    @property
    def python(self) -> str:
        """The Python that it names for its instances here; empty: the runtime's."""
        return self.environment.get("LOCALCLOUD_PYTHON", "")

    @property
    def path(self) -> str:
        """What names the function in ARNs and on disk."""
        return f"services/{self.service}/functions/{self.name}" if self.service else f"functions/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """What invokes a function."""

    function: str  # the function's path
    name: str
    kind: str  # oss, http or timer
    config: Mapping[str, Any]
    source_arn: str = ""
    invocation_role: str = ""
    qualifier: str = ""
    description: str = ""
    trigger_id: str = ""
    created: float = 0.0
    modified: float = 0.0


def check_name(what: str, name: object) -> str:
    """Return a service's, function's or trigger's name; what cannot be one is refused.

    Raises:
        FcError: InvalidArgument.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise FcError(
            "InvalidArgument",
            f"{what} {name!r} is not valid: 1 to 128 letters, digits, underscores and hyphens, beginning with a letter or an "
            "underscore",
        )
    return name


def check_function(function: Function) -> None:
    """Hold a function to the platform's limits.

    Raises:
        FcError: InvalidArgument, naming the property, its value and what is allowed.
    """
    check_name("functionName", function.name)
    rules: list[tuple[str, object, bool, str]] = [
        ("runtime", function.runtime, function.runtime in RUNTIMES, f"one of {', '.join(RUNTIMES)}"),
        ("handler", function.handler, bool(_HANDLER.fullmatch(function.handler)), "MODULE.FUNCTION"),
        (
            "initializer",
            function.initializer,
            not function.initializer or bool(_HANDLER.fullmatch(function.initializer)),
            "MODULE.FUNCTION",
        ),
        ("timeout", function.timeout, 1 <= function.timeout <= MAX_TIMEOUT, f"1 to {MAX_TIMEOUT} seconds"),
        (
            "initializationTimeout",
            function.initialization_timeout,
            1 <= function.initialization_timeout <= MAX_INITIALIZATION_TIMEOUT,
            f"1 to {MAX_INITIALIZATION_TIMEOUT} seconds",
        ),
        ("memorySize", function.memory, function.memory in MEMORY, "128 to 32768 MB in steps of 64"),
        ("diskSize", function.disk, function.disk in DISKS, "512 or 10240 MB"),
        ("cpu", function.cpu, function.cpu is None or _cpu_fits(function.cpu, function.memory), CPU_RULE),
    ]
    for name, value, good, allowed in rules:
        if not good:
            raise FcError("InvalidArgument", f"{name} is {repr(value)[:200]}; expected {allowed}")
    _check_environment(function.environment)


CPU_RULE = "0.05 to 16 vCPU in steps of 0.05, with 1 to 4 GB of memory for each vCPU"


def _cpu_fits(cpu: float, memory: int) -> bool:
    return 0 < cpu <= 16 and abs(cpu * 20 - max(round(cpu * 20), 1)) < 1e-6 and cpu <= memory / 1024 <= 4 * cpu


def _check_environment(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in name + value):
            raise FcError(
                "InvalidArgument", f"environmentVariables: {name!r} holds what no process can be given, such as NUL"
            )
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > MAX_ENVIRONMENT:
        raise FcError(
            "InvalidArgument", f"environmentVariables take {size} bytes; at most {MAX_ENVIRONMENT} are allowed"
        )
    for name in environment:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name.upper().startswith("FC_"):
            raise FcError(
                "InvalidArgument",
                f"environmentVariables: {name!r} is not allowed; letters, digits and underscores, and not FC_*, which is reserved",
            )
