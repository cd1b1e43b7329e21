"""Prepared packages: each requirement of a lock installed, stripped and compiled in a folder of its own.

What rules would take away is there as it was installed: whether it goes, all packages together decide.

A folder's name tells everything that its content depends on, so a build prepares what changed and finds the rest as it was. A
folder has that name only when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from heavylift.build import binaries, resolve
from heavylift.build.files import walk
from heavylift.build.frames import Frames
from heavylift.build.installed import ChangedError, check_installed, is_untouched
from heavylift.build.layout import lead_to_libraries, move_modules
from heavylift.build.names import normalize
from heavylift.build.prune import Rule, match_rules
from heavylift.build.scripts import make_portable
from heavylift.build.segments import split_segments
from heavylift.build.system import Libraries, read_libraries
from heavylift.build.together import install_together
from heavylift.contracts.archive import BLOCK_SIZE
from heavylift.contracts.platform import Target

DOWNLOADS = 8  # packages that are installed at a time, beside those that wait for a core
_CONTENT, _RECORD = "files", "package.json"
# Ends of names that no library has: an applib has ten thousands of such files, and each would be opened to see what it is.
_SOURCES = (".py", ".pyi", ".h", ".hpp", ".inc")
_TOGETHER = "together.new"  # the folder of the packages that one run of uv installs


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """The preparation of every package."""

    target: Target
    interpreter: Path | None  # of the target's version; None: no bytecode
    rules: Sequence[Rule]
    strip: bool
    fingerprint: str  # of all that the result depends on, other than the package itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A prepared package."""

    place: Path  # its folder
    name: str
    version: str
    files: Mapping[str, Sequence[int]]  # what was installed, relative paths: bytes, and bytes stripped
    libraries: Libraries  # those of them that are shared libraries or programs
    modules: Sequence[str]  # that one imports of it

    @property
    def content(self) -> Path:
        """The folder with its files."""
        return content_of(self.place)


def prepare(
    lock: Path,
    cache: Path,
    recipe: Recipe,
    first: Sequence[str],
    progress: Callable[[int, int], None],
    frames: Frames | None = None,
) -> list[Package]:
    """Prepare the packages of a lock that are not prepared yet.

    Args:
        lock: with hashes.
        cache: the folder of the prepared packages; those of another lock stay, until `retain`.
        recipe: what to do with each.
        first: names of packages to begin with: the heavy ones, if anybody knows.
        progress: called with the number of packages done, and of those that had to be prepared.
        frames: begins to compress each as soon as it is there.

    Returns:
        All packages of the lock, in its order.

    Raises:
        BuildError: a package cannot be installed or compiled; those that were completed before stay.
    """
    began = time.time_ns()
    places = {entry: _place(entry, cache, recipe) for entry in resolve.read_lock(lock)}
    sources = resolve.read_sources(lock)
    for place in places.values():
        if place.is_dir() and not place_is_sound(place):
            shutil.rmtree(place)
    missing = [entry for entry, place in places.items() if not place.is_dir()]
    missing.sort(key=lambda entry: _name(entry) not in first)
    others = [entry for entry in missing if _name(entry) not in first]
    scratch = cache / _TOGETHER
    shutil.rmtree(scratch, ignore_errors=True)

    def install_others() -> dict[str, Path]:
        if len(others) < 2:
            return {}
        scratch.mkdir()
        return install_together(others, sources, scratch, recipe.target)

    def run(entry: str) -> None:
        if entry in missing:
            installed = together.result().get(_name(entry)) if entry in others else None
            preparation.run(entry, places[entry], installed)
        elif frames:
            package = _read(places[entry])
            frames.begin(
                package.place, package.content, package.files.keys() - match_rules(package.files, recipe.rules)
            )

    with ThreadPoolExecutor(binaries.WORKERS) as cores, ThreadPoolExecutor(DOWNLOADS) as downloads:
        preparation = _Preparation(recipe=recipe, sources=sources, cores=cores, frames=frames, began=began)
        together = downloads.submit(install_others)  # before those that wait for it
        jobs = [downloads.submit(run, entry) for entry in missing]
        prepared = [downloads.submit(run, entry) for entry in places if entry not in missing]
        if jobs:
            progress(0, len(jobs))
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                job.result()
                progress(done, len(jobs))
            for job in prepared:
                job.result()
        except BaseException:
            downloads.shutdown(cancel_futures=True)
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return [_read(place) for place in places.values()]


