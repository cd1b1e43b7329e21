"""The size of a code package as a zip: what the platform's limit is about, and what an upload takes.

A file's part of it is kept from one build to the next: a build after an edit of one module compresses that module alone.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from heavylift.build.binaries import WORKERS


def zipped_size(folder: Path, digests: Mapping[str, str], known: Path) -> int:
    """Return the bytes of a zip of files.

    Args:
        folder: that they lie in.
        digests: of their contents, by their paths in it.
        known: a file that keeps the size of each content; it need not be there.
    """
    sizes = _read(known)
    paths = {digest: path for path, digest in digests.items()}
    missing = [digest for digest in paths if digest not in sizes]

    def compressed(digest: str) -> int:
        return len(zlib.compress((folder / paths[digest]).read_bytes()))

    with ThreadPoolExecutor(WORKERS) as cores:
        sizes |= dict(zip(missing, cores.map(compressed, missing), strict=True))
    if missing:
        temporary = known.with_suffix(".new")
        temporary.write_text(json.dumps({digest: sizes[digest] for digest in sorted(paths)}), encoding="utf-8")
        temporary.replace(known)
    headers = sum(2 * len(path.encode()) + 100 for path in digests)  # local and central
    return headers + sum(sizes[digest] for digest in digests.values())


def _read(known: Path) -> dict[str, int]:
    try:
        sizes = json.loads(known.read_bytes())
    except (OSError, ValueError):
        return {}
    return sizes if isinstance(sizes, dict) else {}
