"""Runs the program of a custom runtime within an instance, and speaks HTTP to it: a server that the code package brings.

Standard library only, Python 3.9 and later.
Sources: Function Compute, "Custom runtime", "Principles", "Specifications" (paths, `x-fc-control-path`, `x-fc-status`) and
"Lifecycle hooks for function instances".
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import http.client

    from localcloud.fc.instances.messages import FunctionFacts, ServiceFacts

PART = 64 * 1024  # bytes of a response that are passed on at a time
POLL = 0.005  # seconds between two tries to reach a program that starts
END = 0.05  # seconds in which a program that closes its connections has ended
PATHS = {  # by operation
    "initialize": ("POST", "/initialize"),
    "invoke": ("POST", "/invoke"),
    "pre-freeze": ("GET", "/pre-freeze"),
    "pre-stop": ("GET", "/pre-stop"),
}
LARGEST_CHECK = 1024 * 1024  # bytes of the answer to a health check; assumed
OF_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


class FailedRequestError(Exception):
    """The program answered that it failed.

    Attributes:
        body: of its answer.
    """

    def __init__(self, message: str, body: bytes = b"") -> None:
        super().__init__(message)
        self.body = body


def platform_headers(
    request_id: str, function: FunctionFacts, service: ServiceFacts, hooks: Mapping[str, str]
) -> dict[str, str]:
    """Return the headers that a program gets with every request; none is empty."""
    headers = {
        "x-fc-request-id": request_id,
        "x-fc-account-id": os.environ["FC_ACCOUNT_ID"],
        "x-fc-region": os.environ["FC_REGION"],
        "x-fc-function-name": function.name,
        "x-fc-function-handler": function.handler,
        "x-fc-function-memory": str(function.memory),
        "x-fc-function-timeout": str(function.timeout),
        "x-fc-function-initializer": hooks.get("initialize", ""),
        "x-fc-initialization-timeout": str(function.initialization_timeout),
        "x-fc-instance-lifecycle-pre-stop-handler": hooks.get("pre-stop", ""),
        "x-fc-instance-lifecycle-pre-freeze-handler": hooks.get("pre-freeze", ""),
        "x-fc-service-name": service.name,
        "x-fc-service-logproject": service.log_project,
        "x-fc-service-logstore": service.log_store,
        "x-fc-qualifier": service.qualifier,
        "x-fc-version-id": service.version_id,
    }
    for name in ("access-key-id", "access-key-secret", "security-token"):
        headers[f"x-fc-{name}"] = os.environ.get("ALIBABA_CLOUD_" + name.upper().replace("-", "_"), "")
    return {name: value for name, value in headers.items() if value}


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

    def handle(self, operation: str, body: bytes, headers: Mapping[str, str], largest: int) -> bytes:
        """Send the program an event, or have it run a hook; return the body of its answer.

        Args:
            operation: one of `PATHS`.
            body: the event.
            headers: the platform's.
            largest: bytes of an answer.

        Raises:
            FailedRequestError: it answered that it failed.
            ValueError: its answer is no HTTP, or too large.
        """
        method, path = PATHS[operation]
        given = {**headers, "x-fc-control-path": path, "Content-Type": "application/octet-stream"}
        head, result = self.respond({"method": method, "uri": path, "headers": given}, body, {}, largest)
        status = {str(name).lower(): value for name, value in head["headers"]}.get("x-fc-status", head["status"])
        if not str(status).startswith("2"):
            raise FailedRequestError(
                result.decode(errors="replace") or f"{method} {path} was answered {status}", result
            )
        return result

    def check(self, path: str) -> None:
        """Ask the program whether it is well, by a path that it serves; an answer from 200 to 399 says so (assumed).

        Raises:
            FailedRequestError: it is not.
            ValueError: its answer is no HTTP, or too large.
        """
        head, _ = self.respond({"method": "GET", "uri": path, "headers": {}}, b"", {}, LARGEST_CHECK)
        if not 200 <= int(head["status"]) < 400:
            raise FailedRequestError(f"GET {path} was answered {head['status']}")

    def respond(
        self,
        request: Mapping[str, object],
        body: bytes,
        headers: Mapping[str, str],
        largest: int,
        begin: Callable[[dict[str, Any]], Callable[[bytes], None]] | None = None,
    ) -> tuple[dict[str, Any], bytes]:
        """Pass a request on; return the head of the response (`status`, `headers`) and its body.

        Args:
            request: its `method`, `uri` and `headers`.
            body: its body.
            headers: the platform's.
            largest: bytes of a response.
            begin: called with the head of a response that does not say its length, returns what takes the body part by part as
                the program makes it; the body that is returned is empty then. None: the body is returned in any case.

        Raises:
            ValueError: the response is no HTTP, or too large.
        """
        import http.client  # takes milliseconds: the program starts meanwhile

        asked = request["headers"]
        assert isinstance(asked, dict)
        connection = self._connect()
        try:
            connection.request(str(request["method"]), str(request["uri"]), body, {**asked, **headers})
            response = connection.getresponse()
            kept = [[name, value] for name, value in response.getheaders() if name.lower() not in OF_CONNECTION]
            head = {"status": str(response.status), "headers": kept}
            if begin is None or response.length is not None:
                result = response.read(largest + 1)
            else:
                result = _send_parts(response, begin(head), largest)
        except (http.client.HTTPException, ConnectionError) as error:
            self._exit_with_it(END)
            raise ValueError(f"the custom runtime's answer is no HTTP response: {error!r}") from error
        finally:
            connection.close()
        if len(result) > largest:
            raise ValueError(f"the response has more than {largest} bytes")
        return head, result

    def _connect(self) -> http.client.HTTPConnection:
        """Connect to the program, as soon as it listens; the time of the request bounds that."""
        import http.client

        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self._port)
            try:
                connection.connect()
            except ConnectionError:
                self._exit_with_it(POLL)
            else:
                return connection

    def _exit_with_it(self, seconds: float) -> None:
        """End the instance if the program has ended, or does within some seconds, which the platform tells."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        if self._process.returncode is not None:
            sys.stderr.write(f"the custom runtime has exited with {self._process.returncode}\n")
            sys.stderr.flush()
            os._exit(1)  # one thread of many finds that out


def _send_parts(response: http.client.HTTPResponse, send: Callable[[bytes], None], largest: int) -> bytes:
    """Send a body as it comes, and return an empty one.

    Raises:
        ValueError: it has more than `largest` bytes.
    """
    left = largest
    while part := response.read1(PART):
        left -= len(part)
        if left < 0:
            raise ValueError(f"the response has more than {largest} bytes")
        send(part)
    return b""
