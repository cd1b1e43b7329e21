"""Function Compute of one account in one region: its operations, on one store and one fleet of instances."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from localcloud.fc.instances.cpu import open_cpu_groups
from localcloud.fc.instances.delivery import Deliver
from localcloud.fc.instances.environment import Roles
from localcloud.fc.instances.fleet import Fleet
from localcloud.fc.instances.instance import Host, Instance
from localcloud.fc.instances.interpreters import check_interpreter
from localcloud.fc.instances.isolation import choose_isolation
from localcloud.fc.instances.logs import Logs
from localcloud.fc.instances.network import Ports
from localcloud.fc.instances.sweep import repeat
from localcloud.fc.model import Settings
from localcloud.fc.operations.aliases import AliasOperations
from localcloud.fc.operations.async_tasks import AsyncTaskOperations
from localcloud.fc.operations.configs import ConfigOperations
from localcloud.fc.operations.destinations import Destination
from localcloud.fc.operations.domains import DomainOperations
from localcloud.fc.operations.functions import FunctionOperations
from localcloud.fc.operations.invocations import InvocationOperations
from localcloud.fc.operations.layers import LayerOperations
from localcloud.fc.operations.log_triggers import Logstores, LogTriggers
from localcloud.fc.operations.packages import Objects, PackageReader
from localcloud.fc.operations.provisioning import Provisioning
from localcloud.fc.operations.services import ServiceOperations
from localcloud.fc.operations.tags import TagOperations
from localcloud.fc.operations.tasks import Tasks
from localcloud.fc.operations.timers import Timers
from localcloud.fc.operations.triggers import TriggerOperations
from localcloud.fc.operations.uploads import Buckets, CodeUploads, Lender
from localcloud.fc.operations.versions import VersionOperations
from localcloud.fc.store.code import CodeStore
from localcloud.fc.store.file_systems import FileSystems
from localcloud.fc.store.layers import LayerPackages
from localcloud.fc.store.pending import PendingInvocations
from localcloud.fc.store.positions import LogPositions
from localcloud.fc.store.resources import FcStore
from localcloud.fc.store.tasks import TaskStore
from localcloud.oss.model import ObjectEvent

SWEEP = 1.0  # seconds between two looks for idle instances


class Credentials(Roles, Lender, Protocol):
    """The credentials of an account."""


class FcService:
    """The operations by resource. They belong to one event loop; a change is on disk when its method returns.

    Args:
        folder: where its state, code, logs and instances lie.
        settings: how it behaves.
        roles: gives instances and clients their credentials.
        objects: where code packages may lie.
        buckets: where clients may put them, and whose objects fire triggers.
        logstores: whose logs fire triggers.
        deliver: writes to logstores.
        clock: seconds since the epoch.

    Raises:
        LocalCloudError: its state cannot be read, the Python that it was told to use does not run, or this machine does not let it
            limit the vCPU of instances.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Settings,
        roles: Credentials,
        objects: Objects,
        buckets: Buckets,
        logstores: Logstores,
        deliver: Deliver,
        clock: Callable[[], float],
    ) -> None:
        if settings.python is not None:
            check_interpreter(settings.python)
        self.settings = settings
        self.ports = Ports()  # to be opened once the embedded cloud listens
        self._host = Host(
            folder=folder / "instances",
            isolation=choose_isolation(
                folder / "surroundings",
                file_systems=FileSystems(folder / "nas"),
                unsandboxed=settings.unsandboxed,
                authority=settings.authority,
            ),
            cpu_groups=open_cpu_groups() if settings.limit_cpu else None,
            ports=self.ports,
            gateway=settings.gateway,
            authority=settings.authority,
        )
        code = CodeStore(folder / "code")
        self._logs = logs = Logs(folder / "logs", deliver=deliver, clock=clock)
        store = FcStore(folder)
        layers = LayerPackages(folder / "layers")
        reader = PackageReader(objects)
        self.layers = LayerOperations(store, layers, reader=reader, settings=settings, clock=clock)
        self._fleet = fleet = Fleet(
            self._host,
            settings=settings,
            roles=roles,
            code=code,
            layers=layers,
            packages_of=self.layers.packages_of,
            logs=logs,
        )
        self.services = ServiceOperations(store, fleet=fleet, clock=clock)
        self.functions = FunctionOperations(
            store, code, services=self.services, fleet=fleet, layers=self.layers, reader=reader, clock=clock
        )
        self.versions = VersionOperations(
            store, services=self.services, functions=self.functions, fleet=fleet, clock=clock
        )
        self.aliases = AliasOperations(store, versions=self.versions, clock=clock)
        self.triggers = TriggerOperations(
            store,
            functions=self.functions,
            aliases=self.aliases,
            buckets=buckets,
            region=settings.region,
            logstores=logstores,
            clock=clock,
        )
        self.domains = DomainOperations(store, clock=clock)
        self.tags = TagOperations(store, services=self.services, functions=self.functions, settings=settings)
        self.configs = ConfigOperations(store, aliases=self.aliases, settings=settings, clock=clock)
        self.async_tasks = AsyncTaskOperations(TaskStore(folder / "tasks"), clock=clock)
        self.uploads = CodeUploads(buckets, roles, settings)
        self.provisioning = Provisioning(configs=self.configs, aliases=self.aliases, fleet=fleet, logs=logs)
        self.invocations = InvocationOperations(
            aliases=self.aliases,
            triggers=self.triggers,
            fleet=fleet,
            logs=logs,
            pending=PendingInvocations(folder / "pending"),
            configs=self.configs,
            tasks=self.async_tasks,
            deliver={"fc": self._invoke_destination},
            settings=settings,
            clock=clock,
        )
        self._timers = Timers(triggers=self.triggers.everywhere, fire=self.invocations.fire_timer, clock=clock)
        self._log_triggers = LogTriggers(
            triggers=self.triggers.everywhere,
            logstores=logstores,
            positions=LogPositions(folder / "log-triggers.json"),
            invoke=self.invocations.invoke_by,
            report=logs.report,
            region=settings.region,
            pause=settings.retries.backoff,
            clock=clock,
        )
        self.now = clock
        self.functions.drop_unused_code()  # what a killed process left
        self._tasks = Tasks()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def isolation(self) -> str:
        """The way that instances are kept apart: `bubblewrap`, `unsandboxed`, or `missing` where none is started."""
        return self._host.isolation.kind

    @property
    def instances(self) -> list[Instance]:
        """The instances that run."""
        return self._fleet.instances

    async def open(self) -> None:
        """Begin to reclaim idle instances, and go on with accepted invocations; call it in the event loop that serves requests.

        Raises:
            LocalCloudError: an accepted invocation cannot be read.
        """
        shutil.rmtree(self._host.folder, ignore_errors=True)  # what a killed process left
        self._loop = asyncio.get_running_loop()
        self._tasks.begin(repeat(SWEEP, self._sweep))
        self.invocations.resume()

    async def stop(self) -> None:
        """End the instances that wait for requests, while all services still answer their hooks."""
        await self._fleet.stop()

    async def close(self) -> None:
        """End all instances. Asynchronous invocations that are not done go on after the next start."""
        await self._tasks.cancel()
        await self._log_triggers.close()
        await self.invocations.close()
        await self.provisioning.close()
        await self._fleet.close()
        await self._logs.close()
        if self._host.cpu_groups is not None:
            await asyncio.to_thread(self._host.cpu_groups.close)

    def on_object_event(self, event: ObjectEvent) -> None:
        """Fire the triggers that an object's event fires; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.invocations.fire, event)

    def _invoke_destination(self, function: Destination, result: bytes) -> None:
        self.invocations.invoke_async(function.name, result, qualifier=function.qualifier)

    def _sweep(self) -> Iterator[Callable[[], None]]:
        """Yield the steps of one sweep; each is done whether or not those before it failed."""
        yield from self._fleet.reclaim()
        yield self._timers.sweep
        yield self._log_triggers.sweep
        yield self.provisioning.sweep
        yield self.functions.drop_unused_code
        yield partial(self.layers.drop_unused, self._fleet.layers_in_use)
