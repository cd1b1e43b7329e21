"""Code of large libraries that is opened page by page when it is executed: the Python side of native/pages.c.

A `PagePlan` is memory with the state of each page of some segments: two processes share it where one brings what the other
executes; in a recording, every page is there, and the plan tells afterwards which were touched. Importing this module takes ctypes
with it, so only what needs it does; and only that: what it knows of a page and of p_flags, `heavylift.contracts.pages` says, too.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PAGE = 4096  # bytes
ABSENT, ASKED, FAILED, PRESENT, TOUCHED = range(5)  # states of a page; pages.c has the same
_EXECUTE, _READ = 1, 4  # bits of p_flags (System V ABI, "Program Header")
_HEAD = struct.Struct("=6Q2I512s")  # struct plan
_SEGMENT = struct.Struct("=8Q")  # struct segment
_COUNTS = struct.Struct("=3Q")
_COUNTS_PLACE = 24
NUMBER = struct.Struct("=I")  # a message of the channel: the number of the page that is asked for


class Segment(NamedTuple):
    """An executable segment (PT_LOAD) of a library.

    Attributes:
        path: of the library.
        offset: bytes from the start of the file.
        size: bytes.
        flags: its p_flags.
        header: bytes from the start of the file to these p_flags.
    """

    path: str
    offset: int
    size: int
    flags: int
    header: int

    @property
    def pages(self) -> range:
        """The pages of the file that it maps; the first and the last may hold bytes of its neighbours."""
        return range(self.offset // PAGE, -(-(self.offset + self.size) // PAGE))


class Faults(NamedTuple):
    """The faults that a plan's handlers have served.

    Attributes:
        present: on pages that were there.
        absent: on pages that were waited for.
        waited: seconds, summed over threads.
    """

    present: int
    absent: int
    waited: float


class PagePlan:
    """The pages of some segments, each by its number, which counts from 0 through all of them.

    Args:
        memory: what `plan_size` asks for. It stays in use until the process ends.
        segments: in the same order for all who share the memory.
    """

    def __init__(self, memory: mmap.mmap, segments: Sequence[Segment]) -> None:
        self.segments = tuple(segments)
        self.memory = memory
        self._first: list[int] = []  # number of each segment's first page
        count = 0
        for segment in self.segments:
            self._first.append(count)
            count += len(segment.pages)
        self.pages = count
        self._states = _states_place(self.segments)

    def write(self, *, recording: bool = False) -> None:
        """Write a plan of which every page is present into the memory."""
        names = b"".join(os.fsencode(os.path.realpath(segment.path)) + b"\0" for segment in self.segments)
        self.memory[: _HEAD.size] = _HEAD.pack(len(self.segments), self._states, recording, 0, 0, 0, 0, 0, b"")
        name = _HEAD.size + _SEGMENT.size * len(self.segments)
        self.memory[name : name + len(names)] = names
        for number, segment in enumerate(self.segments):
            path = os.fsencode(os.path.realpath(segment.path))
            access = (mmap.PROT_READ if segment.flags & _READ else 0) | (
                mmap.PROT_EXEC if segment.flags & _EXECUTE else 0
            )
            packed = _SEGMENT.pack(
                *(_hash(path), name, segment.pages.start * PAGE, len(segment.pages), self._first[number], access),
                *(0, 0),  # nobody has looked it up in memory yet
            )
            place = _HEAD.size + _SEGMENT.size * number
            self.memory[place : place + _SEGMENT.size] = packed
            name += len(path) + 1
        self.memory[self._states : self._states + self.pages] = bytes([PRESENT]) * self.pages

    def number(self, segment: int, page: int) -> int:
        """Return the number of a page of a segment's file."""
        return self._first[segment] + page - self.segments[segment].pages.start

    def place(self, number: int) -> tuple[Segment, int]:
        """Return the segment that a page belongs to, and the page of its file."""
        for first, segment in zip(reversed(self._first), reversed(self.segments), strict=True):
            if number >= first:
                return segment, number - first + segment.pages.start
        raise ValueError(f"there is no page {number}")

    def set_absent(self, first: int, count: int) -> None:
        """Mark pages as missing, before anybody uses the plan."""
        self.memory[self._states + first : self._states + first + count] = bytes([ABSENT]) * count

    def state(self, number: int) -> int:
        """Return the state of a page."""
        return self.memory[self._states + number]

    def touched(self) -> dict[str, list[int]]:
        """Return the pages of each library's file that were touched, in order."""
        result: dict[str, list[int]] = {}
        for first, segment in zip(self._first, self.segments, strict=True):
            states = self.memory[self._states + first : self._states + first + len(segment.pages)]
            touched = [page for page, state in zip(segment.pages, states, strict=True) if state == TOUCHED]
            result.setdefault(segment.path, []).extend(touched)
        return result


def faults(memory: mmap.mmap) -> Faults:
    """Return the faults that the handlers of a plan have served so far."""
    present, absent, waited = _COUNTS.unpack_from(memory, _COUNTS_PLACE)
    return Faults(present, absent, waited / 1e9)


