"""The applib's staging folder: prepared packages side by side, imported once, ready to be packed.

The record beside it is written last: a folder without it is scrap.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from importlib.util import source_from_cache
from pathlib import Path
from typing import TYPE_CHECKING

from heavylift.build import binaries
from heavylift.build.accesses import Accesses
from heavylift.build.duplicates import follow_link, link_duplicates
from heavylift.build.frames import Frames
from heavylift.build.imports import Imports, Tree, bring_back, choose_files
from heavylift.build.installed import check_installed
from heavylift.build.machine import find_interpreter, runs_here, why_not_here
from heavylift.build.names import normalize
from heavylift.build.needed import Referrers
from heavylift.build.order import Order, arrange
from heavylift.build.packages import (
    Package,
    Recipe,
    find_disputed,
    find_files,
    place_is_sound,
    prepare,
    put_required_last,
    retain,
)
from heavylift.build.prune import Pruning, Rule, Survey, survey_paths
from heavylift.build.reexports import find_reexports
from heavylift.build.referrers import read_referrers
from heavylift.build.resolve import read_requested
from heavylift.build.unbound import Copy, change_libraries, copies_name
from heavylift.contracts.manifest import Pruned
from heavylift.contracts.platform import Target

if TYPE_CHECKING:
    from heavylift.build.reporter import Reporter
    from heavylift.build.system import Libraries


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
    opened: tuple[str, ...]  # files that a recorded start of the function opened, or looked for in vain, in that order
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
    needed: tuple[str, ...] | None  # files that the imports of the requirements opened; None: nothing could be imported
    lazy: tuple[str, ...]  # sources of modules that are executed when they are first used
    gone: tuple[str, ...]  # files that rules took away, and that stay when a recorded start opens them
    kept: tuple[str, ...]  # those of them that one does
    opened: tuple[str, ...]  # see `Staging`; the order is made for these
    order: Order  # of its files
    # Of the libraries that are not those of their packages, start and end of each stretch in which they may differ.
    changed: Mapping[str, Sequence[tuple[int, int]]]


def stage(staging: Staging, report: Reporter, frames: Frames | None = None) -> Staged:
    """Put an applib together, unless that is done already, in the order of what was recorded.

    Args:
        staging: where, and of what.
        report: is told of each step.
        frames: begins to compress each package as soon as it is there; None: nothing is going to be packed.

    Raises:
        BuildError: a package cannot be installed, or what was asked for cannot be imported.
    """
    if staging.record.is_file():
        staged = _read(staging.record)
        is_sound = all(place_is_sound(staging.packages / name) for name in staged.places)
        if is_sound and staged.opened == staging.opened:
            return staged
        staging.record.unlink()  # until its bytecode lies in the other order
        is_whole = is_sound and staged.kept == find_opened(staged.gone, staging.opened)
        staged = _arranged(staging, staged) if is_whole else _make(staging, report, frames)
    else:
        _remove_others(staging)
        staged = _make(staging, report, frames)
    temporary = staging.record.with_suffix(".new")
    record = {each.name: getattr(staged, each.name) for each in fields(staged)}  # without a copy of each of its lists
    temporary.write_text(json.dumps(record, default=asdict), encoding="utf-8")
    temporary.replace(staging.record)
    return staged


def _read(path: Path) -> Staged:
    record = json.loads(path.read_bytes())  # ours: its name is a digest of the sources that wrote it
    record["pruned"] = tuple(Pruned(**each) for each in record["pruned"])
    record["system"] = {library: tuple(packages) for library, packages in record["system"].items()}
    record["needed"] = None if record["needed"] is None else tuple(record["needed"])
    record |= {name: tuple(record[name]) for name in ("lazy", "gone", "kept", "opened")}
    return Staged(**{**record, "order": Order(**record["order"])})


def find_opened(paths: Collection[str], opened: Iterable[str]) -> tuple[str, ...]:
    """Return those of some files that a recorded start opened, themselves or their bytecode, sorted."""
    return tuple(sorted(set(paths).intersection(map(_source, opened))))


def _source(path: str) -> str:
    """Return the source of bytecode; any other file, also one that a library keeps in `__pycache__`, is its own."""
    if path.endswith(".pyc"):
        with suppress(ValueError):  # not named as Python names bytecode
            return source_from_cache(path)
    return path


def _remove_others(staging: Staging) -> None:
    # One staging folder for a target is worth keeping, a gigabyte for each change is not. Records go before their folders.
    stale = staging.folder.parent.glob(f"applib-{staging.target}-*")
    for path in sorted(stale, key=lambda path: path.is_dir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The prepared packages, and what is in them by path."""

    packages: Sequence[Package]
    holders: Mapping[str, Package]  # the package of each file
    owners: Mapping[str, str]  # its name
    libraries: Libraries

    @classmethod
    def of(cls, packages: Sequence[Package]) -> _Prepared:
        holders = {path: package for package in packages for path in package.files}
        owners = {path: package.name for path, package in holders.items()}
        libraries = {path: each.libraries[path] for path, each in holders.items() if path in each.libraries}
        return cls(packages, holders, owners, libraries)


