"""What packages ask for by .pth files: folders to find modules in, and lines to execute.

Python does that for its site-packages as it starts; a folder that comes later, it leaves alone. Some packages have their modules
in such a folder, and setuptools brings Python 3.12 the `distutils` that it has no more.

Source: docs.python.org, "site — Site-specific configuration hook". This module stands alone: the build executes its source in
processes that see nothing else of heavylift.
"""

from __future__ import annotations

import os
import sys


def follow_path_files(folder: str) -> list[str]:
    """Do what the .pth files of a folder ask for, as for site-packages, and return the folders that `sys.path` has got by that.

    Args:
        folder: its absolute path. A line that fails is told on the standard error, as Python does.
    """
    entries = os.listdir(folder)  # noqa: PTH208 - faster
    names = sorted(name for name in entries if name.endswith(".pth") and not name.startswith("."))
    if not names:
        return []
    import site  # what it imports, most starts have no use for

    before = frozenset(sys.path)
    known = set(before)
    for name in names:
        site.addpackage(folder, name, known)
    return [entry for entry in sys.path if entry not in before]
