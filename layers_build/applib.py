"""The applib's staging folder: prepared packages side by side, imported once, ready to be packed.

The record beside it is written last: a folder without it is scrap.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layers_build.binaries import collect_bytecode, strip_version
from layers_build.order import arrange, record_imports
from layers_build.packages import STAGES, Package, Recipe, assemble, normalize, prepare, retain
from layers_build.prune import Rule
from layers_build.target import Target, find_interpreter

if TYPE_CHECKING:
    from layers_build.report import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Applib:
    """What to put together, and where."""

    requirements: Path
    lock: Path
    target: Target
    rules: Sequence[Rule]
    strip: bool
    recipe: str  # fingerprint of all that a package depends on, other than itself
    folder: Path  # the staging folder

    @property
    def record(self) -> Path:
        """The file that says that the folder is complete, and what is in it."""
        return self.folder.with_name(self.folder.name + ".json")

    @property
    def packages(self) -> Path:
        """The folder of the prepared packages."""
        return self.folder.with_name(f"packages-{self.target}")


def stage(applib: Applib, report: Report) -> Mapping[str, Any]:
    """Put an applib together, unless that is done already.

    Returns:
        What the manifest and the table say of it: `packages`, `sizes`, `pruned`, `bytecode`; and the `order` of its files.

    Raises:
        BuildError: a package cannot be installed, or what was asked for cannot be imported.
    """
    if not applib.record.is_file():
        _remove_others(applib)
        made = _make(applib, report)
        temporary = applib.record.with_suffix(".new")
        temporary.write_text(json.dumps(made), encoding="utf-8")
        temporary.replace(applib.record)
    record: Mapping[str, Any] = json.loads(applib.record.read_bytes())
    return record


def _remove_others(applib: Applib) -> None:
    # One staging folder for a target is worth keeping, a gigabyte for each change is not. Records go before their folders.
    stale = applib.folder.parent.glob(f"applib-{applib.target}-*")
    for path in sorted(stale, key=lambda path: path.is_dir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _make(applib: Applib, report: Report) -> dict[str, Any]:
    folder, target = applib.folder, applib.target
    interpreter = find_interpreter(target)
    packages = _prepare(applib, interpreter, report)
    modules = _modules(applib.requirements, packages)
    assemble(packages, folder)
    needed: list[str] | None = None
    if interpreter and target.runs_here:
        with report.step(f"import {', '.join(modules)} in a clean process"):
            needed = record_imports(folder, interpreter, modules)
    else:
        report.note(
            f"not imported, neither for a check nor to see which files a start needs first: {target.unrunnable}. A start imports "
            "when all of it has been unpacked."
        )
    holders = collect_bytecode(folder, needed or ()) if interpreter else {}
    order = arrange(folder, needed, holders)
    retain(packages, applib.packages)
    return {
        "pruned": _add_up(packages),
        "packages": {each.name: {"version": each.version, "files": each.files} for each in packages},
        "sizes": [(stage, {each.name: each.sizes[number] for each in packages}) for number, stage in enumerate(STAGES)],
        "bytecode": interpreter is not None,
        "order": {"paths": order.paths, "eager": order.eager},
    }


def _prepare(applib: Applib, interpreter: Path | None, report: Report) -> list[Package]:
    """Prepare the packages, and say what they will lack."""
    if applib.strip and not strip_version():
        report.note(
            "no `strip` here (Debian package binutils): the libraries keep their symbols, for tensorflow about 200 MB more"
        )
    if not interpreter:
        version = applib.target.python
        report.warn(
            f"there is no Python {version} here, and uv cannot install one: the applib goes WITHOUT bytecode. Every start "
            f"then compiles each module anew: tensorflow takes 7 s more. Put a python{version} on PATH and build again."
        )
    recipe = Recipe(
        target=applib.target,
        interpreter=interpreter,
        rules=applib.rules,
        strip=applib.strip and bool(strip_version()),
        fingerprint=applib.recipe,
    )
    applib.packages.mkdir(exist_ok=True)
    with report.bar("packages") as progress:
        return prepare(applib.lock, applib.packages, recipe, _requested(applib.requirements), progress)


def _requested(requirements: Path) -> list[str]:
    """Return the names of the packages that were asked for, normalized."""
    text = requirements.read_text(encoding="utf-8")
    return [normalize(name) for name in re.findall(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)", text, re.MULTILINE)]


def _modules(requirements: Path, packages: Sequence[Package]) -> list[str]:
    """Return the modules to import of what was asked for: those that the packages name, else those that they install."""
    found = {normalize(each.name): each.modules for each in packages}
    modules = [module for name in _requested(requirements) for module in found.get(name, ())]
    return [module for module in dict.fromkeys(modules) if not module.startswith("_")]


def _add_up(packages: Sequence[Package]) -> list[dict[str, Any]]:
    """Return what each rule took away from all packages."""
    rules: dict[str, dict[str, Any]] = {}
    for each in (pruned for package in packages for pruned in package.pruned):
        total = rules.setdefault(each["rule"], {"rule": each["rule"], "files": 0, "bytes": 0})
        total["files"] += each["files"]
        total["bytes"] += each["bytes"]
    return [rules[name] for name in sorted(rules)]
