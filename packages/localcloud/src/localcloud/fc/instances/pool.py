"""The instances of one function: reuse a warm one, start another for a parallel request, end idle ones.

A request takes an instance for itself and gives it back frozen. A new configuration retires the instances of the old one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from localcloud.fc.errors import FcError
from localcloud.fc.instances.channel import Failure
from localcloud.fc.instances.cpu import CpuGroups
from localcloud.fc.instances.instance import Answer, Instance, InstanceDiedError
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.isolation import Isolation
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.network import Ports
from localcloud.fc.model import MAX_TASKS, MB, Function, Service

logger = logging.getLogger(__name__)
ROOM = 6  # places of one instance: a listening socket for each port, what watches these, its channel, its output


class Pool:
    """Runs requests of one configuration of one function.

    Args:
        function: the configuration.
        service: its service; None in FC 3.0.
        code: the unpacked code package.
        folder: where instances get their folders.
        isolation: how instances are kept apart.
        cpu_groups: keep instances to their vCPU; None: nothing does.
        find_interpreter: returns the Python for a function.
        make_environment: returns the environment of a new instance, with fresh credentials.
        ports: of the embedded cloud, which instances reach.
        gateway: where instances reach names under aliyuncs.com.
        authority: the certificate (PEM) that they trust for those names.
        max_instances: how many may run at once.
        make_room: ends an instance of any function that is idle; False: there is none.
    """

    def __init__(
        self,
        function: Function,
        service: Service | None,
        *,
        code: Path,
        folder: Path,
        isolation: Isolation,
        cpu_groups: CpuGroups | None,
        find_interpreter: Callable[[Function], Interpreter],
        make_environment: Callable[[], Awaitable[Mapping[str, str]]],
        ports: Ports,
        gateway: tuple[str, int],
        authority: str,
        max_instances: int,
        make_room: Callable[[], bool],
    ) -> None:
        self._function = function
        self._service = service
        self._code = code
        self._folder = folder
        self._isolation = isolation
        self._cpu_groups = cpu_groups
        self._find_interpreter = find_interpreter
        self._make_environment = make_environment
        self._ports = ports
        self._gateway = gateway
        self._authority = authority
        self._max_instances = max_instances
        self._make_room = make_room
        self._idle: list[Instance] = []  # the most recently used last
        self._busy: set[Instance] = set()
        self._ending: list[Instance] = []  # nobody gets them any more
        self._housed: set[Instance] = set()  # those that have their room
        self._retired = False

    @property
    def code(self) -> str:
        """The name of the code package that its instances run."""
        return self._function.code

    @property
    def instances(self) -> list[Instance]:
        """The instances that run."""
        return [*self._idle, *self._busy, *self._ending]

    def retire(self) -> None:
        """End idle instances now, and busy ones after their request."""
        self._retired = True
        while self._idle:
            self._close(self._idle.pop())

    def close(self) -> None:
        """End all instances now."""
        self.retire()
        for instance in self._busy:
            instance.kill("shutdown")

    def reclaim(self, idle: float) -> Iterator[Callable[[], None]]:
        """Yield, for each instance that was idle for more than so many seconds, what ends it; a failure is tried again."""
        now = time.monotonic()
        self._ending += [instance for instance in self._idle if now - instance.idle_since > idle]
        self._idle = [instance for instance in self._idle if instance not in self._ending]
        for instance in list(self._ending):
            yield partial(self._end, instance)

    def _end(self, instance: Instance) -> None:
        self._close(instance)
        self._ending.remove(instance)

    @property
    def longest_idle(self) -> Instance | None:
        """The instance that has waited for a request for longest."""
        return self._idle[0] if self._idle else None

    def end_longest_idle(self) -> None:
        """End that instance."""
        self._close(self._idle[0])
        del self._idle[0]

    def _close(self, instance: Instance) -> None:
        instance.close()
        if instance in self._housed:
            self._housed.discard(instance)
            self._ports.rooms.give_back(ROOM)

    async def run(self, payload: bytes, *, request_id: str, log: InvocationLog) -> tuple[Answer, Instance]:
        """Run one request on an instance of its own.

        Returns:
            The answer, and the instance that gave it (which may have ended).

        Raises:
            FcError: ResourceExhausted, InstanceNotAllowed.
        """
        instance = await self._take(log)
        if instance.warning:
            log.line(f"FC Warning: {instance.warning}")
        try:
            answer = await self._initialize(instance, request_id, log)
            if answer is None:
                answer = await self._invoke(instance, payload, request_id, log)
        except BaseException:
            self._close(instance)  # it may still be at work, so it can serve nobody else
            raise
        finally:
            self._give_back(instance)
        return answer, instance

    async def _take(self, log: InvocationLog) -> Instance:
        while self._idle:
            instance = self._idle.pop()
            if instance.alive:
                self._busy.add(instance)
                return instance
            self._close(instance)
        if len(self._busy) >= self._max_instances:
            raise FcError(
                "ResourceExhausted",
                f"{self._function.path} runs on {self._max_instances} instances already; try again later",
            )
        while not self._ports.rooms.take(ROOM):
            if not self._make_room():
                raise FcError(
                    "ResourceExhausted",
                    "no descriptors are left for another instance; try again later, or start the embedded cloud with a "
                    "higher limit (`ulimit -n`)",
                )
        instance = Instance(
            self._function,
            self._service,
            folder=self._folder / f"i{time.monotonic_ns()}",
            isolation=self._isolation,
            cpu_groups=self._cpu_groups,
            ports=self._ports,
        )
        self._busy.add(instance)
        self._housed.add(instance)
        try:
            interpreter = await asyncio.to_thread(self._find_interpreter, self._function)
            environment = await self._make_environment()
            await instance.start(
                code=self._code,
                interpreter=interpreter,
                environment=environment,
                gateway=self._gateway,
                authority=self._authority,
                log=log,
            )
        except BaseException:
            self._busy.discard(instance)
            self._close(instance)
            raise
        return instance

    def _give_back(self, instance: Instance) -> None:
        self._busy.discard(instance)
        usable = instance.alive and (instance.initialized or not self._function.initializer)
        if not usable or self._retired:
            self._close(instance)
            return
        try:
            instance.freeze()
        except OSError:
            logger.exception("instance %s of %s is ended: it cannot be frozen", instance.id, self._function.path)
            self._close(instance)
            return
        instance.idle_since = time.monotonic()
        self._idle.append(instance)

    async def _initialize(self, instance: Instance, request_id: str, log: InvocationLog) -> Answer | None:
        """Run the initializer unless it has run; return an answer only when it failed."""
        if instance.initialized or not self._function.initializer:
            return None
        log.line(f"FC Initialize Start RequestId: {request_id}")
        seconds, failure, _ = await self._call(
            instance, "initialize", b"", request_id, self._function.initialization_timeout, log
        )
        log.line(f"FC Initialize End RequestId: {request_id}")
        instance.initializer_seconds = seconds
        if failure is None:
            instance.initialized = True
            return None
        instance.kill()
        return _failure("InitializationError", failure, seconds, instance, log)

    async def _invoke(self, instance: Instance, payload: bytes, request_id: str, log: InvocationLog) -> Answer:
        log.line(f"FC Invoke Start RequestId: {request_id}")
        instance.requests += 1
        seconds, failure, body = await self._call(instance, "invoke", payload, request_id, self._function.timeout, log)
        if failure is not None:
            during_import = isinstance(failure, Failure) and failure.during_import
            kind = "ImportModuleError" if during_import else "UnhandledInvocationError"
            answer = _failure(kind, failure, seconds, instance, log)
        else:
            answer = Answer(body=body, error_type=None, duration=seconds, peak_memory=instance.peak_memory)
        log.line(f"FC Invoke End RequestId: {request_id}")
        return answer

    async def _call(
        self, instance: Instance, operation: str, payload: bytes, request_id: str, limit: float, log: InvocationLog
    ) -> tuple[float, Failure | str | None, bytes]:
        begin = time.monotonic()
        try:
            reply = await instance.call(operation, payload, request_id=request_id, limit=limit, log=log)
        except InstanceDiedError as died:
            seconds = time.monotonic() - begin
            return seconds, _describe_death(died, operation, limit, seconds, instance), b""
        return time.monotonic() - begin, reply.failure, reply.result


def _describe_death(died: InstanceDiedError, operation: str, limit: float, seconds: float, instance: Instance) -> str:
    memory = f"maxMemoryUsage: {instance.peak_memory / MB:.2f}MB"
    exited = f"Process exited unexpectedly before completing request (duration: {seconds * 1000:.0f}ms, {memory})"
    what = "Function initializer" if operation == "initialize" else "Function"
    messages = {
        None: exited,
        "timeout": f"{what} timed out after {limit:.0f} seconds ({memory})",
        "memory": f"{exited}: out of memory, the limit is {instance.function.memory} MB",
        "disk": f"{exited}: the disk is full, its size is {instance.function.disk} MB",
        "processes": f"{exited}: more than {MAX_TASKS} processes and threads",
        "answer": f"{exited}: its answer to the platform was malformed",
        "watch": f"{exited}: what it uses could not be measured",
        "shutdown": f"{exited}: the platform is shutting down",
    }
    return messages[died.reason]


def _failure(kind: str, failure: Failure | str, seconds: float, instance: Instance, log: InvocationLog) -> Answer:
    """Return the answer that tells a failure of the function, or how its instance died, and log it."""
    if isinstance(failure, str):
        log.line(failure)
        described: dict[str, object] = {"errorMessage": failure}
    else:
        log.line(failure.message)
        log.write("".join(line for frame in failure.trace for line in frame).encode(errors="backslashreplace"))
        described = {"errorMessage": failure.message, "errorType": failure.kind, "stackTrace": failure.trace}
    return Answer(
        body=json.dumps(described).encode(),  # ASCII, with what is no text escaped, as the platform's runtime writes it
        error_type=kind,
        duration=seconds,
        peak_memory=instance.peak_memory,
    )
