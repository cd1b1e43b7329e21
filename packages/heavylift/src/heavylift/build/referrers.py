"""Reads referrers in processes: parsing a large applib's sources takes some seconds of Python on each core.

The processes are plain ones of this Python, whatever the build's own has imported or started.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from heavylift.build.binaries import WORKERS
from heavylift.build.candidates import Candidates
from heavylift.build.errors import BuildError
from heavylift.build.known import Bearing, Known, read_known, write_known
from heavylift.build.mentions import words_of
from heavylift.build.needed import find_referrers
from heavylift.build.references import References

_MAIN = "import sys; sys.path.insert(0, sys.argv[1]); from heavylift.build.referrers import main; main()"
_PLACE = Path(__file__).parents[2]  # where this package is imported from


def read_referrers(
    files: Mapping[str, str], candidates: Candidates, places: Mapping[str, Path] | None = None
) -> dict[str, References]:
    """Return the references of the files that stay in any case, by their paths.

    Args:
        files: where each lies.
        candidates: what may go.
        places: the folders of the files' packages, in which what is read is kept for the next build; None: it is not.

    Raises:
        BuildError: a process failed.
    """
    packages: dict[Path | None, list[str]] = defaultdict(list)
    for path in candidates.staying:
        packages[(places or {}).get(path)].append(path)
    bearing, found, unread = Bearing(candidates), dict[str, References](), dict[str, int]()
    for number, (place, paths) in enumerate(packages.items()):
        known = read_known(place) if place else None
        if known and known.key == bearing.key(paths, known.words):
            found |= known.found
        else:
            unread |= dict.fromkeys(paths, number)
    read, words = _read_all(unread, files, candidates) if unread else ({}, {})
    for number, (place, paths) in enumerate(packages.items()):
        if place and paths[0] in unread:
            own = {path: read[path] for path in paths if path in read}
            write_known(place, Known(bearing.key(paths, words[number]), words[number], own))
    return found | read


def _read_all(
    paths: Mapping[str, int], files: Mapping[str, str], candidates: Candidates
) -> tuple[dict[str, References], dict[int, set[str]]]:
    """Read files, which are numbered by package; return their references, and the words in the sources of each package."""
    sizes = {path: os.lstat(files[path]).st_size for path in paths}
    ordered = sorted(sizes, key=lambda path: sizes[path])
    shares = [ordered[start::WORKERS] for start in range(WORKERS)]  # alike in bytes
    found, words = dict[str, References](), {number: set[str]() for number in paths.values()}
    with ThreadPoolExecutor(WORKERS) as cores:
        orders = [{path: (files[path], paths[path]) for path in share} for share in shares if share]
        for read, more in cores.map(lambda share: _run(share, candidates), orders):
            found |= read
            for number, each in more.items():
                words[number] |= each
    return found, words


def _run(
    share: Mapping[str, tuple[str, int]], candidates: Candidates
) -> tuple[dict[str, References], dict[int, set[str]]]:
    orders = pickle.dumps((share, candidates.paths, candidates.going, candidates.owners))
    done = subprocess.run(
        [sys.executable, "-P", "-c", _MAIN, str(_PLACE)], input=orders, capture_output=True, check=False
    )
    if done.returncode:
        raise BuildError(f"the search for references failed: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return cast("tuple[dict[str, References], dict[int, set[str]]]", pickle.loads(done.stdout))  # noqa: S301 - of our own process


def main() -> None:
    """Read referrers as the order on standard input says, and write them to standard output."""
    gc.disable()  # a tree of syntax is no garbage, and looking for some takes half of the time
    share, paths, going, owners = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the process that started this
    words: dict[int, set[bytes]] = defaultdict(set)

    def read(path: str) -> bytes:
        place, number = share[path]
        source = Path(place).read_bytes()
        if path.endswith(".py"):
            words[number] |= words_of(source)
        return source

    found = find_referrers(Candidates(paths, going, owners), share, read)
    said = {number: {word.decode() for word in each} for number, each in words.items()}
    pickle.dump((found, said), sys.stdout.buffer)
