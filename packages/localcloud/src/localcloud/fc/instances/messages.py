"""The messages between the platform and the bootstrap of an instance, in the form of `wire.py`.

The head of a message is one of the dataclasses. The first one, `Setup`, names the function; then each `Request` gets the `Reply`
with its number, in whatever order, or several of them: the response of a custom runtime that does not say its length comes in
parts, as it is made. The bootstrap, and `nodejs.cjs`, which lies beside this file, have the heads as the objects that JSON gives.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from localcloud.fc.instances.wire import join


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
    return join(dataclasses.asdict(head), payload)
