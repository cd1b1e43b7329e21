"""One instance: a process tree that runs one function, one request at a time, frozen in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.fc.instances.channel import MAX_RESULT, Channel, MalformedAnswerError, Reply
from localcloud.fc.instances.cpu import CpuGroup, CpuGroups, vcpus
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.isolation import Isolation, Launch
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.network import Adopted, Ports, receive_sockets
from localcloud.fc.instances.usage import find_tree, open_memory_files, read_proportional, read_shared, read_usage
from localcloud.fc.instances.userns import NOBODY
from localcloud.fc.model import MAX_TASKS, MB, Function, Service

WATCH = 0.05  # seconds between two looks at memory and disk
logger = logging.getLogger(__name__)
MAX_PRINTED = MB  # bytes that one look reads of what the function prints; what prints faster waits for the next one


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a function or its platform answered."""

    body: bytes
    error_type: str | None  # of the platform: UnhandledInvocationError, InitializationError, …; None: success
    duration: float  # seconds
    peak_memory: int  # bytes


class InstanceDiedError(Exception):
    """The process ended, or was ended, before it answered.

    Attributes:
        reason: None when it ended by itself; else why the platform ended it.
    """

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason or "the process exited")
        self.reason = reason


class Instance:
    """A running instance.

    Args:
        function: what it runs.
        service: the function's service; None in FC 3.0.
        folder: a folder that is its own; removed at its end.
        isolation: how it is kept apart.
        cpu_groups: keep it to its vCPU; None: it takes what this machine has.
        ports: of the embedded cloud, which it reaches.
    """

    def __init__(
        self,
        function: Function,
        service: Service | None,
        *,
        folder: Path,
        isolation: Isolation,
        cpu_groups: CpuGroups | None,
        ports: Ports,
    ) -> None:
        self.id = f"c-{uuid.uuid4().hex[:24]}"
        self.function = function
        self.requests = 0
        self.initialized = False
        self.initializer_seconds = 0.0
        self.peak_memory = 0  # bytes
        self.disk = 0  # bytes
        self.peak_disk = 0  # bytes
        self.pid: int | None = (
            None  # of the process that runs the bootstrap, as this machine sees it; None until it runs
        )
        self.frozen = False
        self.idle_since = 0.0  # seconds of the monotonic clock
        self._service = service
        self._folder = folder
        self._isolation = isolation
        self._cpu_groups = cpu_groups
        self._cpu_group: CpuGroup | None = None
        self._ports = ports
        self._adopted: Adopted | None = None
        self._launch: Launch | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._output: int = -1
        self._end_reason: str | None = None

    # Life

    async def start(
        self,
        *,
        code: Path,
        interpreter: Interpreter,
        environment: Mapping[str, str],
        gateway: tuple[str, int],
        authority: str,
        log: InvocationLog,
    ) -> None:
        """Start the process; the function's module is loaded later, by the initializer or the first request.

        Args:
            code: the unpacked code package.
            interpreter: the Python to run.
            environment: the function's environment.
            gateway: where it reaches names under aliyuncs.com.
            authority: the certificate (PEM) that it trusts for those names.
            log: gets notes on how it runs.

        Raises:
            FcError: InstanceNotAllowed.
        """
        self._folder.mkdir(parents=True)
        full = {**environment, "FC_INSTANCE_ID": self.id}
        launch = self._isolation.prepare(
            folder=self._folder,
            code=code,
            interpreter=interpreter,
            environment=full,
            function=self.function,
        )
        self._launch = launch
        for note in (interpreter.note, launch.note):
            if note:
                log.line(f"FC Note: {note}")
        await self._spawn(launch, self._in_cpu_group([*launch.command], log))
        settings = {
            "handler": self.function.handler,
            "initializer": self.function.initializer,
            "runtime": self.function.runtime,
            "packages": launch.packages,
            "ports": self._ports.numbers if launch.own_network else [],
            "tasks": MAX_TASKS if launch.bounds_processes else None,
            "max_result": MAX_RESULT,
            "gateway": gateway,
            "authority": authority,
            "function": {
                "name": self.function.name,
                "handler": self.function.handler,
                "memory": self.function.memory,
                "timeout": self.function.timeout,
                "initializer": self.function.initializer,
                "initialization_timeout": self.function.initialization_timeout,
            },
            "service": {
                "name": self._service.name if self._service else "",
                "log_project": str((self._service.log_config if self._service else {}).get("project", "")),
                "log_store": str((self._service.log_config if self._service else {}).get("logstore", "")),
                "qualifier": "LATEST",
                "version_id": "",
            },
        }
        await self._open_channel().send(settings)

    async def _spawn(self, launch: Launch, command: list[str]) -> None:
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        self._channel, self._output = Channel(ours), read
        if launch.drops:
            os.fchown(write, NOBODY, NOBODY)  # programs open /dev/stdout
        os.set_blocking(read, False)
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        inherited = [theirs.fileno(), *(launch.ids.descriptors if launch.ids else ())]
        given = _pipe_of(launch.exports or "", readable_by_nobody=launch.drops)
        try:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                env=dict(launch.environment),
                cwd=launch.folder,
                stdin=given,
                stdout=write,
                stderr=write,
                pass_fds=inherited,
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(write)
            os.close(given)
        if launch.ids:
            await asyncio.to_thread(launch.ids.write)

    def _in_cpu_group(self, command: list[str], log: InvocationLog) -> list[str]:
        if self._cpu_groups is None:
            return command
        wanted, cores = vcpus(self.function), len(os.sched_getaffinity(0))
        if wanted > cores:
            log.line(f"FC Note: the function asks for {wanted:g} vCPU, this machine has {cores}")
        self._cpu_group = self._cpu_groups.create(self.id, wanted)
        return self._cpu_group.enter(command)

    @property
    def warning(self) -> str | None:
        """What the log of every invocation has to say."""
        return self._launch.warning if self._launch else None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def _tree(self) -> list[int]:
        return find_tree(self._process.pid) if self._process else []

    def _signal(self, number: signal.Signals) -> None:
        reached: set[int] = set()
        if self._process and self._launch and self._launch.supervised and number != signal.SIGKILL:
            reached.add(self._process.pid)  # it has to act when the embedded cloud ends
        while fresh := [pid for pid in self._tree() if pid not in reached]:  # some may just have started
            reached.update(fresh)
            _send(fresh, number)

    def freeze(self) -> None:
        """Stop every process of the instance, as the platform does between requests."""
        self._signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        """Let them go on."""
        if self.frozen:
            _send(self._tree(), signal.SIGCONT)  # once: none of them could start another one meanwhile
            self.frozen = False

    def kill(self, reason: str | None = None) -> None:
        """End every process of the instance, at once."""
        self._end_reason = self._end_reason or reason
        try:
            self._signal(signal.SIGSTOP)  # so that none of them starts another one that would get away
            self._signal(signal.SIGKILL)
        except OSError:  # no descriptor is left to find them: what holds them together ends them when it ends
            if self._process and self._launch:
                self._process.send_signal(signal.SIGTERM if self._launch.supervised else signal.SIGKILL)

    def close(self) -> None:
        """End the instance and remove all that it left."""
        if self._process is not None:
            self.kill()
            self._process.wait()
            self._process = None
        if self._cpu_group is not None:
            self._cpu_group.remove()
            self._cpu_group = None
        if self._launch is not None and self._launch.ids:
            self._launch.ids.close()
        if self._adopted is not None:
            self._adopted.close()
            self._adopted = None
        if self._channel is not None:
            self._channel.close()
            os.close(self._output)
            self._channel = None
        shutil.rmtree(self._folder, ignore_errors=True)

    # Requests

    async def call(self, operation: str, payload: bytes, *, request_id: str, limit: float, log: InvocationLog) -> Reply:
        """Run the initializer or the handler.

        Args:
            operation: `initialize` or `invoke`.
            payload: the event.
            request_id: the request's id.
            limit: seconds after which the instance is ended.
            log: receives what the function prints meanwhile.

        Raises:
            InstanceDiedError: there was no answer.
        """
        self.thaw()
        watch = asyncio.create_task(self._watch(limit, log))
        try:
            reply = await self._exchange(operation, payload, request_id)
            with self._ended_by_failure(log):
                await asyncio.to_thread(self._look)
        except (ConnectionError, EOFError, MalformedAnswerError) as error:
            if isinstance(error, MalformedAnswerError):
                self.kill("answer")
            await asyncio.to_thread(self._reap)
            raise InstanceDiedError(self._end_reason) from error
        finally:
            watch.cancel()
            log.write(self._printed())
        return reply

    async def _exchange(self, operation: str, payload: bytes, request_id: str) -> Reply:
        channel = self._open_channel()
        if self.pid is None:
            self.pid, sockets = await receive_sockets(channel.connection, len(self._ports.numbers))
            self._adopted = await self._ports.adopt(sockets)
        await channel.send({"op": operation, "request_id": request_id, "size": len(payload)}, payload)
        return await channel.receive()

    def _reap(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:  # the socket is closed but the process lives: it can never answer again
            self.kill()
            self._process.wait()

    def _open_channel(self) -> Channel:
        assert self._channel is not None
        return self._channel

    def _printed(self) -> bytes:
        parts, size = [], 0
        with contextlib.suppress(BlockingIOError):
            while size < MAX_PRINTED and (part := os.read(self._output, 65536)):
                parts.append(part)
                size += len(part)
        return b"".join(parts)

    # Limits

    async def _watch(self, limit: float, log: InvocationLog) -> None:
        deadline, took = time.monotonic() + limit, 0.0
        with self._ended_by_failure(log):
            while True:
                await asyncio.sleep(min(max(WATCH, took), max(deadline - time.monotonic(), 0)))
                begin = time.monotonic()
                log.write(self._printed())  # a full pipe would stop the function
                memory, disk, tasks = await asyncio.to_thread(self._look)  # a thousand processes take their time
                took = time.monotonic() - begin
                if time.monotonic() >= deadline:
                    self.kill("timeout")
                elif memory > self.function.memory * MB:
                    self.kill("memory")
                elif disk > self.function.disk * MB:
                    self.kill("disk")
                elif tasks > MAX_TASKS and not (self._launch and self._launch.bounds_processes):
                    self.kill("processes")

    @contextlib.contextmanager
    def _ended_by_failure(self, log: InvocationLog) -> Iterator[None]:
        """End the instance when what it uses cannot be told: nobody would keep it to its limits."""
        try:
            yield
        except Exception:
            logger.exception("instance %s of %s is ended: its limits cannot be kept", self.id, self.function.path)
            log.line("FC Error: the instance is ended, because what it uses cannot be measured")
            self.kill("watch")

    def _look(self) -> tuple[int, int, int]:
        """Return bytes of memory, bytes on the disk, and the number of processes and threads."""
        pids = self._tree()
        usage, memory_files = read_usage(pids), open_memory_files(pids)
        kept = sum(memory_files.values())
        if self.pid:
            kept += self._isolation.shared_memory_used(self.pid)
            self.disk = self._isolation.disk_used(self._folder, self.pid)
        memory, limit = usage.anonymous + kept, self.function.memory * MB
        if memory + usage.shared > limit:
            exact = read_proportional(pids)
            memory = exact.anonymous + kept
            if memory <= limit < memory + exact.shared:
                memory += read_shared(pids, counted=memory_files)
        self.peak_memory = max(self.peak_memory, memory)
        self.peak_disk = max(self.peak_disk, self.disk)
        return memory, self.disk, usage.tasks


def _pipe_of(text: str, *, readable_by_nobody: bool) -> int:
    """Return the descriptor of a pipe that holds a text, of less than the 64 KB that a pipe takes, and then ends."""
    read, write = os.pipe()
    try:
        if readable_by_nobody:
            os.fchown(read, NOBODY, NOBODY)
        os.write(write, text.encode())
    finally:
        os.close(write)
    return read


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
