"""Templates are evaluated in processes of their own, so that nothing that a template does reaches the services.

A template is a program of its author: a pattern can backtrack for years, nested functions can spell out gigabytes, and while either
happens in this process, no service answers. There it costs its own process, which the system ends when it needs too much time, and
which refuses to take too much memory. The processes start when they are needed and end when nothing was for a while.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Protocol, TypeVar

from localcloud.kernel.turns import Turns
from localcloud.ros.errors import RosError, TemplateError
from localcloud.ros.template.worker import LENGTH, SECONDS, Failed, Refused, Returned

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")
COMMAND = "from localcloud.ros.template.worker import main; main()"
PROCESSES = 2  # at most; other evaluations wait for their callers' turns
IDLE = 30.0  # seconds after which processes end that have nothing to do


class Evaluate(Protocol):
    """Runs a function of values, somewhere."""

    async def __call__(self, caller: str, function: Callable[..., _Result], *args: object) -> _Result:
        """Return what a function returns.

        Args:
            caller: the principal who asks, of whose evaluations one runs at a time.
            function: of a module, or a method of a value; it, its arguments and its result can be pickled.
            args: its arguments.

        Raises:
            RosError: that the function raised; a TemplateError, too, when it needs too much time or memory.
        """

    async def close(self) -> None:
        """End what still runs."""


class Evaluator:
    """Runs functions in processes of their own; implements `Evaluate`."""

    def __init__(self) -> None:
        self._turns = Turns(PROCESSES)
        self._running: set[Process] = set()  # and those that have ended since the last one started
        self._free: list[Process] = []
        self._retirement: asyncio.TimerHandle | None = None

    async def __call__(self, caller: str, function: Callable[..., _Result], *args: object) -> _Result:
        """See `Evaluate`."""
        async with self._turns.of(caller):
            process = await self._take()
            try:
                said = await _ask(process, pickle.dumps((function, args)))
            except BaseException:
                _end(process)
                raise
            self._give_back(process)
        match said:
            case Refused(code=code, message=message):
                raise TemplateError(message, code=code)
            case Failed(trace=trace):
                _LOG.error("evaluating a template failed: %s", trace)
                raise RuntimeError("evaluating a template failed")
            case Returned(value=value):
                return value  # type: ignore[no-any-return]

    async def close(self) -> None:
        """See `Evaluate`."""
        if self._retirement:
            self._retirement.cancel()
        for process in list(self._running):
            _end(process)
            await process.wait()

    async def _take(self) -> Process:
        if self._retirement:
            self._retirement.cancel()
        while self._free:
            process = self._free.pop()
            if process.returncode is None:
                return process
        self._running = {each for each in self._running if each.returncode is None}
        try:
            process = await asyncio.create_subprocess_exec(sys.executable, "-P", "-c", COMMAND, stdin=PIPE, stdout=PIPE)
        except OSError as error:
            reason = f"no process can be started to evaluate the template ({error.strerror}); try again later"
            raise RosError("ServiceUnavailable", reason) from error
        self._running.add(process)
        return process

    def _give_back(self, process: Process) -> None:
        self._free.append(process)
        self._retirement = asyncio.get_running_loop().call_later(IDLE, self._retire)

    def _retire(self) -> None:
        while self._free:
            _end(self._free.pop())


def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()


async def _ask(process: Process, call: bytes) -> Returned | Refused | Failed:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(len(call).to_bytes(LENGTH) + call)
        await process.stdin.drain()
        length = int.from_bytes(await process.stdout.readexactly(LENGTH))
        said = pickle.loads(await process.stdout.readexactly(length))  # noqa: S301 (our own child's)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        code = await process.wait()
        reason = f"it needs more than {SECONDS:g} seconds of CPU: simplify its patterns and functions"
        if code != -signal.SIGPROF:
            reason = f"the process that evaluates it ended ({signal.Signals(-code).name if code < 0 else code})"
        raise TemplateError(f"the template cannot be evaluated: {reason}") from error
    assert isinstance(said, Returned | Refused | Failed)
    return said
