"""The runtime inside an instance: loads the user's module and calls it, or runs the program that does. `start.py` starts it.

It talks to the platform in the form of `wire.py`, which lies beside it. Standard output and error are the function's log, nothing
else. Where the runtime is Node.js, this process becomes that, with `nodejs.cjs` to run. Standard library only, Python 3.9 and
later.

While nothing of the function runs, it listens on the embedded cloud's ports, where the instance has a network of its own, and
bounds the processes. It reports that with one byte, which carries the listening sockets. The platform takes no head above
`MAX_HEAD` bytes and no result above `max_result`: what a function raises or returns beyond that is cut or refused here.

Every cold start waits for what is imported here, so that is little: what only some functions need is imported where they need it,
and the heads of messages are plain objects.

Sources: Function Compute, "Python": "Error handling", "Context", "Print logs"; the platform's own runtime, of which there are
public copies (`fc_rapis_util.py`, `fc_rapis_main.py`), for results, failures, the paths of modules and what ends the process.
"""

from __future__ import annotations

import _socket  # what `socket` wraps, which takes milliseconds to import
import importlib
import json
import os
import sys
from types import ModuleType, SimpleNamespace

TYPE_CHECKING = False  # as type checkers take it; `typing` takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from localcloud.fc.instances.messages import ProgramFacts, Request, Setup
    from localcloud.fc.instances.program import Program

HERE = __file__.rpartition("/")[0]
if TYPE_CHECKING or __name__ == "localcloud.fc.instances.bootstrap":
    from localcloud.fc.instances import wire
    from localcloud.fc.instances.start import load_module
else:  # in an instance there is no localcloud, only this folder
    from __main__ import load_module

    wire = load_module(f"{HERE}/wire.py")

GLOBAL = ("/usr/local/lib/node_modules", "/usr/lib/node_modules")  # where npm puts packages for everybody
running = SimpleNamespace(request_id="")  # the request that runs


def beside(name: str) -> ModuleType:
    """Load another module of this folder."""
    return load_module(f"{HERE}/{name}.py")


def main(redirect: str, descriptor: int) -> None:
    """Serve requests until the platform closes the socket.

    Args:
        redirect: the file with `redirect` (localcloud/gateway/redirect.py).
        descriptor: the inherited socket.
    """
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    os.set_inheritable(descriptor, False)
    channel = _socket.socket(fileno=descriptor)
    head = receive_head(channel)
    if head is None:
        return
    setup = read_setup(head)
    if setup.tasks is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_NPROC, (setup.tasks, setup.tasks))
    beside("surroundings").report(channel, setup.ports, setup.resolver)
    prepare(setup, redirect)
    if setup.node:
        become_node(setup, redirect, channel, head)
    elif setup.program:
        serve_by_program(setup, setup.program, channel)
    else:
        for request, payload in requests(channel):
            send(channel, request, *serve(request, payload, setup))


def read_setup(head: bytes) -> Setup:
    """Return the first message, with objects for what it is made of."""
    members = json.loads(head)
    facts = {name: SimpleNamespace(**members[name]) for name in ("function", "service", "program") if members[name]}
    objects: Any = SimpleNamespace(**{**members, **facts})
    setup: Setup = objects
    return setup


def requests(channel: _socket.socket) -> Iterator[tuple[Request, bytes]]:
    """Receive requests and their payloads until the platform has gone."""
    while head := receive_head(channel):
        request: Any = SimpleNamespace(**json.loads(head))
        payload = receive(channel, request.size)
        if payload is None:
            return
        yield request, payload


def reply(*, size: int = 0, failure: dict[str, Any] | None = None, more: bool = False) -> dict[str, Any]:
    """Return the head of a reply, without the request's number; see `messages.Reply`."""
    return {"size": size, "failure": failure, "more": more}


