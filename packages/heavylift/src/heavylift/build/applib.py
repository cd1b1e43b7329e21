"""The applib's staging folder: prepared packages side by side, imported once, ready to be packed.

The record beside it is written last: a folder without it is scrap.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heavylift.build import binaries
from heavylift.build.errors import BuildError, MissingModuleError
from heavylift.build.order import Recording, arrange, record_imports
from heavylift.build.packages import Package, Recipe, assemble, normalize, prepare, retain
from heavylift.build.prune import Pruning, Rule, prune
from heavylift.build.target import Target, find_interpreter

if TYPE_CHECKING:
    from heavylift.build.report import Report
    from heavylift.build.system import Need


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
        What the manifest and the table say of it: `packages`, `sizes`, `pruned`, `bytecode`, `imported`, `system`; and the `order`
        of its files.

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
    from heavylift.build.system import find_needs  # not before there is something to make

    folder, target = applib.folder, applib.target
    interpreter = find_interpreter(target)
    packages = _prepare(applib, interpreter, report)
    modules = _modules(applib.requirements, packages)
    assemble(packages, folder)
    owners = {path: package.name for package in packages for path in package.files}
    needs = find_needs(folder, owners, owners)
    imports = Imports(folder, interpreter if target.runs_here else None, modules, needs, report)
    recording = imports.record_installed()
    with report.step("prune what nothing needs"):
        opened = recording.opened(owners) if recording else ()
        pruning = prune(folder, applib.rules, owners=owners, opened=opened)
    with ThreadPoolExecutor(binaries.WORKERS) as cores:
        if interpreter:
            spared = [path for path in pruning.spared if path.endswith(".py")]
            binaries.compile_bytecode(folder, spared, interpreter, cores)
    if pruning.removed:
        recording = imports.record("without what was pruned")
    if recording is None:
        report.note(
            f"not imported, neither for a check nor to see which files a start needs first: {target.unrunnable}. A start imports "
            "when all of it has been unpacked."
        )
    needed = recording.needed if recording else None
    holders = binaries.collect_bytecode(folder, needed or ()) if interpreter else {}
    order = arrange(folder, needed, holders)
    retain(packages, applib.packages)
    return {
        "pruned": _add_up(packages, pruning),
        "packages": {each.name: {"version": each.version, "files": [*each.files]} for each in packages},
        "sizes": _sizes(packages, pruning),
        "bytecode": interpreter is not None,
        "imported": recording is not None,
        "system": {need.library: need.packages for need in find_needs(folder, owners, owners)},
        "order": {"paths": order.paths, "eager": order.eager},
    }


@dataclass(frozen=True, slots=True)
class Imports:
    """Imports of what was asked for, in clean processes."""

    folder: Path
    interpreter: Path | None  # None: the target's Python does not run here
    modules: Mapping[str, list[str]]  # of each requirement
    needs: Sequence[Need]  # what may be missing here
    report: Report

    def record_installed(self) -> Recording | None:
        """Import the modules before anything is pruned, and leave out what needs a package that nothing requires.

        Packages bring modules that are of use only beside another package, which they do not require: an adapter, a driver. At
        least one module of each requirement has to be imported.
        """
        while True:
            try:
                return self.record("what they open stays")
            except MissingModuleError as error:
                modules = next(modules for modules in self.modules.values() if error.module in modules)
                if len(modules) == 1:
                    raise
                modules.remove(error.module)
                self.report.note(
                    f"{error.module} is not imported: it needs {error.missing}, which nothing here requires"
                )

    def record(self, why: str) -> Recording | None:
        """Import the modules and return what that needed; None where nothing can be imported."""
        if self.interpreter is None:
            return None
        modules = [module for each in self.modules.values() for module in each]
        with self.report.step(f"import {', '.join(modules)} in a clean process ({why})"):
            try:
                return record_imports(self.folder, self.interpreter, modules)
            except BuildError as error:
                if isinstance(error, MissingModuleError) or not self.needs:
                    raise
                raise BuildError(f"{error}. The runtime must have: {'; '.join(map(str, self.needs))}") from error


def _prepare(applib: Applib, interpreter: Path | None, report: Report) -> list[Package]:
    """Prepare the packages, and say what they will lack."""
    if applib.strip and not binaries.strip_version():
        report.note(
            "no `strip` here (Debian package binutils): the libraries keep their symbols, which can double their size"
        )
    requested = _requested(applib.requirements)
    if not interpreter:
        version = applib.target.python
        report.warn(
            f"there is no Python {version} here, and uv cannot install one: the applib goes WITHOUT bytecode. Every start then "
            f"compiles each module of {', '.join(requested)} anew, which takes seconds. Put a python{version} on PATH and build "
            "again."
        )
    recipe = Recipe(
        target=applib.target,
        interpreter=interpreter,
        rules=applib.rules,
        strip=applib.strip and bool(binaries.strip_version()),
        fingerprint=applib.recipe,
    )
    applib.packages.mkdir(exist_ok=True)
    with report.bar("packages") as progress:
        return prepare(applib.lock, applib.packages, recipe, requested, progress)


def _requested(requirements: Path) -> list[str]:
    """Return the names of the packages that were asked for, normalized."""
    text = requirements.read_text(encoding="utf-8")
    return [normalize(name) for name in re.findall(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)", text, re.MULTILINE)]


def _modules(requirements: Path, packages: Sequence[Package]) -> dict[str, list[str]]:
    """Return the modules to import of each requirement: those that the package names, else those that it installs."""
    found = {normalize(each.name): each.modules for each in packages}
    requested = dict.fromkeys(_requested(requirements))
    return {name: [module for module in found.get(name, ()) if not module.startswith("_")] for name in requested}


def _sizes(packages: Sequence[Package], pruning: Pruning) -> list[tuple[str, dict[str, int]]]:
    """Return the bytes of each package after each stage."""

    def total(each: Package, column: int, gone: Container[str]) -> int:
        return sum(sizes[column] for path, sizes in each.files.items() if path not in gone)

    stages = (("installed", 0, ()), ("pruned", 0, pruning.removed), ("stripped", 1, pruning.removed))
    return [(stage, {each.name: total(each, column, gone) for each in packages}) for stage, column, gone in stages]


def _add_up(packages: Sequence[Package], pruning: Pruning) -> list[dict[str, Any]]:
    """Return what each rule took away from all packages."""
    installed = {path: size for each in packages for path, (size, _) in each.files.items()}
    rules: dict[str, dict[str, Any]] = {}
    for path, rule in pruning.removed.items():
        total = rules.setdefault(rule, {"rule": rule, "files": 0, "bytes": 0})
        total["files"] += 1
        total["bytes"] += installed[path]
    return [rules[name] for name in sorted(rules)]
