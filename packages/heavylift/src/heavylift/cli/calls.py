"""The commands that call a stack's function, or tell what calls of it left: invoke and logs."""

from __future__ import annotations

import argparse
import base64
import os
import sys
from pathlib import Path

from heavylift.cli.output import Output
from heavylift.cli.sessions import make_ros, named_stack
from heavylift.clouds import invocation, logs
from heavylift.contracts import pagelog
from heavylift.errors import HeavyliftError


def show_logs(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift logs`: show the log of a stack's function."""
    name, session = named_stack(options)
    ros = make_ros(session)
    function = invocation.find_function(ros, ros.find(name), options.function)
    lines = logs.read(session, function, options.lines)
    for line in lines:
        output.emit({"event": "log", "line": line}, line)
    if fetched := pagelog.find_demands(lines):
        pages = [{"library": each.library, "page": each.page, "seconds": each.seconds} for each in fetched]
        output.emit({"event": "pages", "pages": pages}, pagelog.explain(fetched))
    return 0


def invoke(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift invoke`: invoke a stack's function and show its answer."""
    payload = read_payload(options)
    name, session = named_stack(options)
    ros = make_ros(session)
    function = invocation.find_function(ros, ros.find(name), options.function)
    done = invocation.invoke(session, function, payload, timeout=options.timeout)
    log = f"{done.log_tail.rstrip()}\n" if options.log else ""
    output.emit(
        {
            "event": "invocation",
            "function": function.name,
            "seconds": round(done.seconds, 3),
            "error_type": done.error_type,
            "log": done.log_tail,
            **_described(done.body),
        },
        log.encode() + (done.body + b"\n" if _is_text(done.body) else done.body),
    )
    if done.error_type:
        raise HeavyliftError(
            f"the function {function.name} failed ({done.error_type}) after {done.seconds:.1f} s; its answer is above, "
            f"`heavylift logs {name}{f' --function {options.function}' if options.function else ''}` shows its log"
        )
    return 0


def _described(body: bytes) -> dict[str, object]:
    """Return an answer as JSON can hold it: a body that is no UTF-8 is given whole in base64 as well."""
    whole = {} if _is_text(body) else {"base64": base64.b64encode(body).decode()}
    return {"body": body.decode(errors="replace"), **whole}


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_payload(options: argparse.Namespace) -> bytes:
    """Return the event that the options give, or name the file of.

    Raises:
        HeavyliftError: the file cannot be read.
    """
    if options.file is None:
        return os.fsencode(options.payload)  # bytes, as the shell gave them
    path: Path = options.file
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise HeavyliftError(f"the event cannot be read from {path}: {error.strerror}") from error
