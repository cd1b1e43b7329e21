"""The runtime inside an instance: loads the user's module and calls it. Standard library only; started with `python -I -S`.

Its arguments are the file with `redirect` (localcloud/gateway/redirect.py) and the descriptor of an inherited socket, over which it
talks to the platform. Each message is a 4-byte length, a JSON header, and `size` bytes of payload. The first message holds the
function's settings. Standard output and error are the function's log, nothing else.

While nothing of the function runs, it listens on the embedded cloud's ports, where the instance has a network of its own, and
bounds the processes. It reports that with one byte, which carries the listening sockets.

Requests: `{"op": "initialize"|"invoke", "request_id": …, "size": n}`. Answers: `{"ok": true, "size": n}` or `{"ok": false, "kind":
"import"|"exception", "error": {"errorMessage", "errorType", "stackTrace"}, "size": 0}`. The platform takes no header above
`MAX_HEAD` bytes and no result above the setting `max_result`: what a function raises or returns beyond that is cut or refused here.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
import resource
import socket
import struct
import sys
import traceback
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

MAX_HEAD = 64 * 1024  # bytes
MAX_MESSAGE = 4096  # characters of an exception's message, of which each takes 12 bytes at most as JSON
MAX_NAME = 256  # characters of an exception's class


def main() -> None:
    """Serve requests until the platform closes the socket."""
    channel = socket.socket(fileno=int(sys.argv[2]))
    channel.set_inheritable(False)
    settings = receive_json(channel)
    if settings is None:
        return
    if settings["tasks"] is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (settings["tasks"], settings["tasks"]))
    report(channel, settings["ports"])
    load_module(sys.argv[1]).redirect(tuple(settings["gateway"]), settings["authority"])
    code = os.environ["FC_FUNC_CODE_PATH"]
    folders = [code, "/opt/python"]
    sys.path[:0] = folders
    sys.path.append(settings["packages"])  # after the function's own: it may bring another version
    # For Python programs that the function starts.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(sys.argv[1]).with_name("preload")), *folders])
    os.environ["LOCALCLOUD_GATEWAY"] = ":".join(map(str, settings["gateway"]))
    os.environ["LOCALCLOUD_CERTIFICATE"] = settings["authority"]
    sys.argv = [settings["handler"]]
    while True:
        request = receive_json(channel)
        payload = receive(channel, request["size"]) if request else None
        if request is None or payload is None:
            return
        answer, result = serve(request, payload, settings)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        answer["size"] = len(result)
        head = json.dumps(answer).encode()
        channel.sendall(struct.pack(">I", len(head)) + head + result)


def report(channel: socket.socket, ports: list[int]) -> None:
    """Tell the platform that this process is ready, and hand over sockets that listen on these ports of the instance."""
    sockets = [socket.create_server(("127.0.0.1", port), backlog=512) for port in ports]
    socket.send_fds(channel, [b"\0"], [each.fileno() for each in sockets])
    for each in sockets:
        each.close()


def load_module(path: str) -> ModuleType:
    """Load a file as a module that nobody else can import by its name."""
    spec = importlib.util.spec_from_file_location("redirect", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def receive_json(channel: socket.socket) -> dict[str, Any] | None:
    """Read one length and the JSON behind it; None when the platform has gone."""
    length = receive(channel, 4)
    text = receive(channel, struct.unpack(">I", length)[0]) if length else None
    return json.loads(text) if text else None


def serve(request: dict[str, Any], payload: bytes, settings: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Run the initializer or the handler; return the answer's header and payload."""
    context = make_context(request["request_id"], settings)
    name = settings["initializer"] if request["op"] == "initialize" else settings["handler"]
    module_name, _, function_name = name.rpartition(".")
    try:
        function = getattr(importlib.import_module(module_name.replace("/", ".")), function_name)
    except BaseException as error:  # noqa: BLE001 - whatever the user's module raises is the answer
        return {"ok": False, "kind": "import", "error": import_failure(error, module_name, function_name)}, b""
    try:
        if request["op"] == "initialize":
            function(context)
            return {"ok": True}, b""
        result = encode(function(payload, context))
        if len(result) > settings["max_result"]:
            raise ValueError(f"the result has {len(result)} bytes; at most {settings['max_result']} are allowed")
        return {"ok": True}, result
    except BaseException as error:  # noqa: BLE001 - whatever the user's function raises is the answer
        return {"ok": False, "kind": "exception", "error": describe(error)}, b""


def encode(result: object) -> bytes:
    """Turn what a handler returns into bytes: bytes and text as they are, anything else as JSON."""
    if isinstance(result, (bytes, bytearray, memoryview)):
        return bytes(result)
    return (result if isinstance(result, str) else json.dumps(result)).encode()


def import_failure(error: BaseException, module_name: str, function_name: str) -> dict[str, Any]:
    """Describe why a handler could not be found, in the platform's words."""
    if isinstance(error, AttributeError) and module_name in sys.modules:
        return {
            "errorMessage": f"Handler '{function_name}' is missing on module '{module_name}'",
            "errorType": "HandlerNotFound",
            "stackTrace": [],
        }
    return describe(error, name="ImportModuleError", before=f"Unable to import module '{module_name}': ")


def describe(error: BaseException, *, name: str = "", before: str = "") -> dict[str, Any]:
    """Describe an exception as the platform does; the frames of this file are left out, and the outer ones that take too much.

    Args:
        error: the exception.
        name: what to call its class; empty: its own name.
        before: what its message begins with.
    """
    described: dict[str, Any] = {
        "errorMessage": (before + str(error))[:MAX_MESSAGE],
        "errorType": (name or type(error).__name__)[:MAX_NAME],
        "stackTrace": [],
    }
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    left = MAX_HEAD - 1024 - len(json.dumps(described))  # the header has more than the error
    for line in reversed(traceback.format_list(frames)):
        left -= len(json.dumps([line])) + 2
        if left < 0:
            break
        described["stackTrace"].insert(0, [line])
    return described


def make_context(request_id: str, settings: dict[str, Any]) -> SimpleNamespace:
    """Return the `context` of the runtime: credentials up to Python 3.10's runtime, a logger from 3.12's on."""
    credentials = {
        name: os.environ.get("ALIBABA_CLOUD_" + name.upper(), "")
        for name in ("access_key_id", "access_key_secret", "security_token")
    }
    context = SimpleNamespace(
        request_id=request_id,
        function=SimpleNamespace(**settings["function"]),
        service=SimpleNamespace(**settings["service"]),
        region=os.environ["FC_REGION"],
        account_id=os.environ["FC_ACCOUNT_ID"],
        tracing=SimpleNamespace(),
    )
    if settings["runtime"] == "python3.12":
        context.logger = logging.getLogger()
    else:
        context.credentials = SimpleNamespace(**credentials)
    return context


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s [%(levelname)s] %(message)s")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    main()
