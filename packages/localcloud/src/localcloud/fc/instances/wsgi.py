"""Calls a handler as a WSGI application, within an instance: the HTTP functions of Function Compute 2.0.

Standard library only, Python 3.9 and later.
Sources: PEP 3333; Function Compute 2.0, "HTTP request handlers" of Python (`fc.context`, `fc.request_uri`).
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

Application = Callable[[Mapping[str, Any], Callable[..., Any]], Any]  # bytes, or an iterable of them


def respond(
    application: Application, environ: Mapping[str, str], body: bytes, *, context: object
) -> tuple[dict[str, object], bytes]:
    """Call an application; return the head of its response (`status`, `headers`) and the body.

    Args:
        application: the handler.
        environ: the request's variables.
        body: the request's body.
        context: the invocation's.

    Raises:
        RuntimeError: the application has not called `start_response`, or twice.
        Exception: whatever the application raises.
    """
    head: dict[str, object] = {}
    parts: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:  # noqa: ANN401 - as PEP 3333 has it
        if head and exc_info is None:
            raise RuntimeError("start_response was called twice")
        head.update(status=str(status), headers=[[str(name), str(value)] for name, value in headers])
        return parts.append

    given = {
        **os.environ,
        **environ,
        "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "fc.context": context,
    }
    returned = application(given, start_response)
    try:
        # An application is to return a list; one that returns the bytes themselves would be taken apart.
        parts.extend([returned] if isinstance(returned, bytes) else returned)
    finally:
        if close := getattr(returned, "close", None):
            close()
    if not head:
        raise RuntimeError("the handler has not called start_response")
    return head, b"".join(parts)
