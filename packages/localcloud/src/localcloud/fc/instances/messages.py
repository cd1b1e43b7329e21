"""The messages between the platform and the bootstrap of an instance; both ends load this file, in whatever Python they run.

On the socket a message is a 4-byte length, a head (one of the dataclasses, as JSON), and `size` bytes of payload. The first one,
`Setup`, names the function; then each `Request` gets the `Reply` with its number, in whatever order, or several of them: the
response of a custom runtime that does not say its length comes in parts, as it is made. `nodejs.cjs`, which lies beside this file,
speaks the same. Standard library only, Python 3.9 and later.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LENGTH = struct.Struct(">I")  # of a head
MAX_HEAD = 64 * 1024  # bytes of a reply's head
INITIALIZE, INVOKE = "initialize", "invoke"
HTTP = "http"  # the event is an HTTP request: of a function of FC 2.0, or of a custom runtime
PRE_FREEZE, PRE_STOP = "pre-freeze", "pre-stop"  # the hooks of an instance's life, beside the initializer
CHECK = "check"  # of a custom runtime's health; the event is the path that is asked for


@dataclass(frozen=True)
class FunctionFacts:
    """`context.function`."""

    name: str
    handler: str
    memory: int  # MB
    timeout: int  # seconds
    initializer: str
    initialization_timeout: int  # seconds


@dataclass(frozen=True)
class ServiceFacts:
    """`context.service`; its names are empty in FC 3.0."""

    name: str
    log_project: str
    log_store: str
    qualifier: str
    version_id: str


@dataclass(frozen=True)
class ProgramFacts:
    """The program of a custom runtime."""

    command: list[str]  # empty: the code package's `bootstrap`
    arguments: list[str]
    port: int


@dataclass(frozen=True)
class Setup:
    """The first message: the function that runs, and its surroundings."""

    function: FunctionFacts
    service: ServiceFacts
    runtime: str  # python3.10, also where that runs on another Python
    hooks: dict[str, str]  # the handlers of the life of an instance, by operation; none is empty
    program: ProgramFacts | None  # None: the runtime is a built-in one
    node: str  # the Node.js that takes this process over; empty: the runtime is another one
    context_credentials: bool  # the context has them
    context_logger: bool  # the context has one
    layers: str  # folder of the function's layers
    packages: str  # folder of the runtime's built-in packages
    ports: list[int]  # of the embedded cloud, to be listened on inside of the instance
    resolver: int | None  # the port of the resolver, likewise; None: it may not listen below 1024
    tasks: int | None  # processes and threads that the kernel is to permit; None: the platform counts
    max_result: int  # bytes
    gateway: tuple[str, int]  # where names under aliyuncs.com are reached
    authority: str  # certificate (PEM) to trust for those names


@dataclass(frozen=True)
class Request:
    """A request to run the initializer, the handler or a hook."""

    operation: str
    request_id: str
    number: int  # which no other request of the instance has
    size: int = 0  # bytes of the payload, the event


@dataclass(frozen=True)
class Failure:
    """The failure of a function, as its runtime describes it."""

    during_import: bool
    message: str
    kind: str  # the exception's class; empty: it is none
    trace: list[Any]  # its frames, each a list of lines, or (Node.js) its lines
    handled: bool = False  # the function has told it by itself


@dataclass(frozen=True)
class Reply:
    """The reply to a request; its payload is the result."""

    number: int = 0  # the request's
    size: int = 0  # bytes of the payload
    failure: Failure | None = None  # the payload is what a program has said of it then, or empty
    more: bool = False  # the payload is a part, and further replies follow; the last has none


def pack(head: Setup | Request | Reply, payload: bytes = b"") -> bytes:
    """Return the bytes of a message."""
    text = json.dumps(dataclasses.asdict(head)).encode()
    return LENGTH.pack(len(text)) + text + payload


def join(head: Mapping[str, object], body: bytes) -> bytes:
    """Return the bytes of an HTTP request or response: its length, its head as JSON, its body."""
    text = json.dumps(head).encode()
    return LENGTH.pack(len(text)) + text + body


def split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the head and the body of an HTTP request or response."""
    end = LENGTH.size + LENGTH.unpack_from(content)[0]
    return json.loads(content[LENGTH.size : end]), content[end:]


def read_setup(text: bytes) -> Setup:
    """Read the head of the first message."""
    members = json.loads(text)
    members["function"] = FunctionFacts(**members["function"])
    members["service"] = ServiceFacts(**members["service"])
    members["program"] = ProgramFacts(**members["program"]) if members["program"] else None
    members["gateway"] = tuple(members["gateway"])
    return Setup(**members)


def read_request(text: bytes) -> Request:
    """Read the head of a request."""
    return Request(**json.loads(text))
