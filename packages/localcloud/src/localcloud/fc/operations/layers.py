"""Layers of the account, and those that functions name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from localcloud.fc.errors import FcError
from localcloud.fc.layers import OFFICIAL, LayerVersion
from localcloud.fc.model import Code, Function, Permit, Settings, anybody
from localcloud.fc.operations.packages import PackageReader
from localcloud.fc.operations.rules import check_name
from localcloud.fc.platform import MAX_LAYER, MAX_LAYERS, MAX_LAYERS_SIZE, MB
from localcloud.fc.store.layers import LayerPackages
from localcloud.fc.store.resources import FcStore


class LayerOperations:
    """The layers of the account; each version of one has its own package.

    Args:
        store: keeps them.
        packages: keeps their packages.
        reader: reads packages that are uploaded, or lie in OSS.
        settings: name the region and the account.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        store: FcStore,
        packages: LayerPackages,
        *,
        reader: PackageReader,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._packages = packages
        self._reader = reader
        self._settings = settings
        self._clock = clock
        self.changing = asyncio.Lock()  # held while a package is unpacked that no version names yet

    async def create(self, layer: LayerVersion, code: Code, *, permit: Permit = anybody) -> LayerVersion:
        """Create the next version of a layer.

        Args:
            layer: the version, without number, ARN and package.
            code: its package.
            permit: asked for the object that the package is.

        Raises:
            FcError: InvalidArgument, and what `permit` raises.
        """
        check_name("layerName", layer.layer)
        async with self.changing:
            content = await asyncio.to_thread(self._reader.read, code, permit, MAX_LAYER)
            name, checksum = await asyncio.to_thread(self._packages.packages.add, content)
            number = self._store.last_versions.get(f"layers/{layer.layer}", 0) + 1
            settings = self._settings
            complete = replace(
                layer,
                arn=f"acs:fc:{settings.region}:{settings.account_id}:layers/{layer.layer}/versions/{number}",
                version=number,
                code=name,
                code_size=len(content),
                code_checksum=checksum,
                created=self._clock(),
            )
            self._store.layers[complete.arn] = complete
            self._store.last_versions[f"layers/{layer.layer}"] = number
            self._store.save()
            return complete

    def get(self, layer: str, version: int) -> LayerVersion:
        """Return a version of a layer.

        Raises:
            FcError: LayerNotFound, LayerVersionNotFound.
        """
        for each in self.all(layer):
            if each.version == version:
                return each
        raise FcError("LayerVersionNotFound", f"version {version} of layer '{layer}' does not exist")

    def all(self, layer: str) -> list[LayerVersion]:
        """Return the versions of a layer from the last to the first.

        Raises:
            FcError: LayerNotFound.
        """
        found = [each for each in self._store.layers.values() if each.layer == layer and not each.deleted]
        if not found:
            raise FcError("LayerNotFound", f"layer '{layer}' does not exist")
        return sorted(found, key=lambda each: -each.version)

    def latest(self) -> list[LayerVersion]:
        """Return the last version of each layer, in order of the layers' names."""
        last: dict[str, LayerVersion] = {}
        for each in self._store.layers.values():
            if not each.deleted and (each.layer not in last or last[each.layer].version < each.version):
                last[each.layer] = each
        return sorted(last.values(), key=lambda each: each.layer)

    def find(self, arn: str) -> LayerVersion:
        """Return the version that an ARN names.

        Raises:
            FcError: LayerVersionNotFound; NotImplemented: it is one of the platform's own.
        """
        found = self._store.layers.get(arn)
        if found and not found.deleted:
            return found
        if f":{OFFICIAL}:" in arn:
            raise FcError("NotImplemented", f"not implemented: the platform's own layers, such as {arn[:200]}")
        raise FcError("LayerVersionNotFound", f"layer version {arn[:200]} does not exist")

    def delete(self, layer: str, version: int) -> None:
        """Delete a version; functions that have it keep it, others cannot get it any more.

        Raises:
            FcError: LayerNotFound, LayerVersionNotFound.
        """
        deleted = self.get(layer, version)
        self._store.layers[deleted.arn] = replace(deleted, deleted=True)
        self._store.save()

    def publish(self, layer: str, *, public: bool) -> None:
        """Let other accounts use a layer's versions, or no longer.

        Raises:
            FcError: LayerNotFound.
        """
        for each in self.all(layer):
            self._store.layers[each.arn] = replace(each, public=public)
        self._store.save()

    def check(self, function: Function, before: Function | None) -> None:
        """Refuse a function whose layers are too many, too large, or not there.

        Args:
            function: the function.
            before: as it was, with layers that may be deleted by now.

        Raises:
            FcError: InvalidArgument, LayerVersionNotFound, NotImplemented.
        """
        if len(function.layers) > MAX_LAYERS:
            raise FcError(
                "InvalidArgument", f"layers: {len(function.layers)} are given; at most {MAX_LAYERS} are allowed"
            )
        had = set(before.layers) if before else set()
        found = [self._store.layers[arn] if arn in had else self.find(arn) for arn in function.layers]
        size = sum(each.code_size for each in found)
        if size > MAX_LAYERS_SIZE:
            raise FcError(
                "InvalidArgument", f"layers: they have {size // MB} MB; at most {MAX_LAYERS_SIZE // MB} are allowed"
            )

    def package(self, name: str) -> Path:
        """Return the zip file of a layer's package, by its name in the store."""
        return self._packages.packages.archive(name)

    def packages_of(self, layers: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the packages of layer versions, by their ARNs."""
        return tuple(self._store.layers[arn].code for arn in layers)

    def sizes(self, layers: Sequence[str]) -> dict[str, int]:
        """Return the bytes of the zipped packages of layer versions, by their ARNs."""
        return {arn: self._store.layers[arn].code_size for arn in layers}

    def drop_unused(self, in_use: set[tuple[str, ...]]) -> None:
        """Forget deleted versions that no function has, and remove the packages that nobody uses.

        Args:
            in_use: the packages of each running instance.
        """
        if self.changing.locked():
            return
        named = {tuple(each.layers) for each in self._store.all_functions() if each.layers}
        wanted = {arn for layers in named for arn in layers}
        gone = [arn for arn, each in self._store.layers.items() if each.deleted and arn not in wanted]
        for arn in gone:
            del self._store.layers[arn]
        if gone:
            self._store.save()
        there = {(each.code,) for each in self._store.layers.values()}
        self._packages.drop(keep={*in_use, *there, *(self.packages_of(layers) for layers in named)})
