"""A small build, and the deployment's handler as modules."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from heavylift.contracts.manifest import Build, read_build, write_manifest
from heavylift.contracts.platform import MB, Target
from tests.support.builds import write_build
from tests.support.paths import HANDLER

HANDLER_MODULES = ("index", "answer", "archives", "objectstore")

MakeBuild = Callable[..., Build]


@pytest.fixture
def make_build(tmp_path: Path) -> MakeBuild:
    """Write a build that holds next to nothing, but says what a test wants, and read it."""

    def make(
        *, python: str = "3.10", platform: str = "manylinux_2_28_x86_64", imported: bool = True, **sizes: int
    ) -> Build:
        dist = tmp_path / "dist"
        build = write_build(dist, target=Target(python, platform), imported=imported)
        assert build.model is not None
        build = replace(
            build,
            applib=replace(build.applib, unpacked=sizes.get("applib", MB)),
            model=replace(build.model, unpacked=sizes.get("model", MB)),
            code=replace(build.code, packed=sizes.get("code", MB)),
        )
        write_manifest(build, dist)
        return read_build(dist)

    return make


@pytest.fixture
def handler_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import modules of the handler as they are imported in /code."""
    monkeypatch.syspath_prepend(HANDLER)
    for name in HANDLER_MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module
    for name in HANDLER_MODULES:
        sys.modules.pop(name, None)
