"""Runs the program of a custom runtime within an instance, and speaks HTTP to it: a server that the code package brings.

Standard library only, Python 3.9 and later.
Sources: Function Compute, "Custom runtime", "Principles" and "Specifications" (paths, `x-fc-control-path`, `x-fc-status`).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

POLL = 0.05  # seconds between two tries to reach a program that starts, and for one to end
OF_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


class FailedRequestError(Exception):
    """The program answered that it failed."""


class Program:
    """The program of a custom runtime, which runs from now on.

    Args:
        command: with its arguments; empty: the code package's `bootstrap`.
        arguments: further ones.
        port: that it serves HTTP on.
    """

    def __init__(self, command: Sequence[str], arguments: Sequence[str], port: int) -> None:
        code = os.environ["FC_FUNC_CODE_PATH"]
        self._port = port
        environment = {**os.environ, "FC_SERVER_PORT": str(port), "FC_CUSTOM_LISTEN_PORT": str(port)}
        command = [*(command or [f"{code}/bootstrap"]), *arguments]
        try:
            self._process = subprocess.Popen(command, cwd=code, env=environment)  # its standard input is empty already
        except OSError as error:
            sys.exit(f"the custom runtime cannot be started: {command[0]}: {error.strerror}")

    def handle(self, path: str, body: bytes, headers: Mapping[str, str], largest: int) -> bytes:
        """Send the program an event, or have it initialize; return the body of its answer.

        Args:
            path: `/invoke` or `/initialize`.
            body: the event.
            headers: the platform's.
            largest: bytes of an answer.

        Raises:
            FailedRequestError: it answered that it failed.
            ValueError: its answer is no HTTP, or too large.
        """
        given = {**headers, "x-fc-control-path": path, "Content-Type": "application/octet-stream"}
        head, result = self.respond({"method": "POST", "uri": path, "headers": given}, body, {}, largest)
        status = {str(name).lower(): value for name, value in head["headers"]}.get("x-fc-status", head["status"])
        if str(status) != "200":
            raise FailedRequestError(result.decode(errors="replace"))
        return result

    def respond(
        self, request: Mapping[str, object], body: bytes, headers: Mapping[str, str], largest: int
    ) -> tuple[dict[str, Any], bytes]:
        """Pass a request on; return the head of the response (`status`, `headers`) and its body.

        Args:
            request: its `method`, `uri` and `headers`.
            body: its body.
            headers: the platform's.
            largest: bytes of a response.

        Raises:
            ValueError: the response is no HTTP, or too large.
        """
        asked = request["headers"]
        assert isinstance(asked, dict)
        connection = self._connect()
        try:
            connection.request(str(request["method"]), str(request["uri"]), body, {**asked, **headers})
            response = connection.getresponse()
            result = response.read(largest + 1)
        except (http.client.HTTPException, ConnectionError) as error:
            self._exit_with_it()
            raise ValueError(f"the custom runtime's answer is no HTTP response: {error!r}") from error
        finally:
            connection.close()
        if len(result) > largest:
            raise ValueError(f"the response has more than {largest} bytes")
        kept = [[name, value] for name, value in response.getheaders() if name.lower() not in OF_CONNECTION]
        return {"status": str(response.status), "headers": kept}, result

    def _connect(self) -> http.client.HTTPConnection:
        """Connect to the program, as soon as it listens; the time of the request bounds that."""
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self._port)
            try:
                connection.connect()
            except ConnectionError:
                self._exit_with_it()
            else:
                return connection

    def _exit_with_it(self) -> None:
        """End the instance if the program has ended, which the platform tells."""
        with contextlib.suppress(subprocess.TimeoutExpired):  # its connections close a moment before it has ended
            self._process.wait(POLL)
        if self._process.returncode is not None:
            sys.exit(f"the custom runtime has exited with {self._process.returncode}")
