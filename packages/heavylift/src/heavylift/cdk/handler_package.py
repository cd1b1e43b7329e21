"""The code package of the deployment's handler: its own modules, and those of the loader that it shares."""

from __future__ import annotations

import shutil
from pathlib import Path

import heavylift

SOURCES = Path(__file__).with_name("deployment_handler")
SHARED = (  # they need the standard library alone
    "__init__.py",
    "contracts/__init__.py",
    "contracts/failures.py",
    "runtime/__init__.py",
    "runtime/credentials.py",
    "runtime/refusals.py",
    "runtime/retries.py",
    "runtime/signing.py",
)


def write_handler_package(folder: Path) -> None:
    """Write the files of the code package into an empty folder."""
    package = Path(heavylift.__file__).parent
    own = {path.name: path for path in SOURCES.glob("*.py")}
    shared = {f"{package.name}/{name}": package / name for name in SHARED}
    for name, source in {**own, **shared}.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
