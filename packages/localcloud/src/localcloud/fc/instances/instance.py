"""One instance: a process tree that runs one function, one request at a time, frozen in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.fc.instances.channel import MAX_RESULT, MalformedReplyError
from localcloud.fc.instances.cpu import CpuGroup, CpuGroups, vcpus
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.launch import InstanceSpec, Isolation, Launch
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.messages import FunctionFacts, ProgramFacts, Reply, Request, ServiceFacts, Setup
from localcloud.fc.instances.meter import Meter, Use
from localcloud.fc.instances.network import Adopted, Ports, receive_sockets
from localcloud.fc.instances.process import InstanceProcess
from localcloud.fc.model import EndReason, InstanceState, move
from localcloud.fc.platform import MAX_TASKS, RUNTIMES
from localcloud.fc.releases import Release
from localcloud.gateway import resolver

WATCH = 0.05  # seconds between two measurements
logger = logging.getLogger(__name__)


class InstanceDiedError(Exception):
    """The process ended, or was ended, before it answered.

    Attributes:
        reason: None when it ended by itself; else why the platform ended it.
    """

    def __init__(self, reason: EndReason | None) -> None:
        super().__init__(reason.value if reason else "the process exited")
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """The surroundings that all instances share."""

    folder: Path  # where they get their folders
    isolation: Isolation  # how they are kept apart
    cpu_groups: CpuGroups | None  # keep them to their vCPU; None: they take what this machine has
    ports: Ports  # of the embedded cloud, which they reach
    gateway: tuple[str, int]  # where they reach names under aliyuncs.com
    authority: str  # the certificate (PEM) that they trust for those names


class Instance:
    """An instance of a function.

    Args:
        release: the function that it runs.
        host: what it runs on.
    """

    def __init__(self, release: Release, *, host: Host) -> None:
        self.id = f"c-{uuid.uuid4().hex[:24]}"
        self.release = release
        self.function = function = release.function
        self.state = InstanceState.NEW
        self.created = time.time()  # seconds since the epoch
        self.requests = 0
        self.initialized = False
        self.initializer_seconds = 0.0
        self.idle_since = 0.0  # seconds of the monotonic clock
        self.pid: int | None = None  # of its bootstrap, as this machine sees it; None until that has reported
        self._host = host
        self._folder = host.folder / self.id
        self.meter = Meter(function, isolation=host.isolation, folder=self._folder)
        self._cpu_group: CpuGroup | None = None
        self._adopted: Adopted | None = None
        self._launch: Launch | None = None
        self._process: InstanceProcess | None = None
        self._end_reason: EndReason | None = None

    async def start(
        self,
        *,
        code: Path,
        interpreter: Interpreter,
        environment: Mapping[str, str],
        log: InvocationLog,
        layers: Path | None = None,
    ) -> None:
        """Start the process; the function's module is loaded later, by the initializer or the first request.

        Args:
            code: the unpacked code package.
            interpreter: the Python to run.
            environment: the function's environment.
            log: gets notes on how it runs.
            layers: the files of the function's layers; None: it has none.

        Raises:
            FcError: InstanceNotAllowed.
        """
        self._folder.mkdir(parents=True)
        launch = self._launch = self._host.isolation.prepare(
            InstanceSpec(
                folder=self._folder,
                code=code,
                layers=layers,
                interpreter=interpreter,
                environment={**environment, "FC_INSTANCE_ID": self.id},
                function=self.function,
            )
        )
        for note in (interpreter.note, launch.note):
            if note:
                log.line(f"FC Note: {note}")
        command = self._in_cpu_group([*launch.command], log)
        process = self._process = InstanceProcess(launch, command)
        self.state = move(self.state, InstanceState.RUNNING)
        await process.map_ids()
        await process.channel.send(self._setup(launch))

    def _in_cpu_group(self, command: list[str], log: InvocationLog) -> list[str]:
        if self._host.cpu_groups is None:
            return command
        wanted, cores = vcpus(self.function), len(os.sched_getaffinity(0))
        if wanted > cores:
            log.line(f"FC Note: the function asks for {wanted:g} vCPU, this machine has {cores}")
        self._cpu_group = self._host.cpu_groups.create(self.id, wanted)
        return self._cpu_group.enter(command)

    def _setup(self, launch: Launch) -> Setup:
        function, runtime = self.function, RUNTIMES[self.function.runtime]
        service = self.release.service
        log_config = service.log_config if service else {}
        return Setup(
            function=FunctionFacts(
                name=function.name,
                handler=function.handler,
                memory=function.memory,
                timeout=function.timeout,
                initializer=function.initializer,
                initialization_timeout=function.initialization_timeout,
            ),
            service=ServiceFacts(
                name=service.name if service else "",
                log_project=str(log_config.get("project", "")),
                log_store=str(log_config.get("logstore", "")),
                qualifier=self.release.qualifier,
                version_id=self.release.version,
            ),
            program=ProgramFacts(command=[*function.command], arguments=[*function.arguments], port=function.port)
            if runtime.custom
            else None,
            context_credentials=runtime.context_credentials,
            context_logger=runtime.context_logger,
            packages=launch.packages,
            layers=launch.layers,
            ports=self._host.ports.numbers(web=launch.listens) if launch.own_network else [],
            resolver=resolver.PORT if launch.listens else None,
            tasks=MAX_TASKS if launch.bounds_processes else None,
            max_result=MAX_RESULT,
            gateway=self._host.gateway,
            authority=self._host.authority,
        )

    @property
    def warning(self) -> str | None:
        """The warning that the log of every invocation carries."""
        return self._launch.warning if self._launch else None

    @property
    def alive(self) -> bool:
        """It can serve a request, now or once it is thawed."""
        runs = self.state in {InstanceState.RUNNING, InstanceState.FROZEN}
        return runs and self._process is not None and self._process.alive

    def freeze(self) -> None:
        """Stop every process of the instance, as the platform does between requests.

        Raises:
            OSError: they cannot be found.
        """
        self._running().stop()
        self.state = move(self.state, InstanceState.FROZEN)

    def thaw(self) -> None:
        """Let the processes of a frozen instance go on."""
        if self.state is InstanceState.FROZEN:
            self._running().go_on()
            self.state = move(self.state, InstanceState.RUNNING)

    def kill(self, reason: EndReason | None = None) -> None:
        """End every process of the instance, at once; the first reason counts."""
        self._end_reason = self._end_reason or reason
        if self.state in {InstanceState.RUNNING, InstanceState.FROZEN}:
            self.state = move(self.state, InstanceState.KILLED)
        if self.state is InstanceState.KILLED:
            self._running().kill()

    def close(self) -> None:
        """End the instance and remove all that it left; when that fails, a further call goes on with it."""
        if self.state is InstanceState.CLOSED:
            return
        self.kill()
        if self._process is not None:
            self._process.close()
        if self._launch is not None and self._launch.ids:
            self._launch.ids.close()
        if self._cpu_group is not None:
            self._cpu_group.remove()
            self._cpu_group = None
        if self._adopted is not None:
            self._adopted.close()
            self._adopted = None
        shutil.rmtree(self._folder, ignore_errors=True)
        self.state = move(self.state, InstanceState.CLOSED)

    def _running(self) -> InstanceProcess:
        assert self._process is not None, "it was started"
        return self._process

    async def call(
        self, operation: str, payload: bytes, *, request_id: str, limit: float, log: InvocationLog
    ) -> tuple[Reply, bytes]:
        """Run the initializer or the handler; return the reply and its result.

        Args:
            operation: `messages.INITIALIZE` or `messages.INVOKE`.
            payload: the event.
            request_id: the request's id.
            limit: seconds after which the instance is ended.
            log: receives what the function prints meanwhile.

        Raises:
            InstanceDiedError: there was no reply.
        """
        self.thaw()
        process = self._running()
        watch = asyncio.create_task(self._watch(process, limit, log))
        try:
            request = Request(operation=operation, request_id=request_id, size=len(payload))
            reply = await self._exchange(process, request, payload)
            with self._ended_by_failure(log):
                await asyncio.to_thread(self._measure)
        except (ConnectionError, EOFError, MalformedReplyError) as error:
            if isinstance(error, MalformedReplyError):
                self.kill(EndReason.REPLY)
            await asyncio.to_thread(process.reap)
            raise InstanceDiedError(self._end_reason) from error
        finally:
            watch.cancel()
            log.write(process.read_output())
        return reply

    async def _exchange(self, process: InstanceProcess, request: Request, payload: bytes) -> tuple[Reply, bytes]:
        if self.pid is None:
            ports = self._host.ports
            self.pid, sockets = await receive_sockets(process.channel.connection, ports.most)
            self._adopted = await ports.adopt(sockets)
        await process.channel.send(request, payload)
        return await process.channel.receive()

    async def _watch(self, process: InstanceProcess, limit: float, log: InvocationLog) -> None:
        deadline, took = time.monotonic() + limit, 0.0
        bounds_processes = self._launch is not None and self._launch.bounds_processes
        with self._ended_by_failure(log):
            while True:
                await asyncio.sleep(min(max(WATCH, took), max(deadline - time.monotonic(), 0)))
                begin = time.monotonic()
                log.write(process.read_output())  # a full pipe would stop the function
                use = await asyncio.to_thread(self._measure)  # a thousand processes take their time
                took = time.monotonic() - begin
                late = EndReason.TIMEOUT if time.monotonic() >= deadline else None
                if reason := late or self.meter.exceeded(use, bounds_processes=bounds_processes):
                    self.kill(reason)

    @contextlib.contextmanager
    def _ended_by_failure(self, log: InvocationLog) -> Iterator[None]:
        """End the instance when its use cannot be told: nobody would keep it to its limits."""
        try:
            yield
        except Exception:
            logger.exception("instance %s of %s is ended: its limits cannot be kept", self.id, self.function.path)
            log.line("FC Error: the instance is ended, because what it uses cannot be measured")
            self.kill(EndReason.WATCH)

    def _measure(self) -> Use:
        return self.meter.read(self._running().tree(), self.pid)
