"""Names of modules, packages and folders, taken apart and put together. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator


def module_name(path: str) -> str:
    """Return the name that a file has as a module."""
    folder, name = split(path)
    stem = name.partition(".")[0]
    package = folder.replace("/", ".")
    return package if stem == "__init__" else join(package, stem)


def normalize(name: str) -> str:
    """Return the name of a package of an index as indexes compare it (packaging.python.org, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def split(path: str) -> tuple[str, str]:
    """Return the folder and the name of a path."""
    folder, _, name = path.rpartition("/")
    return folder, name


def above(folder: str) -> list[str]:
    """Return the folders that a folder lies in, from the outermost, then itself."""
    parts = folder.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def join(base: str, name: str) -> str:
    """Return the name of a module in a package; either may be empty."""
    return f"{base}.{name}" if base and name else base or name


def ancestor(package: str, levels: int) -> str:
    """Return the package that lies some levels above another one."""
    parts = package.split(".")
    return ".".join(parts[: max(len(parts) - levels, 0)])


def prefixes(name: str) -> Iterator[str]:
    """Yield the names of the packages that a module lies in, from the outermost, then its own."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
