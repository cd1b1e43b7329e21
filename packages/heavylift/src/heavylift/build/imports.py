"""The imports of an applib's requirements, which decide about files that nothing names.

Rules say which files may go, and references which of them stay. What else the imports open, or list, stays as well. Mostly that
changes nothing: so what is left by then is imported, as a start will import it, and what it looked for in vain tells whether it
may have gone another way with all files there. Then the imports are made with all of them, and again with what they leave.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from heavylift.build import binaries
from heavylift.build.accesses import IMPORTED, Accesses, modules_of, record_imports
from heavylift.build.errors import BuildError, MissingModuleError
from heavylift.build.needed import Referrers
from heavylift.build.packages import assemble
from heavylift.build.prune import Pruning, Survey, choose, remove

if TYPE_CHECKING:
    from heavylift.build.reporter import Reporter
    from heavylift.build.system import Need


@dataclass(frozen=True, kw_only=True, slots=True)
class Imports:
    """Imports of the requirements' modules, in clean processes."""

    folder: Path
    interpreter: Path | None  # None: the target's Python does not run here
    modules: dict[str, list[str]]  # of each requirement
    needs: Sequence[Need]  # what may be missing here
    report: Reporter

    def record_useful(self, why: str, gone: Set[str] = frozenset()) -> Accesses | None:
        """Import the modules, and leave out those that need a package that nothing requires.

        Packages bring modules that are of use only beside another package, which they do not require: an adapter, a driver. At
        least one module of each requirement has to be imported.

        Args:
            why: see `record`.
            gone: modules that were taken away; who needs one is not left out.
        """
        while True:
            try:
                return self.record(why)
            except MissingModuleError as error:
                modules = next(modules for modules in self.modules.values() if error.module in modules)
                if len(modules) == 1 or error.missing in gone:
                    raise
                modules.remove(error.module)
                self.report.note(
                    f"{error.module} is not imported: it needs {error.missing}, which nothing here requires"
                )

    def record(self, why: str, lazy: Sequence[str] = ()) -> Accesses | None:
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


@dataclass(frozen=True, slots=True)
class Tree:
    """An applib's folder, and the files that may be put into it."""

    folder: Path
    files: Mapping[str, str]  # where each lies, by its path in the applib
    interpreter: Path | None  # None: there is no bytecode

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return Path(self.files[path]).read_bytes()

    def put(self, paths: Collection[str]) -> None:
        """Put some files into the folder that are not in it."""
        assemble({path: self.files[path] for path in paths}, self.folder)

    def compile(self, paths: Iterable[str]) -> None:
        """Compile those of some files that are modules."""
        if self.interpreter:
            with ThreadPoolExecutor(binaries.WORKERS) as cores:
                names = [path for path in paths if path.endswith(".py")]
                binaries.compile_bytecode(self.folder, names, self.interpreter, cores)


def choose_files(imports: Imports, tree: Tree, found: Survey, referrers: Referrers) -> tuple[Pruning, Accesses | None]:
    """Put into a folder what stays of an applib's files.

    Args:
        imports: of its requirements; modules that cannot be imported are taken out of them.
        tree: the files, and the folder, which is not there.
        found: the files that may go.
        referrers: of those that stay in any case.

    Returns:
        The files that went, and the accesses of the imports without them; None where nothing can be imported.

    Raises:
        BuildError: what was asked for cannot be imported.
    """
    pruning = choose(found, referrers, tree.read)
    tree.put([path for path in tree.files if path not in pruning.removed])
    tree.compile(pruning.spared)
    if imports.interpreter is None:
        return pruning, None
    modules = {name: [*each] for name, each in imports.modules.items()}
    if settled := _import_without(imports, tree, found, pruning):
        return settled
    imports.modules.update(modules)
    tree.put(pruning.removed.keys())
    everything = imports.record_useful("what they open stays")
    assert everything is not None
    spared = pruning.spared
    pruning = choose(found, referrers, tree.read, everything.opened(tree.files))
    remove(tree.folder, pruning.removed)
    tree.compile([path for path in pruning.spared if path not in spared])
    return pruning, imports.record("as a start will")


def bring_back(paths: Collection[str], tree: Tree, found: Survey, pruning: Pruning) -> Pruning:
    """Put files that went, and all that they need, back into a folder.

    Args:
        paths: of files that rules which yield took away.
        tree: the files, and the folder.
        found: the files that may go.
        pruning: those that went.

    Returns:
        The files that are gone now.
    """
    if not paths:
        return pruning
    left = choose(found, {}, tree.read, paths, pruning.spared)
    back = pruning.removed.keys() - left.removed.keys()
    tree.put(back)
    tree.compile(back)
    return left


def _import_without(imports: Imports, tree: Tree, found: Survey, pruning: Pruning) -> tuple[Pruning, Accesses] | None:
    """Import what is left, and put back what the imports have listed; None: what went may make a difference."""
    gone = [path for path in pruning.removed if path in found.matched]  # by rules that yield
    try:
        accesses = imports.record_useful("as a start will", modules_of(gone))
    except BuildError:
        if gone:
            return None
        raise
    assert accesses is not None
    left = (path for path in tree.files if path not in pruning.removed)
    if accesses.may_differ(gone, left, found.candidates.folders):
        return None
    settled = choose(found, {}, tree.read, accesses.opened(tree.files), pruning.spared)
    listed = pruning.removed.keys() - settled.removed.keys()
    if any(path.endswith(IMPORTED) for path in listed):
        return None
    tree.put(listed)
    return settled, accesses
