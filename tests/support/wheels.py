"""Wheels of a few files, made by tests."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path


def make_wheel(
    folder: Path, name: str, files: Mapping[str, str | bytes], *, version: str = "1", requires: Iterable[str] = ()
) -> Path:
    """Write a wheel with these files, and return it; entry points are a file of its `NAME-VERSION.dist-info`."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    described = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for entry, content in {**files, **described}.items():
            wheel.writestr(entry, content)
        wheel.writestr(f"{info}/RECORD", "".join(f"{entry},,\n" for entry in (*files, *described, f"{info}/RECORD")))
    return path
