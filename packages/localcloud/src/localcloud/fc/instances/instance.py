"""One instance: a process tree that runs one function, as many requests at a time as that permits, frozen in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from localcloud.fc.instances.channel import MAX_RESULT, MalformedReplyError
from localcloud.fc.instances.cpu import CpuGroup, CpuGroups, vcpus
from localcloud.fc.instances.health import HealthCheck, check_health
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.launch import InstanceSpec, Isolation, Launch
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.messages import FunctionFacts, ProgramFacts, Reply, ServiceFacts, Setup
from localcloud.fc.instances.meter import Meter, Use
from localcloud.fc.instances.network import Adopted, Ports, receive_sockets
from localcloud.fc.instances.process import InstanceProcess
from localcloud.fc.instances.wire import CHECK, INITIALIZE, PRE_FREEZE, PRE_STOP
from localcloud.fc.model import EndReason, InstanceState, Parts, move
from localcloud.fc.platform import MAX_TASKS, RUNTIMES
from localcloud.fc.releases import Release
from localcloud.gateway import resolver

WATCH = 0.05  # seconds between two measurements
WATCH_BETWEEN = 0.25  # likewise, while no request runs
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
        self.id = f"c-{int(time.time()):08x}-{uuid.uuid4().hex[-20:]}"
        self.release = release
        self.function = function = release.function
        self.state = InstanceState.NEW
        self.created = time.time()  # seconds since the epoch
        self.requests = 0
        self.initialized = False
        self.exhausted = False  # it takes no further request, and ends after those that it has
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
        self._opening = asyncio.Lock()  # held until the bootstrap has reported
        self._calls: list[InvocationLog] = []  # the logs of what runs, the oldest in front
        self._between: InvocationLog | None = None  # the log of an instance that goes on between requests
        self._watchers: list[asyncio.Task[None]] = []  # while anything runs
        self._health = HealthCheck.of(function)

    async def start(
        self,
        *,
        code: Path,
        interpreter: Interpreter,
        environment: Awaitable[Mapping[str, str]],
        log: InvocationLog,
        layers: Path | None = None,
    ) -> None:
        """Start the process; the function's module is loaded later, by the initializer or the first request.

        Args:
            code: the unpacked code package.
            interpreter: the Python to run.
            environment: the function's environment; what sets up its surroundings does not wait for it.
            log: gets notes on how it runs.
            layers: the files of the function's layers; None: it has none.

        Raises:
            FcError: InstanceNotAllowed; InvalidArgument: a file system cannot be mounted; whatever `environment` raises.
        """
        self._folder.mkdir(parents=True)
        launch = self._launch = self._host.isolation.prepare(
            InstanceSpec(
                folder=self._folder,
                code=code,
                layers=layers,
                interpreter=interpreter,
                function=self.function,
                nas=self.release.nas,
            )
        )
        for note in (interpreter.note, launch.note, self._network_note):
            if note:
                log.line(f"FC Note: {note}")
        command = self._in_cpu_group([*launch.command], log)
        process = self._process = InstanceProcess(launch, command)
        self.state = move(self.state, InstanceState.RUNNING)
        await process.map_ids()
        await process.channel.send(self._setup(launch, interpreter))
        process.export({**await environment, "FC_INSTANCE_ID": self.id})

    @property
    def _network_note(self) -> str | None:
        vpc = self.release.vpc
        return f"nothing is in the VPC {vpc.id} here but the file systems that are mounted" if vpc else None

    def _in_cpu_group(self, command: list[str], log: InvocationLog) -> list[str]:
        if self._host.cpu_groups is None:
            return command
        wanted, cores = vcpus(self.function), len(os.sched_getaffinity(0))
        if wanted > cores:
            log.line(f"FC Note: the function asks for {wanted:g} vCPU, this machine has {cores}")
        self._cpu_group = self._host.cpu_groups.create(self.id, wanted)
        return self._cpu_group.enter(command)

    def _setup(self, launch: Launch, interpreter: Interpreter) -> Setup:
        function, runtime = self.function, RUNTIMES[self.function.runtime]
        service = self.release.service
        log_config = service.log_config if service else function.log_config
        hooks = {INITIALIZE: function.initializer, PRE_FREEZE: function.pre_freeze, PRE_STOP: function.pre_stop}
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
            runtime=function.runtime,
            hooks={operation: handler for operation, handler in hooks.items() if handler},
            node=str(interpreter.node or ""),
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

    @property
    def awake(self) -> bool:
        """It goes on between requests."""
        return self._between is not None

    def stay_awake(self, log: InvocationLog) -> None:
        """Let the instance go on until its next request, watched; the log gets what it prints meanwhile."""
        self._end_wait()
        self.thaw()
        self._between = log
        self._attend(log)

    def freeze(self) -> None:
        """Stop every process of the instance, as the platform does between requests.

        Raises:
            OSError: they cannot be found.
        """
        self._end_wait()
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
        self._end_wait()
        self.kill()
        if self._process is not None:
            self._process.close()
        if self._launch is not None:
            self._launch.close()
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
        self,
        operation: str,
        payload: bytes,
        *,
        request_id: str,
        limit: float,
        log: InvocationLog,
        parts: Parts | None = None,
    ) -> tuple[Reply, bytes]:
        """Run the handler or a hook; return the reply and its result.

        Args:
            operation: one of those of `messages`.
            payload: the event.
            request_id: the request's id.
            limit: seconds after which the instance is ended.
            log: receives what the function prints meanwhile; of several requests, the oldest one's.
            parts: gets a result that comes in parts; None: it has to come whole.

        Raises:
            InstanceDiedError: there was no reply.
        """
        self.thaw()
        process = self._running()
        self._end_wait()
        self._attend(log)
        try:
            async with asyncio.timeout(limit):
                take = partial(parts, instance=self.id) if parts else None
                opened = partial(self._open, process)
                reply = await process.channel.exchange(operation, request_id, payload, take, opened=opened)
            with self._ended_by_failure():
                await asyncio.to_thread(self._measure)
        except TimeoutError as error:
            await self._end_late_call(process)
            raise InstanceDiedError(EndReason.TIMEOUT) from error
        except (ConnectionError, EOFError, MalformedReplyError) as error:
            if isinstance(error, MalformedReplyError):
                self.kill(EndReason.REPLY)
            await asyncio.to_thread(process.reap)
            raise InstanceDiedError(self._end_reason) from error
        finally:
            self._leave(log)
        return reply

    def _attend(self, log: InvocationLog) -> None:
        """Watch the instance, and log what it prints."""
        self._calls.append(log)
        if not self._watchers:
            process = self._running()
            self._watchers = [asyncio.create_task(self._watch(process))]
            if self._health:
                self._watchers.append(asyncio.create_task(self._watch_health(process, self._health)))

    def _leave(self, log: InvocationLog) -> None:
        """End what `_attend` began; the last one ends the watch."""
        if len(self._calls) == 1:
            while self._watchers:
                self._watchers.pop().cancel()
        self._calls[0].write(self._running().read_output())
        self._calls.remove(log)

    def _end_wait(self) -> None:
        if self._between is not None:
            log, self._between = self._between, None
            self._leave(log)

    async def _open(self, process: InstanceProcess) -> None:
        """Wait until the bootstrap has reported, and serve the ports that it hands over."""
        async with self._opening:
            if self.pid is None:
                ports = self._host.ports
                self.pid, sockets = await receive_sockets(process.channel.connection, ports.most)
                self._adopted = await ports.adopt(sockets)

    async def _end_late_call(self, process: InstanceProcess) -> None:
        """End the instance, or let it end once its other requests are done (assumed)."""
        self.exhausted = True
        if len(self._calls) == 1:
            self.kill(EndReason.TIMEOUT)
            await asyncio.to_thread(process.reap)

    async def _watch(self, process: InstanceProcess) -> None:
        took = 0.0
        bounds_processes = self._launch is not None and self._launch.bounds_processes
        with self._ended_by_failure():
            while process.alive:
                await asyncio.sleep(max(WATCH_BETWEEN if self._between else WATCH, took))
                begin = time.monotonic()
                self._calls[0].write(process.read_output())  # a full pipe would stop the function
                use = await asyncio.to_thread(self._measure)  # a thousand processes take their time
                took = time.monotonic() - begin
                if reason := self.meter.exceeded(use, bounds_processes=bounds_processes):
                    if self._between:
                        self._between.line(f"FC Error: the instance is ended, because of its {reason.value}")
                    self.kill(reason)

    async def _watch_health(self, process: InstanceProcess, check: HealthCheck) -> None:
        async def ask() -> str:
            opened = partial(self._open, process)
            reply, _ = await process.channel.exchange(CHECK, "", check.path.encode(), opened=opened)
            return reply.failure.message if reply.failure else ""

        with contextlib.suppress(ConnectionError, EOFError, MalformedReplyError):  # the requests tell its end
            why = await check_health(check, ask, age=time.time() - self.created)
            self._calls[0].line(f"FC Error: the instance is ended, because its health checks failed: {why}")
            self.kill(EndReason.HEALTH)

    @contextlib.contextmanager
    def _ended_by_failure(self) -> Iterator[None]:
        """End the instance when its use cannot be told: nobody would keep it to its limits."""
        try:
            yield
        except Exception:
            logger.exception("instance %s of %s is ended: its limits cannot be kept", self.id, self.function.path)
            self._calls[0].line("FC Error: the instance is ended, because what it uses cannot be measured")
            self.kill(EndReason.WATCH)

    def _measure(self) -> Use:
        return self.meter.read(self._running().processes(), self.pid)
