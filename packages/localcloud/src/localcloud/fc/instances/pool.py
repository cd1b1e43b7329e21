"""The instances of one release of a function: reuse a warm one, start another for a parallel request, end idle ones.

A request takes a seat in an instance, of as many as the function permits; the last one that leaves has it frozen. Before that, and
before an instance is taken down, its hooks run, while nobody waits. A new configuration retires the instances of the old one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import insort
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from localcloud.fc.errors import FcError
from localcloud.fc.instances.instance import Host, Instance
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.requests import initialize, invoke, new_request_id, run_hook
from localcloud.fc.instances.wire import INVOKE, PRE_FREEZE, PRE_STOP
from localcloud.fc.model import Answer, EndReason, InstanceState, Parts
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
        find_interpreter: returns the Python for the function, with what its instances share made.
        make_environment: returns the environment of a new instance, with fresh credentials.
        max_instances: how many may run at once.
        make_room: ends an instance of any function that is idle; False: there is none.
        begin_log: begins a log for the hooks that run while nobody waits.
    """

    code: Path
    layers: tuple[str, ...] = ()
    layer_folder: Callable[[tuple[str, ...]], Path] = lambda layers: Path()
    host: Host
    find_interpreter: Callable[[], Interpreter]
    make_environment: Callable[[], Coroutine[None, None, Mapping[str, str]]]
    max_instances: int
    make_room: Callable[[], bool]
    begin_log: Callable[[], InvocationLog]