def send(channel: _socket.socket, request: Request, head: Mapping[str, object], result: bytes) -> None:
    """Send the reply to a request; what the function has printed goes before."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    channel.sendall(wire.join({**head, "number": request.number}, result))


def serve_by_program(setup: Setup, facts: ProgramFacts, channel: _socket.socket) -> None:
    """Pass requests on to the program of a custom runtime, as many at a time as there are."""
    import threading

    custom: Program = beside("program").Program(facts.command, facts.arguments, facts.port)
    sending = threading.Lock()

    def pass_one_on(request: Request, payload: bytes) -> None:
        def send_one(head: Mapping[str, object], result: bytes) -> None:
            with sending:
                send(channel, request, head, result)

        def begin(head: Mapping[str, object]) -> Callable[[bytes], None]:
            send_part(wire.join(head))
            return send_part

        def send_part(part: bytes) -> None:
            send_one(reply(size=len(part), more=True), part)

        send_one(*pass_on(custom, request, payload, setup, begin))

    for each in requests(channel):
        threading.Thread(target=pass_one_on, args=each, daemon=True).start()


def become_node(setup: Setup, redirect: str, channel: _socket.socket, head: bytes) -> None:
    """Let Node.js take this process over; it goes on with the channel, and with the first message."""
    from pathlib import Path

    names = load_module(redirect).DOMAINS
    trusted = os.environ.get("NODE_EXTRA_CA_CERTS", "")
    kept = Path(trusted).read_text(encoding="utf-8") if trusted and Path(trusted).is_file() else ""
    certificates = os.memfd_create(
        "certificates", 0
    )  # Node.js reads them as it starts, before there is any code of ours
    os.write(certificates, f"{kept}\n{setup.authority}".encode())
    os.environ["NODE_EXTRA_CA_CERTS"] = f"/proc/self/fd/{certificates}"
    # The platform's built-in packages are those that are installed for all of this machine (`npm install --global`).
    installed = str(Path(setup.node).parent.parent / "lib" / "node_modules")
    places = [*own_folders("NODE_PATH"), f"{setup.layers}/nodejs/node_modules", *dict.fromkeys((installed, *GLOBAL))]
    os.environ["NODE_PATH"] = os.pathsep.join(places)
    os.set_inheritable(channel.fileno(), True)
    given = {
        "setup": json.loads(head),
        "channel": channel.fileno(),
        "certificates": certificates,
        "trusted": trusted,
        "names": names,
        "largestHead": wire.MAX_HEAD,
    }
    script = f"{HERE}/nodejs.cjs"
    os.execv(setup.node, [setup.node, script, json.dumps(given)])  # noqa: S606 - the platform names it


def prepare(setup: Setup, redirect: str) -> None:
    """Give this process, and the Python programs that the function starts, the function's modules and the way to the gateway."""
    written, gateway = sys.stdout, load_module(redirect)
    gateway.redirect(tuple(setup.gateway), setup.authority)
    gateway.when_imported("logging", lambda _: beside("logged").log_to(written, lambda: running.request_id))
    layers = f"{setup.layers}/python"
    folders = [
        os.environ["FC_FUNC_CODE_PATH"],
        *own_folders("PYTHONPATH"),
        f"{layers}/lib/{setup.runtime}/site-packages",
        layers,
    ]
    sys.path[:0] = folders
    sys.path.append(setup.packages)  # after the function's own: it may bring another version
    os.environ["PYTHONPATH"] = os.pathsep.join([f"{redirect.rpartition('/')[0]}/preload", *folders])
    os.environ["LOCALCLOUD_GATEWAY"] = ":".join(map(str, setup.gateway))
    os.environ["LOCALCLOUD_CERTIFICATE"] = setup.authority
    sys.argv = [setup.function.handler]


def own_folders(variable: str) -> list[str]:
    """Return the folders that the function itself names in a variable."""
    return [folder for folder in os.environ.get(variable, "").split(os.pathsep) if folder]


def receive(channel: _socket.socket, size: int) -> bytes | None:
    """Read exactly so many bytes; None when the platform has gone."""
    parts = []
    while size:
        part = channel.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive_head(channel: _socket.socket) -> bytes | None:
    """Read one length and the head behind it; None when the platform has gone."""
    length = receive(channel, wire.LENGTH.size)
    return receive(channel, wire.LENGTH.unpack(length)[0]) if length else None


