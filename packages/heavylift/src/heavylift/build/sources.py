"""The sources of a code package: the loading library, the two entry points, and the user's function.

Of the user's folder, all goes in that the function may read, and nothing that only the build or the user's tools do:

- what the build reads or writes itself, where it lies below: the output, its cache, the model's data, the requirements file with
  its locks and recordings, the prune rules;
- the folders of `TOOLS`, and virtual environments, whatever their names;
- `.env` and `.env.*`, where secrets are kept: who may read the code package must not get them with it.

A link within the folder goes in as its file; one that leads out of it is refused, for nobody may have meant what it leads to.

Modules always go in, but for those of tools and of the output: a package of the user's may be named `locks`, or lie in the model.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import heavylift
from heavylift.build.errors import BuildError

PACKAGE = Path(heavylift.__file__).parent
LIBRARY = (  # of it: what every code package holds
    *("__init__.py", "errors.py", "contracts/**/*.py", "runtime/**/*.py"),
    "runtime/pages.x86_64.so",  # Function Compute's processors: see heavylift.contracts.platform
)
# What the platform calls, where the user's folder has none.
LOADER, ENTRY = "loader.py", Path(__file__).with_name("entry.py")
# Folders that tools make for themselves.
TOOLS = frozenset(
    {
        *(".git", ".hg", ".svn", ".idea", ".vscode"),
        *(".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
        *(".tox", ".nox", ".venv", ".ipynb_checkpoints", "__pycache__", "node_modules", ".heavylift", "cdk.out"),
    }
)
_SECRETS = re.compile(r"\.env(\..*)?")
_FILES = frozenset({".DS_Store", ".gitignore", ".gitattributes"})


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFiles:
    """The folders and files that are the build's own.

    Attributes:
        made: folders that it writes.
        model: the folder that it packs as the model.
        read: files that it reads: requirements, prune rules.
    """

    made: Collection[Path] = ()
    model: Path | None = None
    read: Collection[Path] = ()


def code_files(own: Path, build: BuildFiles) -> dict[str, Path]:
    """Return the files of the code package, by their names in it.

    Args:
        own: the user's function.
        build: what is left out of the user's folder.

    Raises:
        BuildError: there are no files, they would replace the loading library, the output would be among them, or a link leads
            out of the user's folder.
    """
    check_apart("code", own, build.made)
    found = {path.relative_to(own).as_posix(): path for path in _own_files(own, build)}
    if not found:
        raise BuildError(f"code: {own}: there are no files in such a folder")
    for name in found:
        if name.startswith((f"{PACKAGE.name}/", "vendor/")):
            raise BuildError(f"code: {own}: {name} would replace a part of the loader; give it another name")
    if LOADER in found and "heavylift.runtime.loader" not in found[LOADER].read_text(encoding="utf-8"):
        raise BuildError(
            f"code: {own}: {LOADER} would replace the loader, and does not import `handler` and `initializer` from "
            "heavylift.runtime.loader; give it another name"
        )
    return dict(sorted({LOADER: ENTRY, **_library(), **found}.items()))


def check_apart(argument: str, folder: Path, made: Collection[Path]) -> None:
    """Refuse a folder of sources that the build writes into itself.

    Raises:
        BuildError: it is one of those, or lies in one.
    """
    for each in made:
        if folder.resolve().is_relative_to(each.resolve()):
            raise BuildError(
                f"{argument}: {folder} is what the build writes to, or lies in it; name a folder of your own"
            )


def _library() -> dict[str, Path]:
    found = {path for pattern in LIBRARY for path in PACKAGE.glob(pattern)}
    return {path.relative_to(PACKAGE.parent).as_posix(): path for path in found}


def _own_files(own: Path, build: BuildFiles) -> Iterator[Path]:
    made = {path.resolve() for path in build.made}
    read = {path.resolve() for path in build.read}
    locks = {(path.parent / folder, path.stem) for path in read for folder in ("locks", "recordings")}
    root = own.resolve()
    model = build.model.resolve() if build.model and build.model.resolve() != root else None
    for place, folders, names in os.walk(own):
        folder = Path(place).resolve()
        folders[:] = sorted(
            name
            for name in folders
            if name not in TOOLS
            and not _SECRETS.fullmatch(name)
            and not name.endswith(".egg-info")
            and not (folder / name / "pyvenv.cfg").exists()
            and (folder / name).resolve() not in made
        )
        in_model = model is not None and folder.is_relative_to(model)
        if not in_model:
            for name in folders:
                _check_inside(root, Path(place) / name, own)
        for name in sorted(names):
            path = folder / name
            if not path.is_file():  # a link to nothing, or a socket
                continue
            if path.suffix == ".py" or not (
                in_model
                or name in _FILES
                or _SECRETS.fullmatch(path.resolve().name)
                or path.resolve() in read
                or any(folder == lies and name.startswith((f"{stem}-cp", ".")) for lies, stem in locks)
            ):
                _check_inside(root, Path(place) / name, own)
                yield Path(place) / name


def _check_inside(root: Path, path: Path, own: Path) -> None:
    if not path.resolve().is_relative_to(root):
        raise BuildError(
            f"code: {own}: {path.relative_to(own)} is a link to {path.resolve()}, outside of the folder; put a copy in its place"
        )