class _Seats:
    """The seats in an instance that serves requests."""

    def __init__(self) -> None:
        self.taken = 1
        self.ready = asyncio.Event()  # it has started and run its initializer, or will never


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
        self._idle: list[Instance] = []  # by the time since which they are, the most recently used last
        self._busy: dict[Instance, _Seats] = {}  # the oldest first
        self._tired: set[Instance] = set()  # those that are about to be frozen
        self._ending: list[Instance] = []  # nobody gets them any more
        self._hooks: dict[Instance, asyncio.Task[None]] = {}  # that run while nobody waits
        self._housed: set[Instance] = set()  # those that have their room
        self._retired = False
        self._closed = False
        self.minimum = 0  # instances that are kept, however long they are idle
        self._awake = 0  # of these, those that go on between requests

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
        return [*dict.fromkeys((*self._idle, *self._busy, *self._hooks, *self._ending))]

    def keep(self, minimum: int, *, awake: int) -> None:
        """Keep instances that have nothing to do.

        Args:
            minimum: the number of instances.
            awake: of these, those that go on between requests; all others are frozen.
        """
        self.minimum = minimum
        if awake != self._awake:
            self._awake = awake
            idle, self._idle = self._idle, []
            for instance in sorted(idle, key=lambda each: not each.awake):  # those that are awake stay it
                self._rest(instance)

    def retire(self) -> None:
        """End idle instances now, and busy ones after their requests."""
        self._retired = True
        while self._idle:
            self._take_down(self._idle.pop())

    def close(self) -> None:
        """End all instances now, without their hooks."""
        self._closed = True
        self.retire()
        for instance in self._busy:
            instance.kill(EndReason.SHUTDOWN)

    async def settle(self, seconds: float) -> None:
        """Wait until the hooks that run are done, for so many seconds at most; what is left then ends."""
        if self._hooks:
            await asyncio.wait(self._hooks.values(), timeout=seconds)
        for hook in list(self._hooks.values()):
            hook.cancel()
        await asyncio.gather(*self._hooks.values(), return_exceptions=True)

    def reclaim(self, idle: float) -> Iterator[Callable[[], None]]:
        """Yield, for each instance that was idle for more than so many seconds, the step that ends it; a failure is tried again."""
        now = time.monotonic()
        for instance in list(self._idle):
            if not instance.alive or (now - instance.idle_since > idle and self.spare):
                self._idle.remove(instance)
                self._ending.append(instance)
        for instance in list(self._ending):
            yield partial(self._end, instance)

    def _end(self, instance: Instance) -> None:
        self._take_down(instance)
        self._ending.remove(instance)

    @property
    def spare(self) -> Instance | None:
        """The instance that has waited for a request for longest, if that many need not be kept."""
        return self._idle[0] if self._idle and self.usable > self.minimum else None

    @property
    def usable(self) -> int:
        """The number of instances that can serve requests, or do, or start."""
        return len([each for each in {*self._idle, *self._busy, *self._hooks} if each.alive and not each.exhausted])

    @property
    def ready(self) -> int:
        """The number of instances that have started and run their initializer, and can serve requests, or do."""
        starting = [each for each, seats in self._busy.items() if not seats.ready.is_set()]
        return self.usable - len([each for each in starting if each.alive and not each.exhausted])

    def end_longest_idle(self) -> None:
        """End the instance that has waited for a request for longest; there is no room for its hooks."""
        self._close(self._idle[0])
        del self._idle[0]

    def _take_down(self, instance: Instance) -> None:
        """End an instance, after its hook if it has one."""
        if instance.alive and self._function.pre_stop and not self._closed:
            instance.exhausted = True
            self._begin_hook(instance, self._stop(instance))
        else:
            self._close(instance)

    def _begin_hook(self, instance: Instance, work: Coroutine[None, None, None]) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:
                logger.exception("a hook of instance %s of %s failed", instance.id, self._function.path)
                instance.kill()
                self._ending.append(instance)
            except BaseException:
                self._close(instance)
                raise
            finally:
                if self._hooks[instance] is asyncio.current_task():  # not another one that it has begun
                    del self._hooks[instance]

        self._hooks[instance] = asyncio.create_task(run())

    def _begin_log(self, instance: Instance) -> InvocationLog:
        """Begin the log of what an instance does without a request."""
        log = self._supplies.begin_log()
        log.name_instance(instance.id)
        return log

    async def _stop(self, instance: Instance) -> None:
        await run_hook(instance, PRE_STOP, self._begin_log(instance))
        self._close(instance)

    async def _freeze_after_hook(self, instance: Instance) -> None:
        await run_hook(instance, PRE_FREEZE, self._begin_log(instance))
        self._settle_down(instance)

    def _close(self, instance: Instance) -> None:
        instance.close()
        if instance in self._housed:
            self._housed.discard(instance)
            self._supplies.host.ports.rooms.give_back(ROOM)

    async def run(
        self,
        payload: bytes,
        *,
        request_id: str,
        log: InvocationLog,
        operation: str = INVOKE,
        parts: Parts | None = None,
    ) -> tuple[Answer, Instance]:
        """Run one request in a seat of an instance; a response that comes in parts goes to `parts`.

        Returns:
            The answer, and the instance that gave it (which may have ended).

        Raises:
            FcError: ResourceExhausted, InstanceNotAllowed.
        """
        instance = await self._take(log)
        log.name_instance(instance.id)
        try:
            if instance.warning:
                log.line(f"FC Warning: {instance.warning}")
            answer = await self._initialize(instance, request_id, log) or await invoke(
                instance, payload, request_id=request_id, log=log, operation=operation, parts=parts
            )
        except BaseException:
            self._abandon(instance)
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
            failed = await self._initialize(instance, new_request_id(), log)
        except BaseException:
            self._abandon(instance)
            raise
        finally:
            self._give_back(instance)
        return failed.body.decode(errors="replace")[:1000] if failed else None

    async def _initialize(self, instance: Instance, request_id: str, log: InvocationLog) -> Answer | None:
        """Run the initializer, if nobody has; whoever waits for a seat gets it then."""
        failed = await initialize(instance, request_id, log)
        self._busy[instance].ready.set()
        return failed

    def _abandon(self, instance: Instance) -> None:
        """Let an instance end whose request was given up: it may still be at work, so it can serve nobody else."""
        instance.exhausted = True
        if self._busy[instance].taken == 1:
            self._close(instance)

    async def _take(self, log: InvocationLog) -> Instance:
        """Return an instance in which the caller has a seat."""
        while True:
            if self._idle:
                instance = self._idle.pop()
                if instance.alive:
                    seats = self._busy[instance] = _Seats()
                    seats.ready.set()
                    return instance
                self._close(instance)
            elif instance_seats := self._free_seat():
                instance, seats = instance_seats
                seats.taken += 1
                try:
                    await seats.ready.wait()
                except BaseException:
                    self._give_back(instance)
                    raise
                if instance.alive and not instance.exhausted:
                    return instance
                self._give_back(instance)
            elif freezing := self._freezing():
                await asyncio.wait([freezing])
            else:
                return await self._start(log)

    def _free_seat(self) -> tuple[Instance, _Seats] | None:
        for instance, seats in self._busy.items():
            starts = not seats.ready.is_set()
            if seats.taken < self._function.concurrency and (starts or instance.alive) and not instance.exhausted:
                return instance, seats
        return None

    def _freezing(self) -> asyncio.Task[None] | None:
        """Return the hook of an instance that is about to be idle."""
        return next((hook for instance, hook in self._hooks.items() if not instance.exhausted), None)

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
        log.name_instance(instance.id)
        self._busy[instance] = _Seats()
        self._housed.add(instance)
        environment = asyncio.create_task(supplies.make_environment())
        try:
            interpreter = await asyncio.to_thread(supplies.find_interpreter)
            layers = await asyncio.to_thread(supplies.layer_folder, supplies.layers) if supplies.layers else None
            await instance.start(
                code=supplies.code, layers=layers, interpreter=interpreter, environment=environment, log=log
            )
        except BaseException:
            instance.exhausted = True
            self._give_back(instance)
            environment.cancel()
            await asyncio.gather(environment, return_exceptions=True)
            raise
        return instance

    def _give_back(self, instance: Instance) -> None:
        """Leave a seat; an instance that nobody has a seat in any more waits for requests, or ends."""
        seats = self._busy[instance]
        seats.taken -= 1
        seats.ready.set()
        if seats.taken:
            return
        del self._busy[instance]
        usable = instance.alive and (instance.initialized or not self._function.initializer)
        if not usable or instance.exhausted:
            self._close(instance)
        else:
            instance.idle_since = time.monotonic()
            self._rest(instance)

    def _rest(self, instance: Instance) -> None:
        """Let an instance that has nothing to do wait for requests, after its hook if it is to be frozen and has one."""
        is_awake = instance.state is InstanceState.RUNNING and instance not in self._tired
        freezes = is_awake and not (self._retired or self._lacks_awake)
        if freezes and instance.alive and self._function.pre_freeze:
            self._begin_hook(instance, self._freeze_after_hook(instance))
        else:
            self._settle_down(instance)

    @property
    def _lacks_awake(self) -> bool:
        """Fewer instances go on between requests than are to."""
        return len([each for each in self._idle if each.awake]) < self._awake

    def _settle_down(self, instance: Instance) -> None:
        """Let an instance that has nothing to do wait for requests: soon frozen, unless it is to go on."""
        if not instance.alive:
            self._close(instance)
            return
        if self._retired:
            self._take_down(instance)
            return
        goes_on = self._lacks_awake
        insort(self._idle, instance, key=lambda each: each.idle_since)  # it may have rested before
        if goes_on:
            self._tired.discard(instance)
            self._or_end(instance, lambda: instance.stay_awake(self._begin_log(instance)))
        elif instance.state is not InstanceState.FROZEN:
            self._tired.add(instance)  # finding all of its processes takes a moment: its answer goes first
            asyncio.get_running_loop().call_soon(self._freeze, instance)

    def _freeze(self, instance: Instance) -> None:
        """Freeze an instance that waits for requests, unless it has got one meanwhile."""
        if instance in self._tired:
            self._tired.discard(instance)
            if instance in self._idle:
                self._or_end(instance, instance.freeze)

    def _or_end(self, instance: Instance, step: Callable[[], None]) -> None:
        """Do something with an idle instance, and end it if that fails."""
        try:
            step()
        except OSError:
            logger.exception("instance %s of %s is ended: it cannot be frozen", instance.id, self._function.path)
            self._idle.remove(instance)
            self._close(instance)