def plan_size(segments: Sequence[Segment]) -> int:
    """Return the bytes of memory that a plan takes."""
    return _states_place(segments) + sum(len(segment.pages) for segment in segments)


def _states_place(segments: Sequence[Segment]) -> int:
    names = sum(len(os.fsencode(os.path.realpath(segment.path))) + 1 for segment in segments)
    return _HEAD.size + _SEGMENT.size * len(segments) + names


def _hash(path: bytes) -> int:
    """Return the FNV-1a hash of a path as /proc/self/maps writes it: it tells libraries apart without their names."""
    value = 0xCBF29CE484222325
    for byte in path.replace(b"\n", b"\\012"):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


class Helper:
    """The functions of the library in C; see there."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.path = library._name
        library.pages_probe.argtypes = (ctypes.c_int, ctypes.c_uint64)
        library.pages_attach.argtypes = (ctypes.c_void_p, ctypes.c_int)
        library.pages_attach.restype = None
        library.pages_arrived.argtypes = (ctypes.c_uint64, ctypes.c_uint64)
        library.pages_arrived.restype = None
        library.pages_failed.argtypes = (ctypes.c_uint64, ctypes.c_uint64, ctypes.c_char_p)
        library.pages_failed.restype = None
        library.pages_remove.restype = None
        self._memory: mmap.mmap | None = None

    def probe(self, folder: Path) -> str:
        """Try whether this machine lets code be opened page by page.

        Args:
            folder: where the libraries will lie.

        Returns:
            The reason why it does not; empty where it does.
        """
        path = Path(os.path.realpath(folder), f".pages-{os.getpid()}")  # `tempfile` takes time to import
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, bytes(PAGE))
            error = self._library.pages_probe(file, _hash(os.fsencode(path)))  # the kernel tells the name, too
        finally:
            path.unlink()
            os.close(file)
        return os.strerror(error) if error else ""

    def attach(self, memory: mmap.mmap, channel: int = -1) -> None:
        """Take the one plan of this process.

        Args:
            memory: of the plan.
            channel: a socket of type SOCK_SEQPACKET, on which pages are asked for.
        """
        self._memory = memory  # it must stay
        self._library.pages_attach(ctypes.addressof(ctypes.c_char.from_buffer(memory)), channel)

    def install(self) -> None:
        """Put the handler in: from now on the segments' flags may be missing in the files.

        Raises:
            OSError: the kernel refuses.
        """
        if error := self._library.pages_install():
            raise OSError(error, os.strerror(error))

    def look_after(self) -> None:
        """Put the handler above one that was installed after it."""
        self._library.pages_look_after()

    def open_all(self) -> int:
        """Open everything, now that every page has arrived; return the number of mappings that the kernel did not open."""
        return int(self._library.pages_open_all())

    def remove(self) -> None:
        """Take the handler out, or make it pass everything on where another stands above it."""
        self._library.pages_remove()

    def arrived(self, first: int, count: int) -> None:
        """Mark pages as being in their file."""
        self._library.pages_arrived(first, count)

    def failed(self, first: int, count: int, reason: str) -> None:
        """Mark pages as lost: a process that executes one ends with this reason in its log."""
        self._library.pages_failed(first, count, reason.encode()[:500])


@functools.cache
def find_helper() -> Helper | None:
    """Return the helper of this machine's architecture; None where the installation has none of this version."""
    path = Path(__file__).with_name(f"pages.{os.uname().machine}.so")
    try:
        library = ctypes.CDLL(str(path))
        layout = tuple((ctypes.c_uint32 * 2).in_dll(library, "pages_layout"))
    except (OSError, ValueError):  # there is none; or an older one, which does not say
        return None
    return Helper(library) if layout == (_HEAD.size, _SEGMENT.size) else None


def set_flags(segments: Iterable[Segment], *, cleared: bool) -> None:
    """Take the permissions of segments out of their libraries' files, or put them back.

    Raises:
        OSError: a file cannot be written.
    """
    for segment in segments:
        file = os.open(segment.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(file, struct.pack("<I", 0 if cleared else segment.flags), segment.header)
        finally:
            os.close(file)


@contextmanager
def recording(segments: Sequence[Segment]) -> Iterator[PagePlan]:
    """Note which pages of code this process and its forks execute or read, from now on.

    The files' flags are cleared meanwhile: no other process can use these libraries. A thread that blocks SIGSEGV and executes a
    page for the first time is killed by the kernel, and the process with it.

    Args:
        segments: of libraries that are whole and not loaded yet.

    Returns:
        A plan whose `touched` tells.

    Raises:
        OSError: this machine cannot record, or a file cannot be written.
    """
    helper = find_helper()
    if helper is None:
        raise OSError(f"there is no helper for {os.uname().machine} beside {__file__}")
    plan = PagePlan(mmap.mmap(-1, plan_size(segments)), segments)
    plan.write(recording=True)
    helper.attach(plan.memory)
    set_flags(segments, cleared=True)
    try:
        helper.install()
        yield plan
    finally:
        set_flags(segments, cleared=False)
        helper.open_all()
        helper.remove()
