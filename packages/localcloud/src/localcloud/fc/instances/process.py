"""The processes of one instance: started, stopped and killed together; their output, and the socket to their bootstrap."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence

from localcloud.fc.instances.channel import Channel
from localcloud.fc.instances.launch import Launch
from localcloud.fc.instances.usage import are_all, find_tree, list_tree
from localcloud.fc.instances.userns import NOBODY
from localcloud.fc.platform import MB

MAX_PRINTED = MB  # bytes of the function's output that are read at a time; the rest waits for the next time


class InstanceProcess:
    """The tree of an instance's processes, below the one that a launch starts.

    Args:
        launch: how to start it.
        command: the launch's, or one that runs it.
    """

    def __init__(self, launch: Launch, command: Sequence[str]) -> None:
        self._launch = launch
        ours, theirs = socket.socketpair()
        self._output, write = os.pipe()
        read, self._script = os.pipe()
        self.channel = Channel(ours)
        try:
            if launch.drops:  # programs open /dev/stdout, and the last step before the function /dev/stdin
                for each in (write, read):
                    os.fchown(each, NOBODY, NOBODY)
            os.set_blocking(self._output, False)
            ours.setblocking(False)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._process: subprocess.Popen[bytes] | None = self._start(command, theirs, read, write)
        except BaseException:
            self._let_go()
            raise
        finally:
            theirs.close()
            os.close(read)
            os.close(write)

    def _start(
        self, command: Sequence[str], channel: socket.socket, script: int, output: int
    ) -> subprocess.Popen[bytes]:
        launch = self._launch
        try:
            return subprocess.Popen(
                [*command, str(channel.fileno())],
                env=dict(launch.environment),
                cwd=launch.folder,
                stdin=script,
                stdout=output,
                stderr=output,
                pass_fds=[channel.fileno(), *launch.descriptors],
                start_new_session=True,
            )
        finally:
            launch.close_inherited()

    async def map_ids(self) -> None:
        """Map the user ids of the sandbox, which waits for that, where it has its own."""
        if self._launch.ids:
            await asyncio.to_thread(self._launch.ids.write)

    def export(self, environment: Mapping[str, str]) -> None:
        """Give the function its environment, for which it waits.

        Args:
            environment: as the platform gives it, of less than the 64 KB that a pipe takes.
        """
        with contextlib.suppress(BrokenPipeError):  # it has ended: the first request tells
            os.write(self._script, self._launch.exports(environment).encode())
        self._close_script()

    def _close_script(self) -> None:
        if self._script >= 0:
            os.close(self._script)
            self._script = -1

    @property
    def alive(self) -> bool:
        """The first process runs."""
        return self._process is not None and self._process.poll() is None

    def tree(self) -> list[int]:
        """Return the ids of the processes."""
        listed = self.processes()
        return listed if not self._process or are_all(listed) else find_tree(self._process.pid)

    def processes(self) -> list[int]:
        """Return the ids of the processes, at less cost; one may be missing while another ends."""
        return list_tree(self._process.pid) if self._process else []

    def stop(self) -> None:
        """Stop all processes, until `go_on`."""
        self._signal(signal.SIGSTOP, self.tree)

    def go_on(self) -> None:
        """Let the stopped processes go on."""
        _send(self.processes(), signal.SIGCONT)  # none of them could start another one meanwhile, or end

    def kill(self) -> None:
        """End all processes, at once."""
        # The first process of a sandbox takes along all that are in it, and is never missed: it has no siblings.
        find = self.tree if self._launch.supervised else self.processes
        try:
            self._signal(signal.SIGSTOP, find)  # so that none of them starts another one that would get away
            self._signal(signal.SIGKILL, find)
        except OSError:  # no descriptor is left to find them: what holds them together ends them when it ends
            if self._process:
                self._process.send_signal(signal.SIGTERM if self._launch.supervised else signal.SIGKILL)

    def _signal(self, number: signal.Signals, find: Callable[[], list[int]]) -> None:
        """Send a signal to all processes, until `find` finds no further one: some may just have started."""
        reached: set[int] = set()
        if self._process and self._launch.supervised and number != signal.SIGKILL:
            reached.add(self._process.pid)  # it has to act when the embedded cloud ends
        look = self.processes  # at less cost
        while (fresh := [pid for pid in look() if pid not in reached]) or look != find:
            reached.update(fresh)
            _send(fresh, number)
            look = find

    def reap(self) -> None:
        """Wait for the end of the processes after their socket has closed; one that goes on can never answer again."""
        assert self._process is not None
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def read_output(self) -> bytes:
        """Return the output that waits, up to `MAX_PRINTED` bytes."""
        parts, size = [], 0
        with contextlib.suppress(BlockingIOError):
            while size < MAX_PRINTED and (part := os.read(self._output, 65536)):
                parts.append(part)
                size += len(part)
        return b"".join(parts)

    def close(self) -> None:
        """End all processes and close their socket and output; a second call does nothing."""
        if self._process is not None:
            self.kill()
            self._process.wait()
            self._process = None
            self._let_go()

    def _let_go(self) -> None:
        self.channel.close()
        self._close_script()  # not before the processes have ended: they would go on without an environment
        os.close(self._output)


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
