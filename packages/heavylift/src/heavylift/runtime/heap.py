"""Memory for Python's objects, made ready while a start waits and has nothing else to do.

An import touches tens of megabytes of the heap for the first time, and the kernel makes each page of them when it is touched: a
twentieth of the import and more, in a virtual machine. Objects of up to half a kilobyte come out of arenas, of a megabyte mostly,
which the interpreter gives back when none is in one any more (CPython, Objects/obmalloc.c). So objects are made while files are
waited for, all of them go but a few in each arena, and what the import makes lies where they were.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from heavylift.runtime.lines import log_damaged

SIZE_NAME = "heavylift/heap.txt"  # in the code package: MB that the import is going to take
_IMPORT = 2  # bytes for each of bytecode; 1.7 to 2.8 with four functions (docs/decisions/import-of-a-start.md)
_MOST = 64  # MB
_SHARE = 32  # of the instance's memory
_SIZE = 512 - sys.getsizeof(b"")  # of the largest object that comes out of an arena
_PIECE = 256  # objects, of which one stays: in any arena there are several; the smallest, up to 3.9, are of 256 KB
_STEP = 4  # pieces, half a megabyte


class Heap:
    """The heap of a process whose start has not imported the function yet.

    Args:
        code: the code package.
        memory: MB of the instance; 0: nobody knows, and nothing is made ready.
    """

    def __init__(self, code: Path, memory: int) -> None:
        megabytes = min(_read_size(code), _MOST, memory // _SHARE)
        self._steps = megabytes * (1 << 20) // (_STEP * _PIECE * 512)
        self._made: list[list[bytes]] = []
        self._kept: list[bytes] = []

    def grow(self) -> Iterator[int]:
        """Make half a megabyte ready with each step; yield the number of pieces so far."""
        while self._steps:
            self._steps -= 1
            try:
                self._made += [[bytes(_SIZE) for _ in range(_PIECE)] for _ in range(_STEP)]
            except MemoryError:  # the import may do with what is left
                self._steps = 0
            yield len(self._made)

    def release(self) -> None:
        """Leave what was made ready to others; the arenas stay while this object does."""
        self._kept += (piece[-1] for piece in self._made)
        self._made.clear()


def dump_size(bytecode: int) -> bytes:
    """Return the content of the file.

    Args:
        bytecode: bytes of it that a start imports.
    """
    return b"%d\n" % (_IMPORT * bytecode >> 20)


def _read_size(code: Path) -> int:
    path = f"{code}/{SIZE_NAME}"
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - faster
            return int(file.read())
    except FileNotFoundError:
        return 0
    except ValueError:
        log_damaged(path)
        return 0
