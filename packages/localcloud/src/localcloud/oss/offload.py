"""Work on an object's bytes in a process of its own, with limits: what an image or a query does stays in there.

The child's standard input is the object's file, its last argument the request in JSON. It answers with a line of JSON and, unless
that tells an error (`code` and `message`), bytes until its end. A child that needs too much time is ended by the system.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from localcloud.oss.errors import OssError

PROCESSES = 2  # at most; others wait
SECONDS = 30  # of CPU
PATIENCE = 120.0  # seconds; also a client that takes nothing ends its process
MEMORY = 1024**3  # bytes of address space
MAX_HEAD = 64 * 1024  # bytes of the first line
READ_SIZE = 256 * 1024  # bytes

_places = asyncio.Semaphore(PROCESSES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The answer of a process: its first line, and the bytes that follow."""

    head: Mapping[str, Any]
    chunks: AsyncIterator[bytes]


@asynccontextmanager
async def offloaded(module: str, request: object, path: Path) -> AsyncIterator[Outcome]:
    """Run a module's `main` on a file; the process ends with the block.

    Raises:
        OssError: the one that the process tells; InvalidArgument: it needed too much time or memory.
    """
    async with _places, asyncio.timeout(PATIENCE):
        with path.open("rb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", f"from {module} import main; main()", json.dumps(request)),
                stdin=file,
                stdout=PIPE,
                limit=MAX_HEAD,
            )
        assert process.stdout is not None
        try:
            line = await process.stdout.readline()
            if not line:
                raise _ended(await process.wait())
            head = json.loads(line)
            if "code" in head:
                raise OssError(head["code"], head["message"])
            yield Outcome(head=head, chunks=_chunks(process, process.stdout))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _chunks(process: Process, stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await stream.read(READ_SIZE):
        yield chunk
    if code := await process.wait():
        raise _ended(code)  # nobody takes what came for the whole


def _ended(code: int) -> OssError:
    reason = (
        f"it needs more than {SECONDS} seconds of CPU" if code == -signal.SIGXCPU else f"its process ended ({code})"
    )
    return OssError("InvalidArgument", f"The object cannot be processed: {reason}.")


def work(answer: Callable[[Any, BinaryIO, BinaryIO], None]) -> None:
    """Be the process: answer the request of the last argument, under the limits.

    Args:
        answer: gets the request, the object, and where the answer goes; it writes `head` first.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the parent ends us
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # nothing is written but to the pipe
    output = sys.stdout.buffer
    try:
        answer(json.loads(sys.argv[-1]), sys.stdin.buffer, output)
    except OssError as error:
        output.write(head(code=error.code, message=error.message))
    except MemoryError:
        output.write(head(code="InvalidArgument", message="The object cannot be processed: it needs too much memory."))


def head(**values: object) -> bytes:
    """Return the first line of an answer."""
    return json.dumps(values).encode() + b"\n"
