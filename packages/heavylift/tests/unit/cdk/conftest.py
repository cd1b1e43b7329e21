"""A small build, and the deployment's handler as modules."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from heavylift.cdk.manifest import Build, read_manifest
from tests.support.paths import HANDLER

HANDLER_MODULES = ("index", "answer", "archives", "objectstore")
MB = 1024**2

MakeBuild = Callable[..., Build]


@pytest.fixture
def make_build(tmp_path: Path) -> MakeBuild:
    """Write a build that holds next to nothing, but says what a test wants, and read it."""

    def make(
        *, python: str = "3.10", platform: str = "manylinux_2_28_x86_64", imported: bool = True, **sizes: int
    ) -> Build:
        dist = tmp_path / "dist"
        record: dict[str, Any] = {"format": 1, "target": {"python": python, "platform": platform}}
        for name, digest in (("applib", "a" * 64), ("model", "b" * 64)):
            key = f"{name}/{digest}.zip"
            (dist / name).mkdir(parents=True, exist_ok=True)
            (dist / key).write_bytes(b"archive")
            record[name] = {"key": key, "digest": digest, "path": key, "unpacked": sizes.get(name, MB), "packed": 7}
        record["applib"]["imported"] = imported
        (dist / "code").mkdir(exist_ok=True)
        record["code"] = {"path": "code", "digest": "c" * 64, "packed": sizes.get("code", MB)}
        (dist / "manifest.json").write_text(json.dumps(record))
        return read_manifest(dist)

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
