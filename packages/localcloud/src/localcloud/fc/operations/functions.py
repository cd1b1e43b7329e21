"""Functions of both generations, and their code packages."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from localcloud.fc.errors import FcError
from localcloud.fc.instances.fleet import Fleet
from localcloud.fc.model import Code, Function, Permit, anybody
from localcloud.fc.operations.layers import LayerOperations
from localcloud.fc.operations.packages import PackageReader
from localcloud.fc.operations.rules import check_function
from localcloud.fc.operations.services import ServiceOperations
from localcloud.fc.platform import MAX_CODE_OSS
from localcloud.fc.store.code import CodeStore
from localcloud.fc.store.resources import FcStore


class FunctionOperations:
    """The functions of the account, by their paths: `services/S/functions/F` (FC 2.0) or `functions/F` (FC 3.0).

    Args:
        store: keeps them.
        code: keeps their code packages.
        services: those of FC 2.0 belong to one.
        fleet: runs their instances.
        layers: they may name some.
        reader: reads code packages.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        store: FcStore,
        code: CodeStore,
        *,
        services: ServiceOperations,
        fleet: Fleet,
        layers: LayerOperations,
        reader: PackageReader,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._code = code
        self._services = services
        self._fleet = fleet
        self._layers = layers
        self._reader = reader
        self._clock = clock
        self._changing = asyncio.Lock()  # held while a code package is unpacked that no function names yet

    async def create(self, function: Function, code: Code, *, permit: Permit = anybody) -> Function:
        """Create a function.

        Args:
            function: the function.
            code: its code package.
            permit: asked for the object that the package is, and for the target of a symlink, before anything is said of it.

        Raises:
            FcError: ServiceNotFound, FunctionAlreadyExists, InvalidArgument, InstanceNotAllowed (its runtime is not on this
                machine), and what `permit` raises.
        """
        async with self._changing:
            self._check_new(function)
            await asyncio.to_thread(self._fleet.check, function)
            function = await self._with_code(function, code, permit)
            self._check_new(function)  # its service may be gone by now
            complete = replace(function, function_id=str(uuid.uuid4()), created=self._clock())
            return self._put(complete)

    def _check_new(self, function: Function) -> None:
        if function.service:
            self._services.get(function.service)
        check_function(function)
        self._layers.check(function, None)
        if function.path in self._store.functions:
            raise FcError("FunctionAlreadyExists", f"function '{function.name}' already exists")

    def get(self, path: str) -> Function:
        """Return a function.

        Raises:
            FcError: FunctionNotFound, ServiceNotFound.
        """
        if path not in self._store.functions:
            parts = path.split("/")
            if parts[0] == "services":
                self._services.get(parts[1])
            raise FcError("FunctionNotFound", f"function '{parts[-1]}' does not exist")
        return self._store.functions[path]

    def all(self, service: str) -> list[Function]:
        """Return the functions of a service (empty: those of FC 3.0) in order of their names.

        Raises:
            FcError: ServiceNotFound.
        """
        if service:
            self._services.get(service)
        return self._store.functions_of(service)

    async def update(self, function: Function, code: Code | None, *, permit: Permit = anybody) -> Function:
        """Replace a function's settings, and its code when there is some; its instances end after their requests.

        `permit` is asked as in `create`.

        Raises:
            FcError: FunctionNotFound, ServiceNotFound, InvalidArgument, InstanceNotAllowed, and what `permit` raises.
        """
        async with self._changing:
            before = self.get(function.path)
            check_function(function)
            self._layers.check(function, before)
            await asyncio.to_thread(self._fleet.check, function)
            if code is not None:
                function = await self._with_code(function, code, permit)
                self.get(function.path)  # it may be gone by now
            updated = self._put(function)
            self._fleet.retire(function.path)
            return updated

    def delete(self, path: str) -> None:
        """Delete a function with its triggers, and its versions and aliases (FC 3.0); its instances end after their requests.

        Raises:
            FcError: FunctionNotFound, ServiceNotFound.
        """
        self.get(path)
        for trigger in self._store.triggers_of(path):
            del self._store.triggers[path, trigger.name]
        for version in self._store.versions_of(path):
            del self._store.versions[path, version.id]
            self._fleet.retire(path, version=version.id)
        for alias in self._store.aliases_of(path):
            del self._store.aliases[path, alias.name]
        self._store.last_versions.pop(path, None)
        self._store.forget(path)
        del self._store.functions[path]
        self._store.save()
        self._fleet.retire(path)

    def enable(self, path: str) -> None:
        """Let everybody invoke a function who may.

        Raises:
            FcError: FunctionNotFound.
        """
        self._put(replace(self.get(path), disabled=None))

    def disable(self, path: str, *, reason: str, abort: bool) -> None:
        """Let nobody invoke a function, nor its versions.

        Args:
            path: the function's path.
            reason: told to whoever tries.
            abort: end what runs now, too.

        Raises:
            FcError: FunctionNotFound.
        """
        self._put(replace(self.get(path), disabled=reason))
        for version in ("", *(each.id for each in self._store.versions_of(path))):
            self._fleet.retire(path, version=version, at_once=abort)

    def package(self, name: str) -> Path:
        """Return the zip file of a code package, by its name in the store."""
        return self._code.archive(name)

    def drop_unused_code(self) -> None:
        """Remove the code packages that neither a function nor an instance uses, unless one is on its way to a function."""
        if not self._changing.locked():
            self._code.drop(keep=self._fleet.code_in_use | {each.code for each in self._store.all_functions()})

    def _put(self, function: Function) -> Function:
        function = replace(function, modified=self._clock())
        self._store.functions[function.path] = function
        self._store.save()
        return function

    async def _with_code(self, function: Function, code: Code, permit: Permit) -> Function:
        content = await asyncio.to_thread(self._reader.read, code, permit, MAX_CODE_OSS)
        name, checksum = await asyncio.to_thread(self._code.add, content)
        return replace(function, code=name, code_checksum=checksum, code_size=len(content))
