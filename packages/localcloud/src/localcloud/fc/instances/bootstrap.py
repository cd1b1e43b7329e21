"""The runtime inside an instance: loads the user's module and calls it, or runs the program that does. Started with `python -I -S`.

Its arguments are the file with `redirect` (localcloud/gateway/redirect.py) and the descriptor of an inherited socket, over which it
talks to the platform in the messages of `messages.py`, which lies beside it. Standard output and error are the
function's log, nothing else. Where the runtime is Node.js, this process becomes that, with `nodejs.cjs` to run. Standard library
only.

While nothing of the function runs, it listens on the embedded cloud's ports, where the instance has a network of its own, and
bounds the processes. It reports that with one byte, which carries the listening sockets. The platform takes no head above
`MAX_HEAD` bytes and no result above `max_result`: what a function raises or returns beyond that is cut or refused here.

Sources: Function Compute, "Python": "Error handling", "Context", "Print logs"; the platform's own runtime, of which there are
public copies (`fc_rapis_util.py`, `fc_rapis_main.py`), for results, failures, the paths of modules and what ends the process.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import importlib
import importlib.util
import json
import logging
import os
import resource
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, TextIO

MAX_MESSAGE = 4096  # characters of an exception's message, of which each takes 12 bytes at most as JSON
MAX_NAME = 256  # characters of an exception's class
LOG_FORMAT = "%(asctime)s.%(msecs)03dZ %(fc_request_id)s [%(levelname)s] %(message)s"
GLOBAL = ("/usr/local/lib/node_modules", "/usr/lib/node_modules")  # where npm puts packages for everybody


def load_module(path: Path, name: str) -> ModuleType:
    """Load a file as a module under a name that no module of a function has."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING or __name__ == "localcloud.fc.instances.bootstrap":
    from localcloud.fc.instances import messages, program, surroundings, wsgi
else:  # in an instance, and in processes that `multiprocessing` spawns there, there is no localcloud, only this folder
    messages = load_module(Path(__file__).with_name("messages.py"), "localcloud.fc.instances.messages")
    program = load_module(Path(__file__).with_name("program.py"), "localcloud.fc.instances.program")
    surroundings = load_module(Path(__file__).with_name("surroundings.py"), "localcloud.fc.instances.surroundings")
    wsgi = load_module(Path(__file__).with_name("wsgi.py"), "localcloud.fc.instances.wsgi")


def main() -> None:
    """Serve requests until the platform closes the socket."""
    redirect, channel = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    channel.set_inheritable(False)
    head = receive_head(channel)
    if head is None:
        return
    setup = messages.read_setup(head)
    if setup.tasks is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (setup.tasks, setup.tasks))
    surroundings.report(channel, setup.ports, setup.resolver)
    prepare(setup, redirect)
    if setup.node:
        become_node(setup, redirect, channel)
    elif setup.program:
        serve_by_program(setup, setup.program, channel)
    else:
        for request, payload in requests(channel):
            send(channel, request, *serve(request, payload, setup))


def requests(channel: socket.socket) -> Iterator[tuple[messages.Request, bytes]]:
    """Receive requests and their payloads until the platform has gone."""
    while head := receive_head(channel):
        request = messages.read_request(head)
        payload = receive(channel, request.size)
        if payload is None:
            return
        yield request, payload


