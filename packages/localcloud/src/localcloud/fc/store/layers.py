"""The packages of layers on disk, and the folder that a function sees of several: their files together."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Sequence, Set
from pathlib import Path

from localcloud.fc.store.code import CodeStore


class LayerPackages:
    """The unpacked packages of layers.

    Args:
        folder: where they lie; created if need be.

    Raises:
        LocalCloudError: the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.packages = CodeStore(folder / "packages")
        self._merged = folder / "merged"
        self._merged.mkdir(exist_ok=True)

    def folder(self, packages: Sequence[str]) -> Path:
        """Return the folder with the files of packages; of two with one name, that of the earlier package is there.

        Source: Function Compute, "Create a custom layer": layers are merged from the last to the first.
        """
        if len(packages) == 1:
            return self.packages.folder(packages[0])
        target = self._merged / _name(packages)
        if not target.exists():
            staging = self._merged / f"new-{uuid.uuid4().hex}"
            try:
                for package in packages:
                    _link(self.packages.folder(package), staging)
                if not target.exists():
                    staging.rename(target)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return target

    def drop(self, *, keep: Set[tuple[str, ...]]) -> None:
        """Remove all packages but those of some functions.

        Args:
            keep: the packages of each of them.
        """
        self.packages.drop(keep={package for packages in keep for package in packages})
        names = {_name(packages) for packages in keep}
        for path in self._merged.iterdir():
            if path.name not in names and not path.name.startswith("new-"):
                shutil.rmtree(path)


def _name(packages: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(packages).encode()).hexdigest()


def _link(source: Path, target: Path) -> None:
    """Link the files of a folder that are not there yet into another one on the same disk."""
    for folder, _, names in os.walk(source):
        below = target / Path(folder).relative_to(source)
        if any(each.is_file() for each in (below, *below.parents) if each.is_relative_to(target)):
            continue  # an earlier package has a file where this one has a folder
        below.mkdir(parents=True, exist_ok=True)
        below.chmod(0o755)  # an instance runs as another user
        for name in names:
            if not (below / name).exists():
                os.link(Path(folder) / name, below / name)
