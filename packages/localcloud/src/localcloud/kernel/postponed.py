"""A package whose own body runs when a name of it is asked for, so that its modules can be imported without that.

aiohttp's body imports its client, which reads every certificate of the machine: a fifth of a start, for what is hardly ever used.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any


def postpone(name: str) -> None:
    """Postpone the body of a package that is not imported yet; else, leave it as it is."""
    spec = find_spec(name)
    if name in sys.modules or spec is None:
        return
    package = module_from_spec(spec)
    package.__class__ = _Postponed
    sys.modules[name] = package


class _Postponed(ModuleType):
    """A package without its body."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the package has under that name
        spec = self.__spec__
        assert spec is not None and spec.loader is not None and spec.origin is not None  # noqa: PT018 - a package on disk
        if name == "__version__" and (version := _version(Path(spec.origin))):
            return version  # which modules ask the package for
        if not name.startswith("__") and find_spec(f"{spec.name}.{name}"):
            return importlib.import_module(f"{spec.name}.{name}")
        package: ModuleType = self
        package.__class__ = ModuleType
        spec.loader.exec_module(package)
        return getattr(package, name)


def _version(body: Path) -> str | None:
    with body.open(encoding="utf-8") as lines:
        found = [line.partition("=")[2].strip(" \"'\n") for line in lines if line.startswith("__version__ =")]
    return found[0] if found else None
