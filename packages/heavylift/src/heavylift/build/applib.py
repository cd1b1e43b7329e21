"""The applib's staging folder: prepared packages side by side, imported once, ready to be packed.

The record beside it is written last: a folder without it is scrap.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import source_from_cache
from pathlib import Path
from typing import TYPE_CHECKING

from heavylift.build import binaries
from heavylift.build.errors import BuildError, MissingModuleError
from heavylift.build.exports import find_changes, make_changes
from heavylift.build.frames import Frames
from heavylift.build.machine import find_interpreter, runs_here, why_not_here
from heavylift.build.order import Order, Recording, arrange, record_imports
from heavylift.build.packages import Package, Recipe, assemble, normalize, prepare, retain
from heavylift.build.prune import Pruning, Rule, prune, survey
from heavylift.build.reexports import find_reexports
from heavylift.build.referrers import read_referrers
from heavylift.contracts.manifest import Pruned
from heavylift.contracts.platform import Target

if TYPE_CHECKING:
    from heavylift.build.reporter import Reporter
    from heavylift.build.system import Need


@dataclass(frozen=True, kw_only=True, slots=True)
class Staging:
    """A staging folder, and the inputs that it is put together from."""

    requirements: Path
    lock: Path
    target: Target
    rules: Sequence[Rule]
    strip: bool
    lazy_imports: Sequence[str]  # packages
    recipe: str  # fingerprint of all that a package depends on, other than itself
    folder: Path

    @property
    def record(self) -> Path:
        """The file that marks the folder as complete, and lists its content."""
        return self.folder.with_name(self.folder.name + ".json")

    @property
    def packages(self) -> Path:
        """The folder of the prepared packages."""
        return self.folder.with_name(f"packages-{self.target}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """The content of a staging folder."""

    places: Sequence[str]  # names of the packages' folders; of two with the same file, the last one's counts
    versions: Mapping[str, str]  # of each package
    files: Mapping[str, Sequence[str]]  # of each package, those that were pruned as well
    sizes: Sequence[tuple[str, Mapping[str, int]]]  # stages by name, with the bytes of each package after it
    pruned: tuple[Pruned, ...]
    bytecode: bool  # whether its modules are compiled
    imported: bool  # whether a Python of its target has imported what was asked for
    system: Mapping[str, tuple[str, ...]]  # libraries that the runtime must have, and the packages that need them
    order: Order  # of its files


def stage(staging: Staging, report: Reporter, frames: Frames | None = None) -> Staged:
    """Put an applib together, unless that is done already.

    Args:
        staging: where, and of what.
        report: is told of each step.
        frames: begins to compress each package as soon as it is there; None: nothing is going to be packed.

    Raises:
        BuildError: a package cannot be installed, or what was asked for cannot be imported.
    """
    if staging.record.is_file():
        return _read(staging.record)
    _remove_others(staging)
    staged = _make(staging, report, frames)
    temporary = staging.record.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(staged)), encoding="utf-8")
    temporary.replace(staging.record)
    return staged


def _read(path: Path) -> Staged:
    record = json.loads(path.read_bytes())  # ours: its name is a digest of the sources that wrote it
    record["pruned"] = tuple(Pruned(**each) for each in record["pruned"])
    record["system"] = {library: tuple(packages) for library, packages in record["system"].items()}
    return Staged(**{**record, "order": Order(**record["order"])})


def _remove_others(staging: Staging) -> None:
    # One staging folder for a target is worth keeping, a gigabyte for each change is not. Records go before their folders.
    stale = staging.folder.parent.glob(f"applib-{staging.target}-*")
    for path in sorted(stale, key=lambda path: path.is_dir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _make(staging: Staging, report: Reporter, frames: Frames | None) -> Staged:
    from heavylift.build.system import find_needs, read_libraries  # not before there is something to make

    folder, target = staging.folder, staging.target
    interpreter = find_interpreter(target)
    packages = _prepare(staging, interpreter, report, frames)
    modules = _modules(staging.requirements, packages)
    assemble(packages, folder)
    owners = {path: package.name for package in packages for path in package.files}
    paths = {path for package in packages for path in package.libraries}
    libraries = read_libraries(folder, paths)
    needs = find_needs(libraries, owners)
    imports = Imports(folder, interpreter if runs_here(target) else None, modules, needs, report)
    found = survey(folder, staging.rules, owners)
    with ThreadPoolExecutor(2) as beside:
        referrers = beside.submit(read_referrers, folder, found.candidates)
        names = beside.submit(find_changes, folder, paths if staging.strip else ())
        recording = imports.record_installed()
        changes = names.result()
        make_changes(changes)  # not before: the process that imports would see other files than it has mapped
        with report.step("prune what nothing needs"):
            opened = recording.opened(owners) if recording else ()
            pruning = prune(folder, found, referrers.result(), opened)
    with ThreadPoolExecutor(binaries.WORKERS) as cores:
        if interpreter:
            spared = [path for path in pruning.spared if path.endswith(".py")]
            binaries.compile_bytecode(folder, spared, interpreter, cores)
    lazy = _lazy_modules(staging, recording, report)
    if pruning.removed or changes or lazy:
        recording = imports.record("as a start will", lazy)
    if recording is None:
        report.note(
            f"not imported, neither for a check nor to see which files a start needs first: {why_not_here(target)}. A start "
            "imports when all of it has been unpacked."
        )
    needed = recording.needed if recording else None
    holders = binaries.collect_bytecode(folder, needed or (), lazy) if interpreter else {}
    order = arrange(folder, needed, holders)
    retain(packages, staging.packages)
    left = {path: names for path, names in libraries.items() if path not in pruning.removed}
    return Staged(
        places=[each.place.name for each in packages],
        versions={each.name: each.version for each in packages},
        files={each.name: tuple(each.files) for each in packages},
        sizes=_sizes(packages, pruning),
        pruned=_add_up(packages, pruning),
        bytecode=interpreter is not None,
        imported=recording is not None,
        system={need.library: tuple(need.packages) for need in find_needs(left, owners)},
        order=order,
    )


@dataclass(frozen=True, slots=True)
class Imports:
    """Imports of the requirements' modules, in clean processes."""

    folder: Path
    interpreter: Path | None  # None: the target's Python does not run here
    modules: Mapping[str, list[str]]  # of each requirement
    needs: Sequence[Need]  # what may be missing here
    report: Reporter

    def record_installed(self) -> Recording | None:
        """Import the modules before anything is pruned, and leave out those that need a package that nothing requires.

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

    def record(self, why: str, lazy: Sequence[str] = ()) -> Recording | None:
        """Import the modules and return the files that they needed; None where nothing can be imported.

        Args:
            why: it is done, for the report.
            lazy: sources of modules that are executed when they are first used.
        """
        if self.interpreter is None:
            return None
        modules = [module for each in self.modules.values() for module in each]
        with self.report.step(f"import {', '.join(modules)} in a clean process ({why})"):
            try:
                return record_imports(self.folder, self.interpreter, modules, lazy)
            except BuildError as error:
                if isinstance(error, MissingModuleError) or not self.needs:
                    raise
                raise BuildError(f"{error}. The runtime must have: {'; '.join(map(str, self.needs))}") from error


def _lazy_modules(staging: Staging, recording: Recording | None, report: Reporter) -> list[str]:
    """Return the sources of the modules that are executed when they are first used, and report packages without any."""
    if not staging.lazy_imports:
        return []
    if recording is None:
        report.note("lazy_imports: nothing is lazy, since no start could be recorded here")
        return []
    sources = [source_from_cache(path) for path in recording.needed if path.endswith(".pyc")]
    found = find_reexports(staging.folder, staging.lazy_imports, sources)
    for package in (each for each, modules in found.items() if not modules):
        report.warn(f"lazy_imports: {package}: a start imports no module below it that only names others; take it out")
    return sorted({module for modules in found.values() for module in modules})


def _prepare(staging: Staging, interpreter: Path | None, report: Reporter, frames: Frames | None) -> list[Package]:
    """Prepare the packages, and report the libraries that they will lack."""
    if staging.strip and not binaries.strip_version():
        report.note(
            "no `strip` here (Debian package binutils): the libraries keep their symbols, which can double their size"
        )
    requested = _requested(staging.requirements)
    if not interpreter:
        version = staging.target.python
        report.warn(
            f"there is no Python {version} here, and uv cannot install one: the applib goes WITHOUT bytecode. Every start then "
            f"compiles each module of {', '.join(requested)} anew, which takes seconds. Put a python{version} on PATH and build "
            "again."
        )
    recipe = Recipe(
        target=staging.target,
        interpreter=interpreter,
        rules=staging.rules,
        strip=staging.strip and bool(binaries.strip_version()),
        fingerprint=staging.recipe,
    )
    staging.packages.mkdir(exist_ok=True)
    with report.bar("packages") as progress:
        return prepare(staging.lock, staging.packages, recipe, requested, progress, frames)


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


def _add_up(packages: Sequence[Package], pruning: Pruning) -> tuple[Pruned, ...]:
    """Return the files that each rule took away from all packages."""
    installed = {path: size for each in packages for path, (size, _) in each.files.items()}
    sizes: dict[str, list[int]] = defaultdict(list)
    for path, rule in pruning.removed.items():
        sizes[rule].append(installed[path])
    return tuple(Pruned(rule=rule, files=len(sizes[rule]), bytes=sum(sizes[rule])) for rule in sorted(sizes))
