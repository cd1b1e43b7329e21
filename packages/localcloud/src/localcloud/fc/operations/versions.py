"""Versions of services (FC 2.0) and of functions (FC 3.0): what a publication keeps as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from localcloud.fc.errors import FcError
from localcloud.fc.instances.fleet import Fleet
from localcloud.fc.model import Function, Service
from localcloud.fc.operations.functions import FunctionOperations
from localcloud.fc.operations.services import ServiceOperations
from localcloud.fc.releases import Version
from localcloud.fc.store.resources import FcStore


class VersionOperations:
    """The versions of the account, by the paths of what was published: `services/S` or `functions/F`.

    Args:
        store: keeps them.
        services: those of FC 2.0 are published with their functions.
        functions: those of FC 3.0 are published each by itself.
        fleet: runs their instances.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        store: FcStore,
        *,
        services: ServiceOperations,
        functions: FunctionOperations,
        fleet: Fleet,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._services = services
        self._functions = functions
        self._fleet = fleet
        self._clock = clock

    def publish(self, owner: str, *, description: str = "") -> Version:
        """Publish a service or a function as it is now. An update that changes nothing is a change (suite of devsapp/fc3).

        Raises:
            FcError: ServiceNotFound, FunctionNotFound; VersionPublishError: nothing has changed since the last version.
        """
        service, current = self.unpublished(owner)
        functions = tuple(replace(each, disabled=None) for each in current)  # the function's own switch is asked
        before = self._store.versions_of(owner)
        if before and (before[-1].service, before[-1].functions) == (service, functions):
            raise FcError("VersionPublishError", f"{owner} has not changed since version {before[-1].id}")
        number = self._store.last_versions.get(owner, 0) + 1
        now = self._clock()
        version = Version(
            owner=owner,
            id=str(number),
            functions=functions,
            service=service,
            description=description,
            created=now,
            modified=now,
        )
        self._store.versions[owner, version.id] = version
        self._store.last_versions[owner] = number
        self._store.save()
        return version

    def unpublished(self, owner: str) -> tuple[Service | None, tuple[Function, ...]]:
        """Return what a publication would keep.

        Raises:
            FcError: ServiceNotFound, FunctionNotFound.
        """
        kind, _, name = owner.partition("/")
        if kind == "services":
            return self._services.get(name), tuple(self._functions.all(name))
        return None, (self._functions.get(owner),)

    def get(self, owner: str, version: str) -> Version:
        """Return a version.

        Raises:
            FcError: VersionNotFound.
        """
        if (owner, version) not in self._store.versions:
            raise FcError("VersionNotFound", f"version '{version}' of {owner} does not exist")
        return self._store.versions[owner, version]

    def all(self, owner: str) -> list[Version]:
        """Return the versions of a service or function, from the first to the last.

        Raises:
            FcError: ServiceNotFound, FunctionNotFound.
        """
        self.unpublished(owner)
        return self._store.versions_of(owner)

    def delete(self, owner: str, version: str) -> None:
        """Delete a version; its instances end after their requests. An alias that leads to it leads nowhere then.

        Raises:
            FcError: VersionNotFound.
        """
        deleted = self.get(owner, version)
        del self._store.versions[owner, version]
        self._store.save()
        for function in deleted.functions:
            self._fleet.retire(function.path, version=version)