def serve(request: Request, payload: bytes, setup: Setup) -> tuple[dict[str, Any], bytes]:
    """Run the handler or a hook; return the reply and the result. What is no `Exception`, such as `sys.exit`, ends the process."""
    running.request_id = request.request_id
    context = make_context(request.request_id, setup)
    hook = setup.hooks.get(request.operation)
    name = hook or setup.function.handler
    module_name, _, function_name = name.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except Exception as error:  # noqa: BLE001 - whatever the user's module raises is the answer
        return reply(failure=beside("failures").import_failure(error, module_name)), b""
    try:
        function = getattr(module, function_name)
    except AttributeError as error:
        missing = f"Handler '{function_name}' is missing on module '{module_name}'"
        return reply(failure=beside("failures").failure_to_load(error, "HandlerNotFound", missing)), b""
    try:
        if hook:
            function(context)
            return reply(), b""
        if request.operation == wire.HTTP:
            result = wire.join(*beside("wsgi").respond(function, *wire.split(payload), context=context))
        else:
            result = encode(function(payload, context))
        if len(result) > setup.max_result:
            raise ValueError(f"the result has {len(result)} bytes; at most {setup.max_result} are allowed")
    except Exception as error:  # noqa: BLE001 - whatever the user's function raises is the answer
        return reply(failure=beside("failures").describe(error)), b""
    return reply(size=len(result)), result


def pass_on(
    custom: Program,
    request: Request,
    payload: bytes,
    setup: Setup,
    begin: Callable[[dict[str, Any]], Callable[[bytes], None]],
) -> tuple[dict[str, Any], bytes]:
    """Have the program of a custom runtime serve a request; return the last reply and its result, for `begin` see `respond`."""
    program = beside("program")
    headers = program.platform_headers(request.request_id, setup.function, setup.service, setup.hooks)
    try:
        if request.operation == wire.HTTP:
            asked, body = wire.split(payload)
            given = {**headers, "x-fc-control-path": "/http-invoke"}
            response = custom.respond(asked, body, given, setup.max_result - wire.MAX_HEAD, begin)
            result = wire.join(*response)
        elif request.operation == wire.CHECK:
            custom.check(payload.decode())
            result = b""
        else:
            result = custom.handle(request.operation, payload, headers, setup.max_result)
    except program.FailedRequestError as error:
        return reply(size=len(error.body), failure=beside("failures").describe(error)), error.body
    except ValueError as error:
        return reply(failure=beside("failures").describe(error)), b""
    return reply(size=len(result)), result


def encode(result: object) -> bytes:
    """Turn the value that a handler returns into bytes: bytes and text as they are, anything else as JSON, by the order of names.

    The platform's JSON has spaces and lines besides.
    """
    if isinstance(result, bytes):
        return result
    return (result if isinstance(result, str) else json.dumps(result, default=as_json, sort_keys=True)).encode()


def as_json(value: Any) -> object:  # noqa: ANN401 - what JSON has no form for
    """Return what stands for a value in JSON.

    Raises:
        TypeError: nothing does.
    """
    import datetime
    import decimal

    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.date):  # a `datetime` is one
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(f"{value!r} is not JSON serializable")


def make_context(request_id: str, setup: Setup) -> SimpleNamespace:
    """Return the `context` of the runtime: that of python3.12 has a logger, and neither credentials nor a service."""
    context = SimpleNamespace(
        request_id=request_id,
        function=SimpleNamespace(**vars(setup.function)),
        region=os.environ["FC_REGION"],
        account_id=os.environ["FC_ACCOUNT_ID"],
    )
    service = setup.service
    if setup.context_logger:
        import logging

        context.logger = logging.getLogger()
        context.log_project, context.log_store = service.log_project, service.log_store
        context.function.qualifier, context.function.version_id = service.qualifier, service.version_id
    else:
        context.service = SimpleNamespace(**vars(service))
        context.tracing = SimpleNamespace(span_context="", jaeger_endpoint="", span_baggages={})
    if setup.context_credentials:
        names = ("access_key_id", "access_key_secret", "security_token")
        credentials = {name: os.environ.get("ALIBABA_CLOUD_" + name.upper(), "") for name in names}
        context.credentials = SimpleNamespace(**credentials)
    return context
