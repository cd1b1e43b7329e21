"""The instances of all functions: a pool for each release, on one host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter

from localcloud.fc.instances.environment import Roles, make_environment
from localcloud.fc.instances.instance import Host, Instance
from localcloud.fc.instances.interpreters import Interpreter, find_interpreter
from localcloud.fc.instances.logs import InvocationLog, Logs
from localcloud.fc.instances.pool import Pool, Supplies
from localcloud.fc.instances.wire import INVOKE
from localcloud.fc.model import Answer, Function, Parts, Settings
from localcloud.fc.platform import RUNTIMES, Engine
from localcloud.fc.releases import Release
from localcloud.fc.store.code import CodeStore
from localcloud.fc.store.layers import LayerPackages

LAST_HOOKS = 3.0  # seconds for the hooks of instances when the embedded cloud ends


class Fleet:
    """Runs requests of functions on their instances.

    Args:
        host: what instances run on.
        settings: how they behave.
        roles: give them their credentials.
        code: holds their code packages.
        layers: holds the packages of their layers.
        logs: get what the hooks of instances print.
        packages_of: names the packages of layers, by the layers' ARNs.
    """

    def __init__(
        self,
        host: Host,
        *,
        settings: Settings,
        roles: Roles,
        code: CodeStore,
        layers: LayerPackages,
        packages_of: Callable[[Sequence[str]], tuple[str, ...]],
        logs: Logs,
    ) -> None:
        self._host = host
        self._settings = settings
        self._roles = roles
        self._code = code
        self._layers = layers
        self._logs = logs
        self._packages_of = packages_of
        self._pools: dict[tuple[str, str, str], Pool] = {}  # by the release's key
        self._minimums: Mapping[tuple[str, str, str], tuple[int, int]] = {}
        self._retired: list[Pool] = []

    @property
    def instances(self) -> list[Instance]:
        """The instances that run."""
        return [instance for pool in self._all() for instance in pool.instances]

    @property
    def code_in_use(self) -> set[str]:
        """The names of the code packages that instances may still run."""
        return {pool.code for pool in self._all()}

    @property
    def layers_in_use(self) -> set[tuple[str, ...]]:
        """The names of the packages of layers that instances may still see together."""
        return {pool.layers for pool in self._all() if pool.layers}

    def _all(self) -> list[Pool]:
        return [*self._pools.values(), *self._retired]

    def check(self, function: Function) -> None:
        """Refuse a function whose runtime is not on this machine; it may take a moment.

        Raises:
            FcError: InstanceNotAllowed.
        """
        if RUNTIMES[function.runtime].engine is Engine.NODE:
            find_interpreter(function.runtime, self._settings.python)

    async def run(
        self,
        release: Release,
        payload: bytes,
        *,
        request_id: str,
        log: InvocationLog,
        operation: str = INVOKE,
        parts: Parts | None = None,
    ) -> tuple[Answer, Instance]:
        """Run one request of a function; see `Pool.run`."""
        return await self._pool(release).run(payload, request_id=request_id, log=log, operation=operation, parts=parts)

    def keep(self, minimums: Mapping[tuple[str, str, str], tuple[int, int]]) -> None:
        """Keep instances that have nothing to do: of some releases, by their keys, so many, some of them awake; see `Pool.keep`."""
        self._minimums = minimums
        for key, pool in self._pools.items():
            self._keep(key, pool)

    def _keep(self, key: tuple[str, str, str], pool: Pool) -> None:
        minimum, awake = self._minimums.get(key, (0, 0))
        pool.keep(minimum, awake=awake)

    def count(self, release: Release) -> int:
        """Return how many instances of a release can serve requests, or do, or start."""
        pool = self._pools.get(release.key)
        return pool.usable if pool else 0

    def count_ready(self, release: Release) -> int:
        """Return how many instances of a release have started, and can serve requests, or do."""
        pool = self._pools.get(release.key)
        return pool.ready if pool else 0

    async def start_ahead(self, release: Release, *, log: InvocationLog) -> str | None:
        """Start an instance that no request waits for; see `Pool.start_ahead`."""
        return await self._pool(release).start_ahead(log)

    def retire(self, path: str, *, version: str = "", at_once: bool = False) -> None:
        """End the instances of a function, busy ones after their request; the next request gets new ones.

        Args:
            path: the function's path.
            version: of its versions, the one whose instances end; empty: what is not published.
            at_once: end busy instances now.
        """
        for key in [key for key in self._pools if (key[0], key[2]) == (path, version)]:
            pool = self._pools.pop(key)
            pool.close() if at_once else pool.retire()
            self._retired.append(pool)

    def reclaim(self) -> Iterator[Callable[[], None]]:
        """Yield the steps that end the instances which have been idle for long enough."""
        for pool in self._all():
            yield from pool.reclaim(self._settings.idle)
        self._retired = [pool for pool in self._retired if pool.instances]

    async def stop(self) -> None:
        """End the instances that wait for requests, with a moment for their hooks."""
        for pool in self._all():
            pool.retire()
        await asyncio.gather(*(pool.settle(LAST_HOOKS) for pool in self._all()))

    async def close(self) -> None:
        """End all instances now."""
        for pool in self._all():
            pool.close()
        await asyncio.gather(*(pool.settle(0) for pool in self._all()))

    def _pool(self, release: Release) -> Pool:
        if release.key not in self._pools:
            settings, roles, function = self._settings, self._roles, release.function

            async def environment() -> Mapping[str, str]:
                return await asyncio.to_thread(make_environment, release, settings=settings, roles=roles)

            def interpreter() -> Interpreter:
                found = find_interpreter(function.runtime, settings.python, function.python)
                self._host.isolation.make_ready(found)
                return found

            supplies = Supplies(
                code=self._code.folder(function.code),
                layers=self._packages_of(function.layers),
                layer_folder=self._layers.folder,
                host=self._host,
                find_interpreter=interpreter,
                make_environment=environment,
                max_instances=settings.max_instances,
                make_room=self._make_room,
                begin_log=partial(self._logs.begin, release),
            )
            self._pools[release.key] = Pool(release, supplies)
            self._keep(release.key, self._pools[release.key])
        return self._pools[release.key]

    def _make_room(self) -> bool:
        """End the instance that has been idle for longest, of whichever function; return whether there was one."""
        idle = [(each.idle_since, pool) for pool in self._pools.values() if (each := pool.spare)]
        if idle:
            min(idle, key=itemgetter(0))[1].end_longest_idle()
        return bool(idle)
