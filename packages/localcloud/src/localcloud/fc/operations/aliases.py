"""Aliases of versions, and the release of a function that a qualifier leads to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

from localcloud.fc.errors import FcError
from localcloud.fc.model import Function, Service
from localcloud.fc.operations.rules import check_name
from localcloud.fc.operations.versions import VersionOperations
from localcloud.fc.releases import LATEST, Alias, Release, Version
from localcloud.fc.store.resources import FcStore


def owner_of(path: str) -> str:
    """Return the path of what is published when a function is: its service (FC 2.0), or itself."""
    return path.partition("/functions/")[0] if path.startswith("services/") else path


class AliasOperations:
    """The aliases of the account, by the paths of the services or functions whose versions they name.

    Args:
        store: keeps them.
        versions: they lead to these.
        clock: seconds since the epoch.
        draw: returns a number from 0 to 1, which chooses among an alias's versions.
    """

    def __init__(
        self,
        store: FcStore,
        *,
        versions: VersionOperations,
        clock: Callable[[], float],
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._versions = versions
        self._clock = clock
        self._draw = draw

    def create(self, alias: Alias) -> Alias:
        """Create an alias.

        Raises:
            FcError: ServiceNotFound, FunctionNotFound, AliasAlreadyExists, VersionNotFound, InvalidArgument.
        """
        self._versions.unpublished(alias.owner)
        if check_name("aliasName", alias.name) == LATEST:
            raise FcError("InvalidArgument", f"aliasName: {LATEST} names what is not published; choose another name")
        if (alias.owner, alias.name) in self._store.aliases:
            raise FcError("AliasAlreadyExists", f"alias '{alias.name}' of {alias.owner} already exists")
        return self._put(replace(alias, created=self._clock()))

    def get(self, owner: str, name: str) -> Alias:
        """Return an alias.

        Raises:
            FcError: AliasNotFound.
        """
        if (owner, name) not in self._store.aliases:
            raise FcError("AliasNotFound", f"alias '{name}' of {owner} does not exist")
        return self._store.aliases[owner, name]

    def all(self, owner: str) -> list[Alias]:
        """Return the aliases of a service or function in order of their names.

        Raises:
            FcError: ServiceNotFound, FunctionNotFound.
        """
        self._versions.unpublished(owner)
        return self._store.aliases_of(owner)

    def update(self, alias: Alias) -> Alias:
        """Replace what an alias leads to.

        Raises:
            FcError: AliasNotFound, VersionNotFound, InvalidArgument.
        """
        self.get(alias.owner, alias.name)
        return self._put(alias)

    def delete(self, owner: str, name: str) -> None:
        """Delete an alias.

        Raises:
            FcError: AliasNotFound.
        """
        self.get(owner, name)
        del self._store.aliases[owner, name]
        self._store.save()

    def _put(self, alias: Alias) -> Alias:
        for version in (alias.version, *alias.weights):
            self._versions.get(alias.owner, version)
        if any(not 0 <= share <= 1 for share in alias.weights.values()) or sum(alias.weights.values()) > 1:
            raise FcError("InvalidArgument", "additionalVersionWeight: expected shares from 0 to 1, together at most 1")
        alias = replace(alias, modified=self._clock())
        self._store.aliases[alias.owner, alias.name] = alias
        self._store.save()
        return alias

    def release(self, path: str, qualifier: str = "") -> Release:
        """Return the release of a function that a qualifier leads to; an alias with weights chooses anew each time.

        Args:
            path: the function's path.
            qualifier: a version's id or an alias's name; empty or LATEST: what is not published.

        Raises:
            FcError: FunctionNotFound, ServiceNotFound, VersionNotFound, AliasNotFound.
        """
        owner = owner_of(path)
        version = self._published(owner, qualifier, self._draw())
        if version is None:
            service, functions = self._versions.unpublished(owner)
            return Release(function=_find(functions, path), service=service)
        return Release(
            function=_find(version.functions, path), service=version.service, qualifier=qualifier, version=version.id
        )

    def invoked(self, path: str, qualifier: str = "") -> Release:
        """Return the release that an invocation finds.

        Raises:
            FcError: as `release`; AccessDenied: nobody may invoke the function, nor its versions.
        """
        found = self.release(path, qualifier)
        function = self._store.functions.get(path, found.function)
        if function.disabled is not None:
            raise FcError("AccessDenied", f"the invocation of {path} is disabled: {function.disabled}")
        return found

    def shown(self, path: str, qualifier: str = "") -> Function:
        """Return a function as a qualifier finds it; an alias shows its own version, whatever shares others have.

        Raises:
            FcError: as `release`.
        """
        return self.shares(path, qualifier)[0][0].function

    def shares(self, path: str, qualifier: str = "") -> list[tuple[Release, float]]:
        """Return the releases that a qualifier leads to, each with its share of the invocations.

        Raises:
            FcError: as `release`.
        """
        alias = self._store.aliases.get((owner_of(path), qualifier))
        if alias is None:
            return [(self.release(path, qualifier), 1.0)]
        further = {id_: share for id_, share in alias.weights.items() if id_ != alias.version}
        shares = {alias.version: 1.0 - sum(further.values()), **further}
        found = []
        for id_, share in shares.items():
            version = self._versions.get(alias.owner, id_)
            function = _find(version.functions, path)
            found.append((Release(function=function, service=version.service, qualifier=qualifier, version=id_), share))
        return found

    def service(self, owner: str, qualifier: str = "") -> tuple[Service, list[Function]]:
        """Return a service of FC 2.0 and its functions, as a qualifier finds them; a version has its own description.

        Raises:
            FcError: ServiceNotFound, VersionNotFound, AliasNotFound.
        """
        version = self._published(owner, qualifier, 1.0)
        service, functions = (version.service, version.functions) if version else self._versions.unpublished(owner)
        assert service is not None
        shown = replace(service, description=version.description) if version else service
        return shown, sorted(functions, key=lambda each: each.name)

    def _published(self, owner: str, qualifier: str, drawn: float) -> Version | None:
        """Return the version that a qualifier leads to; None: what is not published."""
        if qualifier in {"", LATEST}:
            return None
        if qualifier.isdecimal():
            return self._versions.get(owner, qualifier)
        alias = self.get(owner, qualifier)
        for version, share in alias.weights.items():
            drawn -= share
            if drawn < 0:
                return self._versions.get(owner, version)
        return self._versions.get(owner, alias.version)


def _find(functions: Iterable[Function], path: str) -> Function:
    for function in functions:
        if function.path == path:
            return function
    raise FcError("FunctionNotFound", f"function '{path.rpartition('/')[2]}' does not exist")