def send(channel: socket.socket, request: messages.Request, reply: messages.Reply, result: bytes) -> None:
    """Send the reply to a request; what the function has printed goes before."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    channel.sendall(messages.pack(dataclasses.replace(reply, number=request.number), result))


def serve_by_program(setup: messages.Setup, facts: messages.ProgramFacts, channel: socket.socket) -> None:
    """Pass requests on to the program of a custom runtime, as many at a time as there are."""
    custom = program.Program(facts.command, facts.arguments, facts.port)
    sending = threading.Lock()

    def pass_one_on(request: messages.Request, payload: bytes) -> None:
        def send_one(reply: messages.Reply, result: bytes) -> None:
            with sending:
                send(channel, request, reply, result)

        def begin(head: Mapping[str, object]) -> Callable[[bytes], None]:
            send_part(messages.join(head, b""))
            return send_part

        def send_part(part: bytes) -> None:
            send_one(messages.Reply(size=len(part), more=True), part)

        send_one(*pass_on(custom, request, payload, setup, begin))

    for each in requests(channel):
        threading.Thread(target=pass_one_on, args=each, daemon=True).start()


def become_node(setup: messages.Setup, redirect: Path, channel: socket.socket) -> None:
    """Let Node.js take this process over; it goes on with the channel."""
    names = load_module(redirect, "localcloud.gateway.redirect").DOMAINS
    trusted = os.environ.get("NODE_EXTRA_CA_CERTS", "")
    kept = Path(trusted).read_text(encoding="utf-8") if trusted and Path(trusted).is_file() else ""
    certificates = os.memfd_create(
        "certificates", 0
    )  # Node.js reads them as it starts, before there is any code of ours
    os.write(certificates, f"{kept}\n{setup.authority}".encode())
    os.environ["NODE_EXTRA_CA_CERTS"] = f"/proc/self/fd/{certificates}"
    # The platform's built-in packages are those that are installed for all of this machine (`npm install --global`).
    beside = str(Path(setup.node).parent.parent / "lib" / "node_modules")
    places = [*own_folders("NODE_PATH"), f"{setup.layers}/nodejs/node_modules", *dict.fromkeys((beside, *GLOBAL))]
    os.environ["NODE_PATH"] = os.pathsep.join(places)
    channel.set_inheritable(True)
    given = {
        "setup": dataclasses.asdict(setup),
        "channel": channel.fileno(),
        "certificates": certificates,
        "trusted": trusted,
        "names": names,
        "largestHead": messages.MAX_HEAD,
    }
    script = str(Path(__file__).with_name("nodejs.cjs"))
    os.execv(setup.node, [setup.node, script, json.dumps(given)])  # noqa: S606 - the platform names it


def prepare(setup: messages.Setup, redirect: Path) -> None:
    """Give this process, and the Python programs that the function starts, the function's modules and the way to the gateway."""
    load_module(redirect, "localcloud.gateway.redirect").redirect(setup.gateway, setup.authority)
    layers = f"{setup.layers}/python"
    folders = [
        os.environ["FC_FUNC_CODE_PATH"],
        *own_folders("PYTHONPATH"),
        f"{layers}/lib/{setup.runtime}/site-packages",
        layers,
    ]
    sys.path[:0] = folders
    sys.path.append(setup.packages)  # after the function's own: it may bring another version
    os.environ["PYTHONPATH"] = os.pathsep.join([str(redirect.with_name("preload")), *folders])
    os.environ["LOCALCLOUD_GATEWAY"] = ":".join(map(str, setup.gateway))
    os.environ["LOCALCLOUD_CERTIFICATE"] = setup.authority
    sys.argv = [setup.function.handler]


def own_folders(variable: str) -> list[str]:
    """Return the folders that the function itself names in a variable."""
    return [folder for folder in os.environ.get(variable, "").split(os.pathsep) if folder]


def receive(channel: socket.socket, size: int) -> bytes | None:
    """Read exactly so many bytes; None when the platform has gone."""
    parts = []
    while size:
        part = channel.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive_head(channel: socket.socket) -> bytes | None:
    """Read one length and the head behind it; None when the platform has gone."""
    length = receive(channel, messages.LENGTH.size)
    return receive(channel, messages.LENGTH.unpack(length)[0]) if length else None


def serve(request: messages.Request, payload: bytes, setup: messages.Setup) -> tuple[messages.Reply, bytes]:
    """Run the handler or a hook; return the reply and the result. What is no `Exception`, such as `sys.exit`, ends the process."""
    LoggedRequest.id = request.request_id
    context = make_context(request.request_id, setup)
    hook = setup.hooks.get(request.operation)
    name = hook or setup.function.handler
    module_name, _, function_name = name.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except Exception as error:  # noqa: BLE001 - whatever the user's module raises is the answer
        return messages.Reply(failure=import_failure(error, module_name)), b""
    try:
        function = getattr(module, function_name)
    except AttributeError as error:
        missing = f"Handler '{function_name}' is missing on module '{module_name}'"
        return messages.Reply(failure=failure_to_load(error, "HandlerNotFound", missing)), b""
    try:
        if hook:
            function(context)
            return messages.Reply(), b""
        if request.operation == messages.HTTP:
            result = messages.join(*wsgi.respond(function, *messages.split(payload), context=context))
        else:
            result = encode(function(payload, context))
        if len(result) > setup.max_result:
            raise ValueError(f"the result has {len(result)} bytes; at most {setup.max_result} are allowed")
    except Exception as error:  # noqa: BLE001 - whatever the user's function raises is the answer
        return messages.Reply(failure=describe(error)), b""
    return messages.Reply(size=len(result)), result


