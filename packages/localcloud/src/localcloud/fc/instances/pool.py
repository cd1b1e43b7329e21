"""The instances of one release of a function: reuse a warm one, start another for a parallel request, end idle ones.

A request takes an instance for itself and gives it back frozen. A new configuration retires the instances of the old one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from localcloud.fc.errors import FcError
from localcloud.fc.instances.instance import Host, Instance
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.messages import INVOKE
from localcloud.fc.instances.requests import initialize, new_request_id, run_request
from localcloud.fc.model import Answer, EndReason
from localcloud.fc.releases import Release

logger = logging.getLogger(__name__)
ROOM = 6  # places of one instance: a listening socket for each port, what watches these, its channel, its output


@dataclass(frozen=True, kw_only=True, slots=True)
class Supplies:
    """The means by which a pool makes instances.

    Attributes:
        code: the unpacked code package.
        layers: the names of the packages of the release's layers.
        layer_folder: returns the folder that shows such packages.
        host: what instances run on.
        find_interpreter: returns the Python for the function.
        make_environment: returns the environment of a new instance, with fresh credentials.
        max_instances: how many may run at once.
        make_room: ends an instance of any function that is idle; False: there is none.
    """

    code: Path
    layers: tuple[str, ...] = ()
    layer_folder: Callable[[tuple[str, ...]], Path] = lambda layers: Path()
    host: Host
    find_interpreter: Callable[[], Interpreter]
    make_environment: Callable[[], Awaitable[Mapping[str, str]]]
    max_instances: int
    make_room: Callable[[], bool]


class Pool:
    """Runs requests of one release of one function, with one configuration.

    Args:
        release: the release.
        supplies: what instances are made with.
    """

    def __init__(self, release: Release, supplies: Supplies) -> None:
        self._release = release
        self._function = release.function
        self._supplies = supplies
        self._idle: list[Instance] = []  # the most recently used last
        self._busy: set[Instance] = set()
        self._ending: list[Instance] = []  # nobody gets them any more
        self._housed: set[Instance] = set()  # those that have their room
        self._retired = False
        self.minimum = 0  # instances that are kept, however long they are idle

    @property
    def code(self) -> str:
        """The name of the code package that its instances run."""
        return self._function.code

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the packages of its layers."""
        return self._supplies.layers

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
            instance.kill(EndReason.SHUTDOWN)

    def reclaim(self, idle: float) -> Iterator[Callable[[], None]]:
        """Yield, for each instance that was idle for more than so many seconds, the step that ends it; a failure is tried again."""
        now = time.monotonic()
        for instance in list(self._idle):
            if not instance.alive or (now - instance.idle_since > idle and self.spare):
                self._ending.append(instance)
                self._idle.remove(instance)
        for instance in list(self._ending):
            yield partial(self._end, instance)

    def _end(self, instance: Instance) -> None:
        self._close(instance)
        self._ending.remove(instance)

    @property
    def spare(self) -> Instance | None:
        """The instance that has waited for a request for longest, if that many need not be kept."""
        return self._idle[0] if self._idle and self.usable > self.minimum else None

    @property
    def usable(self) -> int:
        """The number of instances that can serve requests, or do."""
        return len([instance for instance in (*self._idle, *self._busy) if instance.alive])

    def end_longest_idle(self) -> None:
        """End the instance that has waited for a request for longest."""
        self._close(self._idle[0])
        del self._idle[0]

    def _close(self, instance: Instance) -> None:
        instance.close()
        if instance in self._housed:
            self._housed.discard(instance)
            self._supplies.host.ports.rooms.give_back(ROOM)

    async def run(
        self, payload: bytes, *, request_id: str, log: InvocationLog, operation: str = INVOKE
    ) -> tuple[Answer, Instance]:
        """Run one request on an instance of its own.

        Returns:
            The answer, and the instance that gave it (which may have ended).

        Raises:
            FcError: ResourceExhausted, InstanceNotAllowed.
        """
        instance = await self._take(log)
        try:
            answer = await run_request(instance, payload, request_id=request_id, log=log, operation=operation)
        except BaseException:
            self._close(instance)  # it may still be at work, so it can serve nobody else
            raise
        finally:
            self._give_back(instance)
        return answer, instance

    async def start_ahead(self, log: InvocationLog) -> str | None:
        """Start an instance and run its initializer; it waits for a request then.

        Returns:
            Why its initializer failed; None: it did not.

        Raises:
            FcError: ResourceExhausted, InstanceNotAllowed.
        """
        instance = await self._start(log)
        try:
            failed = await initialize(instance, new_request_id(), log)
        except BaseException:
            self._close(instance)
            raise
        finally:
            self._give_back(instance)
        return failed.body.decode(errors="replace")[:1000] if failed else None

    async def _take(self, log: InvocationLog) -> Instance:
        while self._idle:
            instance = self._idle.pop()
            if instance.alive:
                self._busy.add(instance)
                return instance
            self._close(instance)
        return await self._start(log)

    async def _start(self, log: InvocationLog) -> Instance:
        supplies = self._supplies
        if len(self._busy) >= supplies.max_instances:
            raise FcError(
                "ResourceExhausted",
                f"{self._function.path} runs on {supplies.max_instances} instances already; try again later",
            )
        while not supplies.host.ports.rooms.take(ROOM):
            if not supplies.make_room():
                raise FcError(
                    "ResourceExhausted",
                    "no descriptors are left for another instance; try again later, or start the embedded cloud with a "
                    "higher limit (`ulimit -n`)",
                )
        instance = Instance(self._release, host=supplies.host)
        self._busy.add(instance)
        self._housed.add(instance)
        try:
            interpreter = await asyncio.to_thread(supplies.find_interpreter)
            environment = await supplies.make_environment()
            layers = await asyncio.to_thread(supplies.layer_folder, supplies.layers) if supplies.layers else None
            await instance.start(
                code=supplies.code, layers=layers, interpreter=interpreter, environment=environment, log=log
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
