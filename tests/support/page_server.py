"""A copy of a library with holes, and a process that fills them when its pages are asked for: the worker's part, in small."""

from __future__ import annotations

import mmap
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from heavylift.runtime.pages import (
    ABSENT,
    NUMBER,
    PAGE,
    PRESENT,
    Helper,
    PagePlan,
    Segment,
    find_helper,
    plan_size,
    set_flags,
)
from tests.support.paging import segments_of


class Holes:
    """A library without its code, in memory shared with a process that brings it.

    Args:
        original: the whole library.
        target: where the copy is made; its executable segments have no flags, and of their inner pages `keep` alone.
        keep: pages of the file that are there.
        gap: the code is two segments, with this many pages between them that are none's.
        segments: that are closed; None: those of code.
    """

    def __init__(
        self,
        original: Path,
        target: Path,
        keep: frozenset[int] = frozenset(),
        gap: int = 0,
        segments: Sequence[Segment] | None = None,
    ) -> None:
        self.original, self.target = original, target
        content = bytearray(original.read_bytes())
        self.segments = [each._replace(path=str(target)) for each in segments or segments_of(original)]
        if gap:
            (whole,) = self.segments
            half = (whole.size // 2 + whole.offset) // PAGE * PAGE
            behind = half + gap * PAGE
            first = whole._replace(size=half - whole.offset)
            self.segments = [first, whole._replace(offset=behind, size=whole.offset + whole.size - behind)]
        self.plan = PagePlan(mmap.mmap(-1, plan_size(self.segments)), self.segments)
        self.plan.write()
        self.absent: list[int] = []
        for place, segment in enumerate(self.segments):
            inner = range(-(-segment.offset // PAGE), (segment.offset + segment.size) // PAGE)
            for page in inner:
                if page not in keep:
                    content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
                    number = self.plan.number(place, page)
                    self.plan.set_absent(number, 1)
                    self.absent.append(number)
        target.write_bytes(content)
        set_flags(self.segments, cleared=True)
        self.channel, self.served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    @property
    def helper(self) -> Helper:
        """The helper of this machine."""
        helper = find_helper()
        assert helper is not None
        return helper

    def bring(self, number: int) -> None:
        """Write a page, and say so."""
        _, page = self.plan.place(number)
        with self.original.open("rb") as whole, self.target.open("r+b") as copy:
            whole.seek(page * PAGE)
            copy.seek(page * PAGE)
            copy.write(whole.read(PAGE))
            copy.flush()
            self.helper.arrived(number, 1)

    def serve(self, answer: Callable[[Holes, int, int], None] | None = None) -> int:
        """Start the process that serves; return its ID.

        Args:
            answer: is called with the count of requests before this one and its page; brings the page when left out.
        """
        child = os.fork()
        if child:
            self.served.close()
            self.helper.attach(self.plan.memory, self.channel.fileno())
            self.helper.install()
            return child
        self.channel.close()
        self.helper.attach(self.plan.memory)
        count = 0
        while message := self.served.recv(NUMBER.size):
            (number,) = NUMBER.unpack(message)
            if answer:
                answer(self, count, number)
            else:
                self.bring(number)
            count += 1
        os._exit(0)

    def bring_all(self) -> None:
        """Bring what is missing, and put the flags back."""
        for number in self.absent:
            if self.plan.state(number) < PRESENT:
                self.bring(number)
        set_flags(self.segments, cleared=False)

    def missing(self) -> int:
        """Return the count of pages that nobody asked for."""
        return sum(self.plan.state(number) == ABSENT for number in self.absent)


def slowly(holes: Holes, count: int, number: int) -> None:
    """Bring a page after a while."""
    del count
    time.sleep(0.005)
    holes.bring(number)
