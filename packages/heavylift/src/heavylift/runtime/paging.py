"""The worker's side of libraries that are loaded by pages: what is absent at first, where it is written, and who is told.

A library's file has its size and everything but its cold code before it is used; its executable segments have no flags until
everything has come. `heavylift.runtime.opening` is the other side.
"""

from __future__ import annotations

import mmap
import os
import socket
import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from heavylift.contracts.archive import Content
from heavylift.contracts.loading import CodeBlock, Piece, code_blocks
from heavylift.contracts.pages import FLAGS_SIZE, Library, Run
from heavylift.runtime.opening import CHANNEL, MEMORY
from heavylift.runtime.pages import NUMBER, Helper, PagePlan, Segment, find_helper, plan_size, set_flags


class Paging:
    """The pages of an archive's libraries. Used by several threads at once.

    Args:
        content: of an archive.
        libraries: of the archive, those that are loaded by pages.
        root: the directory that it is unpacked to.
        helper: of this machine.
        memory: descriptor of the memory that the plan is made in; empty so far.
        channel: descriptor of the socket.
    """

    def __init__(
        self, content: Content, libraries: Sequence[Library], root: Path, helper: Helper, memory: int, channel: int
    ) -> None:
        self.libraries = tuple(content.files[library.file].path for library in libraries)
        self.code: Mapping[int, CodeBlock] = {each.block: each for each in code_blocks(content, libraries) if each.cold}
        self._helper = helper
        self._channel = socket.socket(fileno=channel)
        # The function's process may have its sockets wait for nothing, as gevent does, or for less than a page takes.
        self._channel.setblocking(True)
        self._cold = [list(library.cold()) for library in libraries]
        self._segments: list[Segment] = []
        self._places: list[list[tuple[range, int]]] = []  # for each library: pages, number of the segment
        self._headers: dict[int, list[int]] = {}  # for each library's file: bytes to its p_flags
        for library, path in zip(libraries, self.libraries, strict=True):
            self._add(library, f"{root}/{path}")
        size = plan_size(self._segments)
        os.ftruncate(memory, size)
        self._plan = PagePlan(mmap.mmap(memory, size), self._segments)
        self._plan.write()
        for number, runs in enumerate(self._cold):
            for run in runs:
                self._plan.set_absent(self._number(number, run.page), run.count)
        helper.attach(self._plan.memory)
        self._lock = threading.Lock()
        self._taken: set[int] = set()

    def _add(self, library: Library, path: str) -> None:
        self._places.append([])
        for region in library.regions:
            segment = Segment(path, region.offset, region.size, region.flags, region.header)
            self._places[-1].append((region.pages, len(self._segments)))
            self._segments.append(segment)
        self._headers[library.file] = [region.header for region in library.regions]

    def _number(self, library: int, page: int) -> int:
        return next(self._plan.number(segment, page) for pages, segment in self._places[library] if page in pages)

    def without_flags(self, piece: Piece, part: bytes | memoryview) -> bytes | memoryview:
        """Return a piece of a file as it is written at first."""
        for header in self._headers.get(piece.file, ()):
            start, stop = max(header, piece.position), min(header + FLAGS_SIZE, piece.position + piece.size)
            if start < stop:
                changed = bytearray(part)
                changed[start - piece.position : stop - piece.position] = bytes(stop - start)
                part = bytes(changed)
        return part

    def take(self, code: CodeBlock) -> bool:
        """Return whether the caller is the first who has a block's content, and so the one who writes it."""
        with self._lock:
            if code.block in self._taken:
                return False
            self._taken.add(code.block)
            return True

    def give_back(self, code: CodeBlock) -> None:
        """Let another write a block: this one failed."""
        with self._lock:
            self._taken.discard(code.block)

    def is_taken(self, block: int) -> bool:
        """Return whether somebody has a block's content."""
        return block in self._taken

    def runs(self, code: CodeBlock) -> Iterator[Run]:
        """Yield the cold pages of a block: the others are there, and may be executed already."""
        cold = self._cold[code.library]
        for place in range(bisect_right(cold, code.pages.start, key=lambda run: run.end), len(cold)):
            run = cold[place]
            if run.page >= code.pages.stop:
                return
            first = max(run.page, code.pages.start)
            yield Run(first, min(run.end, code.pages.stop) - first)

    def arrived(self, code: CodeBlock) -> None:
        """Mark a block as written."""
        self._helper.arrived(self._number(code.library, code.pages.start), len(code.pages))

    def failed(self, code: CodeBlock, reason: str) -> None:
        """Mark a block that was asked for as lost."""
        self._helper.failed(self._number(code.library, code.pages.start), len(code.pages), reason)

    def asked(self) -> Iterator[tuple[CodeBlock, int]]:
        """Yield the blocks that are asked for, and the page of the file that it is about; ends with the function's process."""
        # What is absent lies in one of these.
        starts = {(each.library, each.pages.start): each for each in self.code.values()}
        firsts = [
            sorted(page for library, page in starts if library == number) for number in range(len(self.libraries))
        ]
        libraries = [library for library, places in enumerate(self._places) for _ in places]  # of each segment
        while message := self._channel.recv(NUMBER.size):
            segment, page = self._plan.place(*NUMBER.unpack(message))
            library = libraries[self._segments.index(segment)]
            first = firsts[library][bisect_right(firsts[library], page) - 1]
            yield starts[library, first], page

    def finish(self) -> None:
        """Give the files their flags: they are whole now."""
        set_flags(self._segments, cleared=False)


def start_paging(content: Content, libraries: Sequence[Library], root: Path) -> Paging | None:
    """Return the paging of a load, where this archive has libraries and this machine can; whoever cannot loads files whole."""
    helper = find_helper() if libraries else None
    if helper is None or helper.probe(root):
        return None
    return Paging(content, libraries, root, helper, MEMORY, CHANNEL)