def place_is_sound(place: Path) -> bool:
    """Return whether a prepared package is as it was made: its files may be uv's, and so those of other environments."""
    return (place / _RECORD).is_file() and is_untouched(place / _CONTENT, place / _RECORD)


def retain(places: Iterable[Path], cache: Path) -> None:
    """Remove all folders of a cache but these, and the leftovers of an interrupted build."""
    for path in set(cache.iterdir()).difference(places):
        shutil.rmtree(path)


def put_required_last(packages: Iterable[Package], required: Collection[str]) -> list[Package]:
    """Return packages with those last that requirements name: of several with the same file, the last one's counts."""
    return sorted(packages, key=lambda package: normalize(package.name) in required)


def find_disputed(packages: Iterable[Package]) -> dict[tuple[str, str], str]:
    """Return the pairs of packages that bring different libraries by one path, each pair's last one counting, and such a path."""
    holders, found = dict[str, Package](), dict[tuple[str, str], str]()
    for package in packages:
        for path in package.libraries:
            if (other := holders.get(path)) is not None and other.files[path] != package.files[path]:
                found.setdefault((other.name, package.name), path)
            holders[path] = package
    return found


def find_files(packages: Iterable[Package]) -> dict[str, str]:
    """Return where each file of packages lies, by its path in an applib; of several with the same path, the last one's counts."""
    return {path: entry.path for package in packages for path, entry in walk(package.content)}


def assemble(files: Mapping[str, str], folder: Path) -> None:
    """Put files into a folder, which shares them: nothing may write into them.

    Args:
        files: where each lies, by its path in the folder.
        folder: is made if it is not there; none of the files may be in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = {""}
    for path, source in files.items():
        below = path.rpartition("/")[0]
        if below not in made:
            (folder / below).mkdir(parents=True, exist_ok=True)
            made.add(below)
        _share(source, f"{folder}/{path}")


def content_of(place: Path) -> Path:
    """Return the folder with the files of a package, which lies in the package's own."""
    return place / _CONTENT


def _place(entry: str, cache: Path, recipe: Recipe) -> Path:
    digest = hashlib.sha256(json.dumps([recipe.fingerprint, entry]).encode()).hexdigest()
    return cache / f"{_name(entry)}-{digest[:16]}"


