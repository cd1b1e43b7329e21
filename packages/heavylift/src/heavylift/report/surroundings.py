"""The part of this machine in a start on the embedded cloud: what a region's start would not spend, or would spend otherwise."""

from __future__ import annotations

import mmap
import os
import time
from dataclasses import dataclass

_PAGES = 65536
_HUGE = 2 * 1024 * 1024  # bytes; memory is given back in blocks of at least that size, and asked for in such


def first_touch(pages: int = _PAGES) -> float:
    """Return microseconds for the first touch of a page of free memory.

    A virtual machine gives memory that lies free back to its host (Linux, mm/page_reporting.c), which finds pages anew when they
    are touched again.
    """
    size = pages * mmap.PAGESIZE
    with mmap.mmap(-1, size + _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        ones = bytes(pages)
        begin = time.perf_counter()
        memory[: size : mmap.PAGESIZE] = ones
        return (time.perf_counter() - begin) / pages * 1e6


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used; its children's are not among them. Source: proc(5), `/proc/pid/stat`."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - not a file on a disk
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """The surroundings of a start on this machine.

    Attributes:
        cores: of the machine, which the instance shares with the embedded cloud.
        cloud: CPU seconds of the embedded cloud meanwhile.
        touch: microseconds for the first touch of a page of memory, before the start.
        unpacked: bytes of the files that the start wrote.
    """

    cores: int
    cloud: float
    touch: float
    unpacked: int

    def explain(self) -> str:
        """Return what the seconds of the start are made of besides the start itself, as a paragraph."""
        memory = self.unpacked / mmap.PAGESIZE * self.touch / 1e6
        return (
            f"These are seconds of this machine. The instance shares its {self.cores} cores with the embedded cloud, which worked "
            f"{self.cloud:.1f} s of CPU meanwhile: it sends the archives under OSS's name, so encrypted, as fast as it goes. "
            f"The first touch of a page of memory costs {self.touch:.1f} µs here (0.4 where the host of a virtual machine has not "
            f"taken it back): {memory:.1f} s of work for the {self.unpacked / 1e6:,.0f} MB of files that the start wrote. "
            "`make bench` measures starts on links of known speed, without encryption, and compares them with their limit."
        )