def _make(staging: Staging, report: Reporter, frames: Frames | None) -> Staged:
    from heavylift.build.system import find_needs  # not before there is something to make

    target = staging.target
    interpreter = find_interpreter(target)
    prepared = _Prepared.of(_prepare(staging, interpreter, report, frames))
    packages, owners = prepared.packages, prepared.owners
    imports = Imports(
        folder=staging.folder,
        interpreter=interpreter if runs_here(target) else None,
        modules=_modules(staging.requirements, packages),
        needs=find_needs(prepared.libraries, owners),
        report=report,
    )
    files = find_files(packages)
    found = survey_paths(files, staging.rules, owners)
    referrers, changed, copies = _read_files(staging, prepared, files, found, report)
    shutil.rmtree(staging.folder, ignore_errors=True)
    tree = Tree(staging.folder, {**files, **{path: copy.place for path, copy in changed.items()}}, interpreter)
    pruning, accesses = choose_files(imports, tree, found, referrers)
    gone = tuple(sorted(path for path in pruning.removed if path in found.matched))
    kept = find_opened(gone, staging.opened)
    pruning = bring_back(kept, tree, found, pruning)
    _check_spared(packages, pruning)
    link_duplicates(staging.folder)
    lazy = _lazy_modules(staging, accesses, report)
    if lazy:
        accesses = imports.record("as a start will, some when they are first used", lazy)
    if accesses is None:
        report.note(
            f"not imported, neither for a check nor to see which files a start needs first: {why_not_here(target)}. A start "
            "imports when all of it has been unpacked."
        )
    retain([*(package.place for package in packages), copies], staging.packages)
    left = {path: names for path, names in prepared.libraries.items() if path not in pruning.removed}
    _warn_of_newer(left, owners, target, report)
    staged = Staged(
        places=[each.place.name for each in packages],
        versions={each.name: each.version for each in packages},
        files={each.name: tuple(each.files) for each in packages},
        sizes=_sizes(packages, pruning),
        pruned=_add_up(packages, pruning),
        bytecode=interpreter is not None,
        imported=accesses is not None,
        system={need.library: tuple(need.packages) for need in find_needs(left, owners)},
        needed=tuple(accesses.needed) if accesses else None,
        lazy=tuple(lazy),
        gone=gone,
        kept=kept,
        opened=(),
        order=Order((), 0, 0),
        changed={path: copy.changed for path, copy in changed.items()},
    )
    return _arranged(staging, staged)


def _read_files(
    staging: Staging, prepared: _Prepared, files: Mapping[str, str], found: Survey, report: Reporter
) -> tuple[Referrers, Mapping[str, Copy], Path]:
    """Return what files refer to others, the libraries that were changed for the applib, and the folder of these."""
    wanted = {path: Path(files[path]) for path in prepared.libraries if staging.strip}
    copies = staging.packages / copies_name((path, prepared.holders[path].place.name) for path in wanted)
    places = {path: package.place for path, package in prepared.holders.items()}
    with ThreadPoolExecutor(1) as beside, report.step("find what others refer to"):
        changed = beside.submit(change_libraries, wanted, copies)
        return read_referrers(files, found.candidates, places), changed.result(), copies


def _check_spared(packages: Sequence[Package], pruning: Pruning) -> None:
    """Check the files that were spared; the others were checked when their package was prepared."""
    spared = frozenset(pruning.spared)
    with ThreadPoolExecutor(binaries.WORKERS) as cores:
        for package in packages:
            check_installed(package.content, spared.__contains__, cores)


def _warn_of_newer(libraries: Libraries, owners: Mapping[str, str], target: Target, report: Reporter) -> None:
    """Warn of packages whose libraries need a newer C library than the target has."""
    from heavylift.build.system import find_newer

    for name, minor in find_newer(libraries, owners, target.glibc).items():
        report.warn(
            f"{name} was compiled for glibc 2.{minor}, and the build is for {target.platform}: a runtime with an older one cannot "
            f"load it. Compile it where glibc is no newer than 2.{target.glibc}, as in a container of {target.platform}"
        )


def _arranged(staging: Staging, staged: Staged) -> Staged:
    """Put the files in order: what the recorded start opened, then what the requirements' imports need as well, then the others.

    A function may import its libraries in another order than the requirements name them.
    """
    needed = None
    if staged.needed is not None:
        opened = (*staging.opened, *staged.needed)
        needed = tuple(dict.fromkeys(follow_link(staging.folder, path) for path in opened))
    holders = binaries.collect_bytecode(staging.folder, needed or (), staged.lazy) if staged.bytecode else {}
    return replace(staged, opened=staging.opened, order=arrange(staging.folder, needed, holders))


def _lazy_modules(staging: Staging, accesses: Accesses | None, report: Reporter) -> list[str]:
    """Return the sources of the modules that are executed when they are first used, and report packages without any."""
    if not staging.lazy_imports:
        return []
    if accesses is None:
        report.note("lazy_imports: nothing is lazy, since no start could be recorded here")
        return []
    sources = [_source(path) for path in accesses.needed if path.endswith(".pyc")]
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
    requested = read_requested(staging.requirements)
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
        prepared = prepare(staging.lock, staging.packages, recipe, requested, progress, frames)
    packages = put_required_last(prepared, requested)
    for (other, name), path in find_disputed(packages).items():
        report.warn(
            f"{other} and {name} each bring a {path} of their own: those of {name} are taken. Of such packages, one that the "
            "requirements name comes before one that others bring: name the one that the function needs, alone"
        )
    return packages


def _modules(requirements: Path, packages: Sequence[Package]) -> dict[str, list[str]]:
    """Return the modules to import of each requirement: those that the package names, else those that it installs."""
    found = {normalize(each.name): each.modules for each in packages}
    requested = dict.fromkeys(read_requested(requirements))
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
