"""Services of FC 2.0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from localcloud.fc.errors import FcError
from localcloud.fc.instances.fleet import Fleet
from localcloud.fc.model import Service
from localcloud.fc.operations.attachments import check_attachments
from localcloud.fc.operations.rules import check_name
from localcloud.fc.store.resources import FcStore


class ServiceOperations:
    """The services of the account.

    Args:
        store: keeps them.
        fleet: runs instances with their settings.
        clock: seconds since the epoch.
    """

    def __init__(self, store: FcStore, *, fleet: Fleet, clock: Callable[[], float]) -> None:
        self._store = store
        self._fleet = fleet
        self._clock = clock

    def create(self, service: Service) -> Service:
        """Create a service.

        Raises:
            FcError: ServiceAlreadyExists, InvalidArgument.
        """
        check_name("serviceName", service.name)
        check_attachments(service.vpc, service.nas, generation=2)
        if service.name in self._store.services:
            raise FcError("ServiceAlreadyExists", f"service '{service.name}' already exists")
        return self._put(replace(service, created=self._clock()))

    def get(self, name: str) -> Service:
        """Return a service.

        Raises:
            FcError: ServiceNotFound.
        """
        if name not in self._store.services:
            raise FcError("ServiceNotFound", f"service '{name}' does not exist")
        return self._store.services[name]

    def all(self) -> list[Service]:
        """Return all services in order of their names."""
        return sorted(self._store.services.values(), key=lambda each: each.name)

    def update(self, service: Service) -> Service:
        """Replace a service's settings; its functions get new instances.

        Raises:
            FcError: ServiceNotFound, InvalidArgument.
        """
        self.get(service.name)
        check_attachments(service.vpc, service.nas, generation=2)
        for function in self._store.functions_of(service.name):
            self._fleet.retire(function.path)
        return self._put(service)

    def delete(self, name: str) -> None:
        """Delete a service without functions, versions and aliases.

        Raises:
            FcError: ServiceNotFound, ServiceNotEmpty.
        """
        self.get(name)
        owner = f"services/{name}"
        has = {
            "functions": self._store.functions_of(name),
            "versions": self._store.versions_of(owner),
            "aliases": self._store.aliases_of(owner),
        }
        for what, found in has.items():
            if found:
                raise FcError("ServiceNotEmpty", f"service '{name}' still has {what}; delete them first")
        del self._store.services[name]
        self._store.last_versions.pop(owner, None)
        self._store.forget(owner)
        self._store.save()

    def _put(self, service: Service) -> Service:
        service = replace(service, modified=self._clock())
        self._store.services[service.name] = service
        self._store.save()
        return service
