"""Loads the blocks of one archive into its directory, which is empty so far.

Stages; whoever calls undoes all of them when one fails:

1. check the disk, and make directories and links; ask for the first ranges;
2. one thread creates all files, empty but of their final sizes; several connections at once fetch ranges of whole blocks,
   in order; the thread that fetched a block verifies, inflates and writes it in place when its turn has come, while the other
   connections go on receiving. A thread holds one block at a time: that bounds the memory;
3. of a patient load, the blocks behind the working set, while requests run.

Whoever watches is told when all names are there, and each time more of the first blocks are complete: from the files in
them, modules can be imported while the others are still on their way.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from heavylift.contracts.archive import Block, Content
from heavylift.contracts.failures import LoadError
from heavylift.contracts.loading import CodeBlock, LoadPlan, Pieces, libraries_by_pages, plan_load
from heavylift.contracts.packaged import PlacedIndex
from heavylift.contracts.pages import PAGE
from heavylift.runtime.lines import log_line
from heavylift.runtime.parallel import run_all
from heavylift.runtime.retries import TRY, Deadline
from heavylift.runtime.store import ObjectReader, cut
from heavylift.runtime.timeline import Timeline
from heavylift.runtime.turns import Turns
from heavylift.runtime.writer import OWNER_WRITES, DirectoryWriter

if TYPE_CHECKING:
    from heavylift.contracts.pages import Library
    from heavylift.runtime.demand import Demand
    from heavylift.runtime.paging import Paging

CONNECTIONS = 6  # requests at once; on two cores eight were not faster, four were slower
REST_CONNECTIONS = 2  # requests at once while the function answers its own
PAUSES = (1.0, 5.0, 15.0, 60.0)  # seconds after a failure to bring a part of the rest
RANGE = 4 * 1024 * 1024  # bytes that one request asks for, at least, where so many follow
# Bytes at the beginning of a load that are asked for at once: what a link of 1 Gbit/s brings in the 10 ms until a store answers.
# What follows would share the link with what an import needs first.
SOON = 1250 * 1000
GAP = 8192  # bytes between two blocks that one request brings along, at most: a local header has less
_ZEROS = bytes(PAGE)


class Watcher(Protocol):
    """The listener to the progress of a load. Called by several threads, one at a time."""

    def prepared(self, paths: Sequence[str], needs: Sequence[int]) -> None:
        """Learn that all names are there. The file at `paths[i]` may be used when the first `needs[i]` blocks are complete."""

    def paged(self, libraries: Sequence[str]) -> None:
        """Learn, before `prepared`, that libraries are loaded by pages; they are whole when the load ends."""

    def working_set_ready(self, later: int) -> None:
        """Learn that a patient load has brought the working set; `later` are the bytes to fetch when this returns."""

    def advanced(self, blocks: int) -> None:
        """Learn the number of first blocks that are complete now."""


def load_blocks(
    item: str,
    reader: ObjectReader,
    placed: PlacedIndex,
    writer: DirectoryWriter,
    timeline: Timeline,
    watcher: Watcher | None,
    paging: Callable[[Content, Sequence[Library], Path], Paging | None] | None,
    *,
    patient: bool,
    before: Callable[[], None] | None = None,
) -> None:
    """Fill the directory of an archive.

    Args:
        item: the timeline's name of the archive.
        reader: reads the archive's object.
        placed: its index.
        writer: of the empty directory.
        timeline: is told what took how long.
        watcher: is told how far it is.
        paging: makes what loads the libraries of an archive by pages. None, or where it returns None: as any other file.
        patient: once the working set is there, bring the rest however long that takes; nothing makes the load fail any more.
        before: called when only content is missing, and returns when that may come; what it raises makes the load fail.

    Raises:
        LoadError: its subclasses say why.
    """
    content = placed.index.content
    sizes = {entry.path: entry.size for entry in content.files}
    timeline.count(disk=writer.prepare(sizes, [link.path for link in content.links], content.dirs, reader.name))
    writer.make_links(content.links)
    timeline.count(files=len(content.files))
    libraries = content.libraries if patient else libraries_by_pages(placed.index)
    pages = paging(content, libraries, writer.root) if paging else None
    plan = plan_load(content, libraries if pages else ())
    _BlockLoader(item, reader, placed, writer, timeline, watcher, plan, pages, patient, before).run()


def block_ranges(places: Sequence[tuple[int, int]], size: int) -> Iterator[range]:
    """Group consecutive blocks, so that one request brings several.

    Args:
        places: (start, stop) of each block in the object, in the order in which they are wanted.
        size: bytes that a group spans, at least, where so many follow each other in the object.
    """
    first = 0
    for number, (_, stop) in enumerate(places):
        follower = places[number + 1][0] if number + 1 < len(places) else -1
        if stop - places[first][0] >= size or not stop <= follower <= stop + GAP:
            yield range(first, number + 1)
            first = number + 1


class _BlockLoader:
    """Fetches, verifies, inflates and writes the blocks of one archive with several threads."""

    def __init__(
        self,
        item: str,
        reader: ObjectReader,
        placed: PlacedIndex,
        writer: DirectoryWriter,
        timeline: Timeline,
        watcher: Watcher | None,
        plan: LoadPlan,
        paging: Paging | None,
        patient: bool,
        before: Callable[[], None] | None,
    ) -> None:
        self._item = item
        self._before = before
        self._reader = reader
        self._placed = placed
        self._content = placed.index.content
        self._pieces = Pieces(self._content)
        self._paging = paging
        self._demand: Demand | None = None
        self._plan = plan
        self._patient = patient and paging is not None
        self._ready = self._plan.ready if self._patient else len(self._plan.blocks)
        starts = [placed.origin + each.offset for each in placed.index.layout]
        self._layout = [(start, start + each.packed) for start, each in zip(starts, placed.index.layout, strict=True)]
        self._places = [self._layout[block] for block in self._plan.blocks]
        self._writer = writer
        self._timeline = timeline
        self._watcher = watcher
        self._created = threading.Event()
        self._turns = Turns(min(CONNECTIONS, os.cpu_count() or 1))
        self._zeros: set[Block] = set()  # those that were seen; linkers and builds leave many that are the same
        self._done = _Front(len(self._places), watcher.advanced if watcher else lambda _count: None)

    def run(self) -> None:
        """Load all blocks, or raise the error of the first thread that failed."""
        index = (0, self._placed.origin)  # it may be on its way, where the code package holds it
        wanted = [index, *self._places[: self._ready]]
        self._reader.narrow_ahead(
            (wanted[run.start][0], wanted[run.stop - 1][1]) for run in block_ranges(wanted, sys.maxsize)
        )
        run_all([self._create_files, *self._ranges()], workers=CONNECTIONS, stop=self._stop)
        if self._patient:
            self._timeline.count(**self._reader.take_counts())
            if self._watcher:
                self._watcher.working_set_ready(sum(stop - start for start, stop in self._places[self._ready :]))
            self._load_rest()
        if self._paging:
            self._paging.finish()
        for entry in self._content.files:
            if not entry.mode & OWNER_WRITES:
                self._writer.set_mode(entry.path, entry.mode)

    def _ranges(self) -> Iterator[Callable[[], None]]:
        """Yield the tasks that load a range each; the first are asked for now, before the names are made."""
        before = 0  # bytes
        for number, blocks in enumerate(block_ranges(self._places[: self._ready], RANGE)):
            start, stop = self._places[blocks.start][0], self._places[blocks.stop - 1][1]
            asked = self._reader.read(start, stop, now=True) if 0 < before < SOON and number < CONNECTIONS else None
            yield partial(self._load_range, blocks, asked=asked)
            before += stop - start

    def _stop(self) -> None:
        self._reader.stop()
        self._created.set()

    def _create_files(self) -> None:
        with self._timeline.span("write", self._item):
            self._writer.create_all(self._content.files)
        if self._before:
            self._before()
            self._writer.check_room(self._reader.name)  # what came before has taken some
        self._reader.head(1)  # there by now, mostly; its answer tells the object's size
        self._placed.check_size(self._reader.size, self._reader.name)
        if self._paging:
            from heavylift.runtime.demand import Demand  # only where code may be absent

            self._demand = Demand(self._paging, self._reader, self._layout, self._unpack_block)
            self._demand.start()
        if self._watcher:
            if self._paging:
                self._watcher.paged(self._paging.libraries)
            self._watcher.prepared([entry.path for entry in self._content.files], self._plan.needs)
        self._created.set()

    def _load_rest(self) -> None:
        """Load what is not of the working set, while requests run."""
        rest = block_ranges(self._places[self._ready :], RANGE)
        shifted = (range(each.start + self._ready, each.stop + self._ready) for each in rest)
        tasks = [partial(self._load_patiently, blocks) for blocks in shifted]
        run_all(tasks, workers=REST_CONNECTIONS, stop=self._stop)

    def _load_patiently(self, blocks: range) -> None:
        for pause in chain(PAUSES, repeat(PAUSES[-1])):
            try:
                self._load_range(blocks, self._reader.again(Deadline(TRY, work="this try")))
                return
            except LoadError as error:
                log_line(f"heavylift: {error}; trying again in {pause} s")
            time.sleep(pause)

    def _load_range(
        self, blocks: range, reader: ObjectReader | None = None, asked: Iterator[bytes] | None = None
    ) -> None:  # places in the plan
        reader = reader or self._reader
        places = self._places[blocks.start : blocks.stop]
        if self._paging and all(self._paging.is_taken(self._plan.blocks[place]) for place in blocks):
            return  # brought on demand
        first, last = places[0][0], places[-1][1]
        chunks = self._timeline.each("fetch", self._item, asked or reader.read(first, last))
        if self._demand and blocks.start >= self._plan.ready:
            chunks = self._demand.give_way(chunks)
        for place, packed in zip(blocks, cut(chunks, [(a - first, b - first) for a, b in places]), strict=True):
            with self._turns.turn(place):
                self._unpack_block(self._plan.blocks[place], packed)
            self._done.add(place)
        if reader is not self._reader:
            self._timeline.count(**reader.take_counts())

    def _unpack_block(self, number: int, packed: bytes) -> None:
        code = self._paging.code.get(number) if self._paging else None
        if code and self._paging and self._paging.is_taken(number):
            return
        self._created.wait()  # unpacking beside it would make the creation of thousands of files several times as long
        # What inflates takes time to import: here, while other bytes are on their way.
        from heavylift.runtime.inflate import inflate_members, inflate_stretch, verify

        block, found = self._content.blocks[number], self._pieces[number]
        where = f"{self._reader.name}: block {number}"
        with self._timeline.span("verify", self._item):
            verify(packed, block, where)
        if block in self._zeros and not code:
            return
        with self._timeline.span("inflate", self._item):
            large = self._content.files[found[0].file].size > found[0].size
            parts: list[bytes | memoryview]
            if large:
                stretch = inflate_stretch(packed, block.raw, where)
                if not code and stretch.startswith(_ZEROS) and stretch == bytes(block.raw):
                    self._zeros.add(block)
                    return  # a new file holds zeros
                raw = memoryview(stretch)
                parts = [raw[piece.start : piece.start + piece.size] for piece in found]  # several: runs of hot pages
            else:
                parts = [*inflate_members(packed, [piece.size for piece in found], where)]
        with self._timeline.span("write", self._item):
            if code and self._paging:
                self._write_code(self._paging, code, found[0].file, parts[0])
                return
            for piece, part in zip(found, parts, strict=True):
                if part:
                    whole = self._paging.without_flags(piece, part) if self._paging else part
                    self._write(piece.file, whole, piece.position)

    def _write_code(self, paging: Paging, code: CodeBlock, file: int, raw: bytes | memoryview) -> None:
        if paging.take(code):
            try:
                for run in paging.runs(code):
                    start = (run.page - code.pages.start) * PAGE
                    self._write(file, raw[start : start + run.count * PAGE], run.page * PAGE)
            except BaseException:
                paging.give_back(code)
                raise
            paging.arrived(code)

    def _write(self, file: int, part: bytes | memoryview, position: int) -> None:
        self._writer.write(self._content.files[file].path, part, position=position)
        self._timeline.count(unpacked=len(part))


class _Front:
    """The count of first blocks that are complete, in whichever order blocks arrive."""

    def __init__(self, count: int, advanced: Callable[[int], None]) -> None:
        self._waiting = [True] * count + [True]  # the last one stays: the front ends there
        self._front = 0
        self._advanced = advanced
        self._lock = threading.Lock()

    def add(self, number: int) -> None:
        with self._lock:
            self._waiting[number] = False
            before = self._front
            while not self._waiting[self._front]:
                self._front += 1
            if self._front > before:
                self._advanced(self._front)
