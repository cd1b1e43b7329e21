"""The instances of all functions: a pool for each, on one host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter

from localcloud.fc.instances.environment import Roles, make_environment
from localcloud.fc.instances.instance import Host, Instance
from localcloud.fc.instances.interpreters import find_interpreter
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.pool import Pool
from localcloud.fc.model import Answer, Function, Settings
from localcloud.fc.store.code import CodeStore
from localcloud.fc.store.resources import FcStore


class Fleet:
    """Runs requests of functions on their instances.

    Args:
        host: what instances run on.
        settings: how they behave.
        roles: give them their credentials.
        store: holds the functions' services.
        code: holds their code packages.
    """

    def __init__(self, host: Host, *, settings: Settings, roles: Roles, store: FcStore, code: CodeStore) -> None:
        self._host = host
        self._settings = settings
        self._roles = roles
        self._store = store
        self._code = code
        self._pools: dict[str, Pool] = {}  # by the function's path
        self._retired: list[Pool] = []

    @property
    def instances(self) -> list[Instance]:
        """The instances that run."""
        return [instance for pool in self._all() for instance in pool.instances]

    @property
    def code_in_use(self) -> set[str]:
        """The names of the code packages that instances may still run."""
        return {pool.code for pool in self._all()}

    def _all(self) -> list[Pool]:
        return [*self._pools.values(), *self._retired]

    async def run(
        self, function: Function, payload: bytes, *, request_id: str, log: InvocationLog
    ) -> tuple[Answer, Instance]:
        """Run one request of a function; see `Pool.run`."""
        return await self._pool(function).run(payload, request_id=request_id, log=log)

    def retire(self, path: str) -> None:
        """End the instances of a function, busy ones after their request; the next request gets new ones."""
        pool = self._pools.pop(path, None)
        if pool:
            pool.retire()
            self._retired.append(pool)

    def reclaim(self) -> Iterator[Callable[[], None]]:
        """Yield the steps that end the instances which have been idle for long enough."""
        for pool in self._all():
            yield from pool.reclaim(self._settings.idle)
        self._retired = [pool for pool in self._retired if pool.instances]

    def close(self) -> None:
        """End all instances now."""
        for pool in self._all():
            pool.close()

    def _pool(self, function: Function) -> Pool:
        if function.path not in self._pools:
            settings, roles = self._settings, self._roles
            service = self._store.services.get(function.service)

            async def environment() -> Mapping[str, str]:
                return await asyncio.to_thread(make_environment, function, service, settings=settings, roles=roles)

            self._pools[function.path] = Pool(
                function,
                service,
                code=self._code.folder(function.code),
                host=self._host,
                find_interpreter=lambda: find_interpreter(function.runtime, settings.python, function.python),
                make_environment=environment,
                max_instances=settings.max_instances,
                make_room=self._make_room,
            )
        return self._pools[function.path]

    def _make_room(self) -> bool:
        """End the instance that has been idle for longest, of whichever function; return whether there was one."""
        idle = [(each.idle_since, pool) for pool in self._pools.values() if (each := pool.longest_idle)]
        if idle:
            min(idle, key=itemgetter(0))[1].end_longest_idle()
        return bool(idle)
