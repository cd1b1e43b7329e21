"""The packages that the platform's Python runtimes have built in, as far as functions count on them: the OSS SDK.

They are taken from the environment that runs the embedded cloud, so only instances on its version of Python can have them.
Source: Function Compute, "Python runtime", "Built-in modules".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution

BUILT_IN = "oss2"
_INSTEAD = {"crcmod": "crcmod-plus"}  # the same module, with wheels
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@functools.cache
def built_in_packages() -> Mapping[str, Path]:
    """Return the files and folders of the SDK and of its dependencies, by the names under which they are imported."""
    from importlib.metadata import (  # reads e-mail; the first instance has time for it
        PackageNotFoundError,
        distribution,
    )

    found: dict[str, Path] = {}
    wanted, seen = [BUILT_IN], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = distribution(_INSTEAD.get(name, name))
        except PackageNotFoundError:
            continue  # one that this version of Python does not need
        found |= _files(package)
        wanted += [
            match[0] for each in package.requires or () if "extra ==" not in each and (match := _NAME.match(each))
        ]
    return found


def _files(package: Distribution) -> dict[str, Path]:
    tops = {file.parts[0] for file in package.files or ()}
    importable = {top for top in tops if not top.endswith((".dist-info", ".pth")) and not top.startswith((".", "__"))}
    return {top: Path(str(package.locate_file(top))) for top in importable}
