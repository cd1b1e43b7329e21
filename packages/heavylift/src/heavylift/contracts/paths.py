"""The paths of an archive: refuses those that could lead out of the target, or that no file system could hold.

Pure. Ordinary zips are held to the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from heavylift.contracts.archive import RESERVED, Link
from heavylift.contracts.failures import invalid_archive

MAX_NAME = 255  # bytes in one part of a path (Linux NAME_MAX)
MAX_PATH = 3072  # bytes in a path; Linux PATH_MAX is 4096 and the target directory comes before

_UNPLAIN = re.compile(r"[\\\x00-\x1f\x7f]")


def check_path(path: str, where: str) -> None:
    """Refuse a path that is not plainly inside the target.

    Args:
        path: as the archive gives it.
        where: names the entry in the error.

    Raises:
        InvalidArchiveError: absolute, `..`, backslash, control character, reserved or too long.
    """
    encoded = _encoded(path, where)
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise invalid_archive(where, f"{path!r} is not a plain relative path", "paths have no '.', '..' or empty part")
    if _UNPLAIN.search(path):
        raise invalid_archive(where, f"{path!r} holds a backslash or a control character", "rename the file")
    if parts[0] == RESERVED:
        raise invalid_archive(where, f"{path!r} lies in {RESERVED}/, which belongs to the loader", "rename the folder")
    if len(encoded) > MAX_NAME and (len(encoded) > MAX_PATH or any(len(part.encode()) > MAX_NAME for part in parts)):
        raise invalid_archive(
            where, f"{path[:80]!r}… is too long", f"{MAX_NAME} bytes a name and {MAX_PATH} a path at most"
        )


def check_paths(paths: Sequence[str], where: str) -> None:
    """Refuse paths of which one is not plainly inside the target, as `check_path` does; quickly where all are plain.

    Args:
        paths: as the archive gives them.
        where: names their list in the error.

    Raises:
        InvalidArchiveError: the message begins with the one that is wrong.
    """
    if not _are_plain(paths):
        for number, path in enumerate(paths):
            check_path(path, f"{where}[{number}].path")


def check_names(files: Iterable[str], dirs: Iterable[str], links: Iterable[str]) -> None:
    """Refuse a set of checked paths that no file system could hold.

    Raises:
        InvalidArchiveError: a name comes twice, or lies below a file or a link.
    """
    taken: set[str] = set()
    for path in (*files, *links):
        if path in taken:
            raise invalid_archive(path, "the name comes twice", "an archive names each file once")
        taken.add(path)
    directories, known = set(dirs), set[str]()
    for path in (*taken, *directories):
        folder = path.rpartition("/")[0]
        while folder and folder not in known:
            known.add(folder)
            folder = folder.rpartition("/")[0]
    directories |= known
    for path in sorted(directories & taken):
        raise invalid_archive(path, "is a file or a link and also a directory", "an archive gives a name one meaning")


def check_link(link: Link, links: frozenset[str]) -> None:
    """Refuse a link that leads out of the tree, by itself or through another link.

    Args:
        link: its path is checked already.
        links: the paths of all links of the archive.

    Raises:
        InvalidArchiveError: the target is absolute, leaves the tree, or cannot be judged without following links.
    """
    where = f"{link.path} -> {link.target!r}"
    if len(_encoded(link.target, where)) > MAX_PATH or "\0" in link.target or not link.target:
        raise invalid_archive(where, "the target is empty, too long or holds NUL", "make the link again")
    folder = link.path.split("/")[:-1]
    steps = link.target.split("/")
    up = next((number for number, step in enumerate(steps) if step != ".."), len(steps))
    if link.target.startswith("/") or up > len(folder):
        raise invalid_archive(
            where, "the link leads out of the archive", "link to files of the archive, by relative paths"
        )
    if any(step in ("", ".", "..") for step in steps[up:]):
        # `a/..` is not always `.`: when `a` is a link, it is the parent of what `a` leads to.
        raise invalid_archive(where, "the target goes down and up again", "write '..' only at the start of a target")
    resolved = "/".join(folder[: len(folder) - up] + steps[up:])
    through = [parent for parent in _parents(resolved) if parent in links]
    if through:
        raise invalid_archive(where, f"the target leads through the link {through[0]}", "name the real path instead")


def _are_plain(paths: Sequence[str]) -> bool:
    """Return whether `check_path` refuses none of these; False where only a look at each can tell.

    A hundred times as fast as a thousand looks: an archive names thousands of files, and they all wait for this.
    """
    everything = "".join(paths)
    marked = "/" + "/\n/".join(paths) + "/"  # what is printable holds no line feed
    return (
        everything.isascii()
        and everything.isprintable()
        and max(map(len, paths), default=0) <= MAX_NAME
        and not any(each in marked for each in ("//", "/./", "/../", "\\", f"\n/{RESERVED}/"))
        and not marked.startswith(f"/{RESERVED}/")
    )


def _parents(path: str) -> Iterator[str]:
    slash = path.rfind("/")
    while slash > 0:
        yield path[:slash]
        slash = path.rfind("/", 0, slash)


def _encoded(text: str, where: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise invalid_archive(where, f"{text!r} is not Unicode text", "rename the file") from error