def _name(entry: str) -> str:
    return normalize(resolve.entry_name(entry))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Preparation:
    """The preparation of the packages of a lock.

    Attributes:
        recipe: what to do with each.
        sources: the options of the lock that say where they come from, and how.
        cores: runs the work.
        frames: begins to compress each as soon as it is there.
        began: nanoseconds since 1970: when this build began.
    """

    recipe: Recipe
    sources: Sequence[str]
    cores: Executor
    frames: Frames | None
    began: int

    def run(self, entry: str, place: Path, files: Path | None) -> None:
        """Prepare a package.

        Args:
            entry: of the lock.
            place: the package's folder; it is made when all is done.
            files: the folder that it was installed in, if it was.
        """
        scratch = place.with_name(place.name + ".new")
        shutil.rmtree(scratch, ignore_errors=True)
        content = scratch / _CONTENT
        scratch.mkdir(parents=True)
        try:
            lock = scratch / "lock.txt"
            resolve.write_lock(lock, self.sources, [entry])
            installed, going = self._install(lock, content, files)
            lock.unlink()
            staying = [path for path in installed if path not in going]
            if self.frames:  # with the small files, which stay as they are: large ones take the longest to prepare
                self.frames.begin(
                    scratch, content, [path for path in staying if installed[path] <= BLOCK_SIZE and ".so" not in path]
                )
            record = _describe(entry, content, installed)
            lead_to_libraries(content, staying, self.recipe.target)
            if self.recipe.strip:
                binaries.strip(content, going.keys(), self.cores)
            with ThreadPoolExecutor(1) as beside:
                compiled = beside.submit(self._compile, content, [path for path in staying if path.endswith(".py")])
                for path in staying:
                    if installed[path] > BLOCK_SIZE:
                        split_segments(content / path)
                if self.frames:
                    self.frames.begin(scratch, content, staying)
                stripped = {path: os.lstat(f"{content}/{path}").st_size for path in installed}
                record["libraries"] = read_libraries(
                    content, (path for path in installed if not path.endswith(_SOURCES))
                )
                compiled.result()
            record["files"] = {path: [size, stripped[path]] for path, size in installed.items()}
            (scratch / _RECORD).write_text(json.dumps(record), encoding="utf-8")
            if self.frames:
                self.frames.move(scratch, place, content_of(place))
            else:
                scratch.rename(place)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise

    def _install(
        self, lock: Path, content: Path, files: Path | None, *, cached: bool = True
    ) -> tuple[dict[str, int], dict[str, str]]:
        """Install a package, past uv's cache where somebody has edited it there; return its files' sizes, and which rules name."""
        shutil.rmtree(content, ignore_errors=True)
        if files:
            files.rename(content)
        else:
            content.mkdir()
            resolve.install(lock, content, self.recipe.target, wheels_only=True, share=True, cached=cached)
        inside = [f"/{path}".partition("/__pycache__/") for path, _ in walk(content)]
        for package in {before for before, found, _ in inside if found}:
            # Compiled anew, for the target's version and without a check of times.
            shutil.rmtree(f"{content}{package}/__pycache__")
        make_portable(content)
        move_modules(content, self.recipe.target)
        installed = _sizes(content)
        going = match_rules(installed, self.recipe.rules)
        try:
            check_installed(content, lambda path: path not in going, self.cores, self.began)
        except ChangedError as error:
            if not cached:
                raise ChangedError(f"{error}, although it was fetched anew; ask for another version of it") from error
            return self._install(lock, content, None, cached=False)
        return installed, going

    def _compile(self, content: Path, names: Sequence[str]) -> None:
        if self.recipe.interpreter:
            binaries.compile_bytecode(content, names, self.recipe.interpreter, self.cores)


def _describe(entry: str, content: Path, files: Iterable[str]) -> dict[str, Any]:
    infos = sorted(content.glob("*.dist-info"))
    if not infos:  # an entry whose marker excludes the target
        return {"name": resolve.entry_name(entry), "version": "", "modules": []}
    distribution = Distribution.at(infos[0])
    listed = infos[0] / "top_level.txt"
    named = _top_modules(listed.read_text(encoding="utf-8")) if listed.exists() else []
    modules = named or installed_modules(files)
    name = distribution.metadata["Name"]
    return {"name": name, "version": distribution.version, "modules": modules}


def _top_modules(text: str) -> list[str]:
    """Return the modules that a top_level.txt names; some name modules inside of packages, too, as paths."""
    return list(dict.fromkeys(line.partition("/")[0] for line in text.split()))


def installed_modules(files: Iterable[str]) -> list[str]:
    """Return the modules that one imports of a package that does not name them, by the paths of its files."""
    tops = {Path(file).parts[0].partition(".")[0] for file in files if file.endswith((".py", ".so"))}
    return sorted(top for top in tops if top.isidentifier())  # numpy.libs is beside numpy


def _sizes(content: Path) -> dict[str, int]:
    """Return the bytes of each file below a folder, by its relative path."""
    files = {path: entry.stat(follow_symlinks=False).st_size for path, entry in walk(content) if entry.is_file()}
    return {path: files[path] for path in sorted(files, key=lambda path: path.split("/"))}


def _read(place: Path) -> Package:
    return Package(place=place, **json.loads((place / _RECORD).read_bytes()))


def _share(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without links, or with too few
        shutil.copy2(source, target, follow_symlinks=False)