def pass_on(
    custom: program.Program,
    request: messages.Request,
    payload: bytes,
    setup: messages.Setup,
    begin: Callable[[dict[str, Any]], Callable[[bytes], None]],
) -> tuple[messages.Reply, bytes]:
    """Have the program of a custom runtime serve a request; return the last reply and its result, for `begin` see `respond`."""
    headers = program.platform_headers(request.request_id, setup.function, setup.service, setup.hooks)
    try:
        if request.operation == messages.HTTP:
            asked, body = messages.split(payload)
            given = {**headers, "x-fc-control-path": "/http-invoke"}
            response = custom.respond(asked, body, given, setup.max_result - messages.MAX_HEAD, begin)
            result = messages.join(*response)
        elif request.operation == messages.CHECK:
            custom.check(payload.decode())
            result = b""
        else:
            result = custom.handle(request.operation, payload, headers, setup.max_result)
    except program.FailedRequestError as error:
        return messages.Reply(size=len(error.body), failure=describe(error)), error.body
    except ValueError as error:
        return messages.Reply(failure=describe(error)), b""
    return messages.Reply(size=len(result)), result


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
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.date):  # a `datetime` is one
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(f"{value!r} is not JSON serializable")


def import_failure(error: Exception, module_name: str) -> messages.Failure:
    """Describe why a module could not be imported, in the platform's words; where it is, the log tells."""
    kind, message = "UserCodeError", f"Module initialization error: '{error}'"
    if isinstance(error, ImportError):
        kind, message = "ImportModuleError", f"Unable to import module '{module_name}'"
    elif isinstance(error, SyntaxError):
        kind, message = "UserCodeSyntaxError", f"Syntax error in module '{module_name}'"
    elif isinstance(error, ValueError):
        kind, message = "InvalidHandleName", f"Invalid handler '{module_name}'"
    frames = [frame for frame in own_frames(error) if "importlib" not in frame.filename]
    sys.stderr.write("".join(traceback.format_list(frames)))
    return failure_to_load(error, kind, message)


def failure_to_load(error: Exception, kind: str, message: str) -> messages.Failure:
    """Describe why a handler cannot be called; its trace is the exception in parts."""
    first, *rest = "".join(traceback.format_exception_only(type(error), error)).replace("^", "").split("\n")
    parts = [part.strip()[:MAX_MESSAGE] for part in (*first.split(","), *rest)]
    return failure_of(message, kind, parts, during_import=True)


def describe(error: Exception) -> messages.Failure:
    """Describe an exception as the platform does; the frames of the runtime are left out, and the outer ones that take too much."""
    frames = [
        [f'File "{frame.filename}"', f"line {frame.lineno}", f"in {frame.name}", frame.line or ""]
        for frame in own_frames(error)
    ]
    return failure_of(str(error), type(error).__name__, frames)


def own_frames(error: Exception) -> list[traceback.FrameSummary]:
    """Return the frames of an exception that are the function's."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if Path(frame.filename).parent != Path(__file__).parent]


def failure_of(message: str, kind: str, trace: list[Any], *, during_import: bool = False) -> messages.Failure:
    """Return a failure with the last parts of its trace that the head of a reply has room for; none is empty."""
    message, kind = message[:MAX_MESSAGE], kind[:MAX_NAME]
    left = messages.MAX_HEAD - 1024 - len(json.dumps([message, kind]))  # the head has more than the failure
    kept: list[Any] = []
    for part in filter(None, reversed(trace)):
        left -= len(json.dumps(part)) + 2
        if left < 0:
            break
        kept.insert(0, part)
    return messages.Failure(during_import=during_import, message=message, kind=kind, trace=kept)


def make_context(request_id: str, setup: messages.Setup) -> SimpleNamespace:
    """Return the `context` of the runtime: that of python3.12 has a logger, and neither credentials nor a service."""
    context = SimpleNamespace(
        request_id=request_id,
        function=SimpleNamespace(**vars(setup.function)),
        region=os.environ["FC_REGION"],
        account_id=os.environ["FC_ACCOUNT_ID"],
    )
    service = setup.service
    if setup.context_logger:
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


class LoggedRequest(logging.Filter):
    """Adds the id of the request that runs to what is logged."""

    id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        record.fc_request_id = self.id
        return True


def log_to(stream: TextIO) -> None:
    """Have all loggers write to a stream in the platform's form."""
    handler, formatter = logging.StreamHandler(stream), logging.Formatter(LOG_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(LoggedRequest())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    log_to(sys.stdout)
    main()
