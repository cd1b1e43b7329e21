"""The sources of a code package: the loader, and the user's function or the example.

Of a folder of the user's own, all goes in that the function may read, and nothing that only the build or the user's tools do:

- what the build reads or writes itself, where it lies below: the output, its cache, the model's data, the requirements file with
  its locks, the prune rules;
- the folders of `TOOLS`, and virtual environments, whatever their names;
- `.env` and `.env.*`, where secrets are kept: who may read the code package must not get them with it.

A link within the folder goes in as its file; one that leads out of it is refused, for nobody may have meant what it leads to.

Modules always go in, but for those of tools and of the output: a package of the user's may be named `locks`, or lie in the model.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from layers_build.errors import BuildError

LOADER = ("loader.py", "coldstart/**/*.py")  # of function/: what every code package holds
EXAMPLE = ("*.py", "pic/*")  # of function/: the example, where no code of the user's own is given
TOOLS = frozenset(  # folders that tools make for themselves
    {
        *(
            ".git",
            ".hg",
            ".svn",
            ".idea",
            ".vscode",
            ".cache",
            ".mypy_cache",
            ".pytest_cache",
            ".ruff_cache",
            ".hypothesis",
        ),
        *(".tox", ".nox", ".venv", ".ipynb_checkpoints", "__pycache__", "node_modules", ".heavylift", "cdk.out"),
    }
)
_SECRETS = re.compile(r"\.env(\..*)?")
_FILES = frozenset({".DS_Store", ".gitignore", ".gitattributes"})


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFiles:
    """What is the build's own.

    Attributes:
        made: folders that it writes.
        model: the folder that it packs as the model.
        read: files that it reads: requirements, prune rules.
    """

    made: Collection[Path] = ()
    model: Path | None = None
    read: Collection[Path] = ()


def code_files(function: Path, own: Path | None, build: BuildFiles) -> dict[str, Path]:
    """Return the files of the code package, by their names in it.

    Args:
        function: the folder with the loader and the example.
        own: the user's function; None: the example.
        build: what is left out of the user's folder.

    Raises:
        BuildError: there are no files, they would replace the loader, the output would be among them, or a link leads out of
            the user's folder.
    """
    files = _find(function, LOADER)
    if own is None:
        return dict(sorted({**files, **_find(function, EXAMPLE)}.items()))
    check_apart("--code", own, build.made)
    found = {path.relative_to(own).as_posix(): path for path in _own_files(own, build)}
    if not found:
        raise BuildError(f"--code {own}: there are no files in such a folder")
    for name in found:
        if name in files or name.startswith(("coldstart/", "vendor/")):
            raise BuildError(f"--code {own}: {name} would replace a part of the loader; give it another name")
    return dict(sorted({**files, **found}.items()))


def check_apart(option: str, folder: Path, made: Collection[Path]) -> None:
    """Refuse a folder of sources that the build writes into itself.

    Raises:
        BuildError: it is one of those, or lies in one.
    """
    for each in made:
        if folder.resolve().is_relative_to(each.resolve()):
            raise BuildError(f"{option} {folder} is what the build writes to, or lies in it; name another --output")


def _find(folder: Path, patterns: Sequence[str]) -> dict[str, Path]:
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    kept = (path for path in found if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path for path in kept}


def _own_files(own: Path, build: BuildFiles) -> Iterator[Path]:
    made = {path.resolve() for path in build.made}
    read = {path.resolve() for path in build.read}
    locks = {(path.parent / "locks", path.stem) for path in read}
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
            f"--code {own}: {path.relative_to(own)} is a link to {path.resolve()}, outside of the folder; put a copy in its place"
        )
