"""Modules that a start imports while it waits for the applib's names: of the standard library, and of the vendored packages.

The core that imports would stand idle until then. The build lists modules that a recorded start imported and that need neither the
applib nor the function's own modules (`heavylift.build.ahead`); the list counts for that applib only, since another one may hold a
module of the same name. Each is looked for before it is imported: what would come from elsewhere is left to the
import itself, and so is whatever fails here, so that errors are reported where they always were.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from pathlib import Path

from heavylift.runtime.lines import log_damaged

LIST_NAME = "heavylift/ahead.json"  # in the code package
_STANDARD = f"{os.path.dirname(os.__file__)}/"  # noqa: PTH120 - faster
_INSTALLED = ("site-packages/", "dist-packages/")  # below it, and not of it


def dump_list(applib: str, modules: Iterable[str]) -> bytes:
    """Return the content of the list.

    Args:
        applib: the object of the applib that it counts for.
        modules: in the order in which they are imported.
    """
    return json.dumps({"applib": applib, "modules": list(modules)}, indent=1).encode() + b"\n"


def read_list(code: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the modules to import ahead; none where there is no list for the applib of this function, or a damaged one.

    Args:
        code: the code package.
        environment: the function's.
    """
    path = f"{code}/{LIST_NAME}"
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - faster
            record = json.load(file)
        return list(record["modules"]) if record["applib"] == environment.get("AppLibObject") else []
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError):
        log_damaged(path)
        return []


def import_ahead(modules: Iterable[str], vendor: str) -> None:
    """Import modules that come from the standard library or the vendored packages.

    Args:
        modules: their names.
        vendor: the folder of the vendored packages.
    """
    ours: dict[str, bool] = {}
    for name in modules:
        package = name.partition(".")[0]
        if package not in ours:
            ours[package] = _is_ours(package, vendor)
        if ours[package]:
            # Whoever needs it meets the same error again, and may have an answer to it.
            with suppress(Exception):
                importlib.import_module(name)


def is_ours(origin: str, vendor: str) -> bool:
    """Return whether a file is one of the standard library or of the vendored packages.

    Args:
        origin: its path.
        vendor: the folder of the vendored packages.
    """
    return is_standard(origin) or origin.startswith(f"{vendor}/")


def is_standard(origin: str) -> bool:
    """Return whether a file is one of the standard library."""
    return origin.startswith(_STANDARD) and not origin.removeprefix(_STANDARD).startswith(_INSTALLED)


def _is_ours(package: str, vendor: str) -> bool:
    if BuiltinImporter.find_spec(package) or FrozenImporter.find_spec(package):
        return True
    spec = PathFinder.find_spec(package)
    return spec is not None and spec.origin is not None and is_ours(spec.origin, vendor)
