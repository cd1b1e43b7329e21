"""The platform that is embedded: the runtimes and limits of Function Compute, each defined here and nowhere else in localcloud.

Sources: Function Compute, "Limits", "Python runtime", "Node.js runtime", "Configure a function", "Configure instance concurrency",
"Asynchronous invocations", "Web functions",
"Lifecycle hooks for function instances", "Configure a NAS file system" (pages of 2026-10); the API's clients, for the names of
runtimes; validators of ros-cdk-fc and ros-cdk-fc3 1.15.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

MB = 1024**2  # bytes


class Engine(Enum):
    """The kind of program that runs the functions of a runtime."""

    PYTHON = "python"
    NODE = "node"
    PROGRAM = "program"  # that the code package brings: it serves HTTP


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """A runtime of the platform: a built-in Python or Node.js, or a custom one."""

    name: str  # python3.10
    glibc: int | None  # minor version of glibc 2 in its image; None: not published
    context_credentials: bool  # the context that a handler gets holds them; the environment always does
    context_logger: bool  # the context holds a logger
    engine: Engine = Engine.PYTHON

    @property
    def custom(self) -> bool:
        """The code package brings a program."""
        return self.engine is Engine.PROGRAM

    @property
    def concurrency(self) -> range:
        """The requests that an instance can be told to serve at a time; of a Python it is one, which is assumed."""
        return range(1, 1 + 1) if self.engine is Engine.PYTHON else CONCURRENCIES


CONCURRENCIES = range(1, 200 + 1)  # requests at a time in an instance; "Configure instance concurrency"
RUNTIMES: Mapping[str, Runtime] = MappingProxyType(
    {
        runtime.name: runtime
        for runtime in (
            Runtime(
                name="python3", glibc=None, context_credentials=True, context_logger=False
            ),  # 3.6: the bootstrap needs 3.9
            Runtime(name="python3.9", glibc=24, context_credentials=True, context_logger=False),  # Debian 9
            Runtime(name="python3.10", glibc=28, context_credentials=True, context_logger=False),  # Debian 10
            Runtime(name="python3.12", glibc=31, context_credentials=False, context_logger=True),  # Debian 11
            *(
                Runtime(
                    name=f"nodejs{version}",
                    glibc=None,
                    context_credentials=True,
                    context_logger=True,
                    engine=Engine.NODE,
                )
                for version in ("4.4", "6", "8", "10", "12", "14", "16", "18", "20")
            ),
            *(
                Runtime(name=name, glibc=glibc, context_credentials=False, context_logger=False, engine=Engine.PROGRAM)
                for name, glibc in {
                    "custom": 24,
                    "custom.debian10": 28,
                    "custom.debian11": 31,
                    "custom.debian12": 36,
                }.items()
            ),
        )
    }
)
NOT_SERVED = frozenset(  # runtimes of the platform that functions do not run on here
    ("python2.7", "java8", "java11", "php7.2", "go1", "dotnetcore2.1", "dotnetcore3.1", "custom-container")
)

MEMORY = range(128, 32768 + 1, 64)  # MB
DEFAULT_MEMORY = 512  # MB, through the API; assumed
DEFAULT_MEMORY_ROS = 128  # MB, through ROS; ros-cdk-fc, MemorySize
CPU_SHARE = 0.05  # vCPU
CPU_SHARES = range(1, 320 + 1)  # of an instance: 0.05 to 16 vCPU
MB_PER_CPU = (1024, 4096)  # of memory, least and most: vCPU:GB from 1:1 to 1:4
IMPLIED_MB_PER_CPU = 1536  # where a function names no vCPU; not published: 3072 MB with 2 vCPU is common
DISKS = (512, 10240)  # MB; the first is the default
MAX_TASKS = 1024  # processes and threads of an instance
CUSTOM_PORT = 9000  # that the program of a custom runtime serves, unless its function says another
CUSTOM_PORTS = range(1, 65535 + 1)
CONCURRENCY = 1  # requests at a time in an instance, unless its function says another number
CHECK_DELAY = range(
    120 + 1
)  # seconds before the first health check of an instance; ros-cdk-fc, CustomHealthCheckConfig
CHECK_PERIOD = range(1, 120 + 1)  # seconds between two of them; likewise
CHECK_TIMEOUT = range(1, 3 + 1)  # seconds that one may take; likewise
CHECK_THRESHOLD = range(1, 120 + 1)  # checks in a row that make an instance healthy or not; likewise

TIMEOUT = range(1, 86_400 + 1)  # seconds a request may take
INITIALIZATION_TIMEOUT = range(1, 300 + 1)  # seconds an initializer may take
HOOK_TIMEOUT = range(1, 90 + 1)  # seconds a PreFreeze or PreStop hook may take; "Limits"
DEFAULT_HOOK_TIMEOUT = 3  # seconds; assumed
DEFAULT_TIMEOUT = DEFAULT_INITIALIZATION_TIMEOUT = 3  # seconds
CREDENTIALS_LIFE = 36 * 3600  # seconds for which an instance's credentials last

MAX_ENVIRONMENT = 4096  # bytes of all variables, names and values together
RESERVED_VARIABLES = "FC_"  # what no variable of a function begins with
MAX_CODE_API = 100 * MB  # bytes of a zipped code package, through the API
MAX_CODE_OSS = 500 * MB  # bytes of a zipped code package, through OSS in the larger regions
MAX_MOUNTS = 5  # of file systems, in a service or function; "Configure a NAS file system"
NAS_IDS = range(-1, 65534 + 1)  # of users and groups; -1: the platform's choice
MOUNT_ROOTS = ("/home", "/mnt", "/data")  # below which FC 2.0 mounts file systems
# On and below which FC 3.0 mounts none; its page names /bin, /dev, /opt and /var, the others are assumed.
SYSTEM_FOLDERS = frozenset(
    f"/{name}"
    for name in (
        *("bin", "boot", "code", "dev", "etc", "lib", "lib32", "lib64"),
        *("opt", "proc", "root", "run", "sbin", "sys", "usr", "var"),
    )
)
MAX_LAYERS = 5  # of a function
MAX_LAYER = 500 * MB  # bytes of a layer's zipped package, through OSS
MAX_LAYERS_SIZE = 2048 * MB  # bytes of all layers of a function, zipped
MAX_SYNC_PAYLOAD = 32 * MB  # bytes
MAX_ASYNC_PAYLOAD = 128 * 1024  # bytes
MAX_HTTP_HEADERS = 8 * 1024  # bytes of all names and values, of a request for an HTTP trigger and of its response
MAX_HTTP_PATH = 4 * 1024  # bytes of a path with its query
LOG_TAIL = 4096  # bytes of the log that an invocation's answer carries on request
ASYNC_RETRIES = range(8 + 1)  # that a configuration may ask for
ASYNC_AGE = range(1, 604_800 + 1)  # seconds that an invocation may wait
DEFAULT_ASYNC_AGE = 86_400  # seconds
ASYNC_DELAY = range(3600 + 1)  # seconds that a request may put an asynchronous invocation off
MAX_SCHEDULED_ACTIONS = 100  # of a configuration of minimum instances; the suite of aliyun/fc-java-sdk
MAX_TAGS = 20  # of a service or function
ASYNC_TRIES = 3  # of an asynchronous invocation: two more after a function's error


@dataclass(frozen=True, kw_only=True, slots=True)
class Retries:
    """The number of tries of an asynchronous invocation, and the time between them."""

    tries: int = ASYNC_TRIES
    backoff: float = 1.0  # seconds before the second try, doubled for each further one; assumed
