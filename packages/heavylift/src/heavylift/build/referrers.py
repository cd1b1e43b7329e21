"""Reads referrers in processes: parsing a large applib's sources takes some seconds of Python on each core.

The processes are plain ones of this Python, whatever the build's own has imported or started.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from heavylift.build.binaries import WORKERS
from heavylift.build.candidates import Candidates
from heavylift.build.errors import BuildError
from heavylift.build.needed import find_referrers
from heavylift.build.references import References

_MAIN = "import sys; sys.path.insert(0, sys.argv[1]); from heavylift.build.referrers import main; main()"
_PLACE = Path(__file__).parents[2]  # where this package is imported from


def read_referrers(files: Mapping[str, str], candidates: Candidates) -> dict[str, References]:
    """Return the references of the files that stay in any case, by their paths.

    Args:
        files: where each lies.
        candidates: what may go.

    Raises:
        BuildError: a process failed.
    """
    sizes = {path: os.lstat(files[path]).st_size for path in candidates.staying}
    paths = sorted(sizes, key=lambda path: sizes[path])
    shares = [paths[start::WORKERS] for start in range(WORKERS)]  # alike in bytes
    with ThreadPoolExecutor(WORKERS) as cores:
        found = cores.map(lambda share: _run({path: files[path] for path in share}, candidates), shares)
    return {path: references for each in found for path, references in each.items()}


def _run(share: Mapping[str, str], candidates: Candidates) -> dict[str, References]:
    orders = pickle.dumps((share, candidates.paths, candidates.going, candidates.owners))
    done = subprocess.run([sys.executable, "-c", _MAIN, str(_PLACE)], input=orders, capture_output=True, check=False)
    if done.returncode:
        raise BuildError(f"the search for references failed: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return cast("dict[str, References]", pickle.loads(done.stdout))  # noqa: S301 - of our own process


def main() -> None:
    """Read referrers as the order on standard input says, and write them to standard output."""
    gc.disable()  # a tree of syntax is no garbage, and looking for some takes half of the time
    share, paths, going, owners = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the process that started this
    found = find_referrers(Candidates(paths, going, owners), share, lambda path: Path(share[path]).read_bytes())
    pickle.dump(found, sys.stdout.buffer)
