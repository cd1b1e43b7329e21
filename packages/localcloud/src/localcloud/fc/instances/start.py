"""Starts the bootstrap within an instance: `python -I -S start.py REDIRECT DESCRIPTOR`, see `bootstrap.main`.

Python keeps no bytecode of the file that it is told to run, but it does of those that this one loads; so this one is short.
Standard library only, Python 3.9 and later.
"""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType


def load_module(path: str) -> ModuleType:
    """Load a file as a module, once, under a name that no module of a function has."""
    name = f"localcloud_{path.rpartition('/')[2].removesuffix('.py')}"
    if name not in sys.modules:
        loader, module = SourceFileLoader(name, path), ModuleType(name)
        module.__file__, module.__loader__ = path, loader
        sys.modules[name] = module
        loader.exec_module(module)
    return sys.modules[name]


if __name__ == "__main__":  # the processes that `multiprocessing` spawns run this file under another name
    load_module(f"{__file__.removesuffix('start.py')}bootstrap.py").main(sys.argv[1], int(sys.argv[2]))
