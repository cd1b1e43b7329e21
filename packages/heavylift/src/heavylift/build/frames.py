"""Frames of the files of prepared packages: made while other packages are still on their way, and kept beside each package.

A frame depends on its bytes alone, wherever in an archive it stands. So a package's files are compressed as soon as it is prepared,
on what the cores have left beside downloads, compilers and imports, and later archives with the same package take its frames as
they are. What another step decides is left to the packer: the order, the collected bytecode, the hot pages, the code of libraries
that are yet to be recorded, and what is changed of a file after all.

A package's frames lie in two files of its folder: the frames one behind the other, and a table of them, which is written last:
without it, the frames are scrap.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from heavylift.build.binaries import WORKERS
from heavylift.build.cuts import cut
from heavylift.build.exports import find_tables
from heavylift.build.recording import Recording, choose_pages, find_code, read_recording
from heavylift.contracts.archive import BLOCK_SIZE

NICENESS = 10  # of the threads that compress: what others wait for goes first, and these go on nevertheless
_FRAMES, _TABLE = "frames.bin", "frames.json"


class Stretch(NamedTuple):
    """Bytes of a file that share a frame."""

    path: str
    start: int
    size: int


class Frame(NamedTuple):
    """A frame, and whether it was made by this build."""

    data: bytes
    is_new: bool


@dataclass(slots=True)
class _Package:
    """The frames of one package.

    Attributes:
        folder: of the package.
        content: the folder of its files.
        places: offset and length of each frame that is there.
        jobs: makes those that are not there yet.
        file: that the frames are in; None: there are none.
        is_whole: whether an earlier build has made all of them.
    """

    folder: Path
    content: Path
    places: dict[Stretch, tuple[int, int]] = field(default_factory=dict)
    jobs: dict[Stretch, Future[None]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    file: BinaryIO | None = None
    is_whole: bool = False

    def read(self, stretch: Stretch) -> bytes | None:
        """Return a frame, when it is there."""
        if (job := self.jobs.get(stretch)) and job.exception():
            return None  # the packer meets the same trouble, and tells it
        if stretch not in self.places or self.file is None:
            return None
        offset, size = self.places[stretch]
        return os.pread(self.file.fileno(), size, offset)

    def holds(self, stretch: Stretch, source: Path, changed: Sequence[tuple[int, int]] | None) -> bool:
        """Return whether a file of an applib has the bytes of the package's file still.

        Args:
            stretch: these bytes.
            source: the file.
            changed: start and end of each stretch in which it may differ; None: nobody has said so.
        """
        own = self.content / stretch.path
        if source.samefile(own):
            return True
        _, start, size = stretch
        if changed is not None:
            return not any(first < start + size and start < end for first, end in changed)
        with own.open("rb") as mine, source.open("rb") as other:
            return os.pread(mine.fileno(), size, start) == os.pread(other.fileno(), size, start)

    def compress(self, stretches: Sequence[Stretch]) -> None:
        """Add some frames to the file."""
        from heavylift.build.pack import compress  # with zstandard, which a build without work does not need

        frames = []
        for path, start, size in stretches:
            with self.lock:
                file = (self.content / path).open("rb")
            with file:
                frames.append(compress(os.pread(file.fileno(), size, start)))
        assert self.file is not None
        with self.lock:
            begin = self.file.tell()
            self.file.write(b"".join(frames))
            self.file.flush()
            for stretch, frame in zip(stretches, frames, strict=True):
                self.places[stretch] = (begin, len(frame))
                begin += len(frame)

    def load(self) -> None:
        """Read the table, if there is one."""
        try:
            table = json.loads((self.folder / _TABLE).read_bytes())
        except FileNotFoundError:
            return
        self.file, self.is_whole = (self.folder / _FRAMES).open("rb"), True
        self.places = {Stretch(path, start, size): (offset, packed) for path, start, size, offset, packed in table}

    def begin(self) -> BinaryIO:
        """Begin a file of frames; of a build that was interrupted, there may be one."""
        (self.folder / _FRAMES).unlink(missing_ok=True)
        self.file = (self.folder / _FRAMES).open("w+b")
        return self.file

    def save(self) -> None:
        """Write the table, unless another step of the build has removed the folder: what is there then has no such frames."""
        assert self.file is not None
        try:
            if not os.path.samestat((self.folder / _FRAMES).stat(), os.fstat(self.file.fileno())):
                return
        except FileNotFoundError:
            return
        temporary = self.folder / f"{_TABLE}.new"
        temporary.write_text(json.dumps([[*stretch, *place] for stretch, place in self.places.items()]))
        temporary.rename(self.folder / _TABLE)


class Frames:
    """The frames of a build's packages.

    Args:
        recording: the file that tells of the code of large libraries; it need not be there.
        is_final: nothing is going to be added to it.
        change_names: names that nobody binds will be taken out of large libraries, so their tables can wait.
    """

    def __init__(self, recording: Path, *, is_final: bool, change_names: bool = False) -> None:
        self._file, self._is_final, self._change_names = recording, is_final, change_names
        self._pool = ThreadPoolExecutor(WORKERS, "compress", lambda: os.setpriority(os.PRIO_PROCESS, 0, NICENESS))
        self._packages: dict[Path, _Package] = {}
        self._owners: dict[str, _Package] = {}
        self._changed: Mapping[str, Sequence[tuple[int, int]]] = {}
        self._files: list[BinaryIO] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)
        for package in self._packages.values():
            if package.jobs and not any(job.cancelled() or job.exception() for job in package.jobs.values()):
                package.save()
        for file in self._files:
            file.close()

    @cached_property
    def _recording(self) -> Recording:
        return read_recording(self._file)

    def begin(self, folder: Path, content: Path, paths: Iterable[str]) -> None:
        """Begin to compress a package's files, but for those that were begun before. Threads may call it, one for each package.

        Args:
            folder: of the package.
            content: the folder of its files.
            paths: of those that an archive may hold.

        Raises:
            BuildError: the recording is damaged.
        """
        package = self._packages.get(folder)
        if package is None:
            package = self._open(folder, content)
            if not package.is_whole:
                self._files.append(package.begin())
        if package.is_whole:
            return
        begun = {path for path, _, _ in package.jobs}
        paths = sorted(path for path in paths if path not in begun and not (content / path).is_symlink())
        for stretches in _gather(self._stretches(content, paths)):
            job = self._pool.submit(package.compress, stretches)
            package.jobs.update(dict.fromkeys(stretches, job))

    def move(self, folder: Path, place: Path, content: Path) -> None:
        """Rename the folder of a package, while its files are being compressed.

        Args:
            folder: of the package.
            place: its new name.
            content: the folder of its files there.
        """
        package = self._packages.pop(folder)
        with package.lock:
            folder.rename(place)
            package.folder, package.content = place, content
        self._packages[place] = package

    def _stretches(self, content: Path, paths: Iterable[str]) -> Iterator[Stretch]:
        """Yield the small files first: they can be compressed while the code of the large ones is read."""
        large = {}
        for path in paths:
            size = (content / path).stat().st_size
            if size > BLOCK_SIZE:
                large[path] = size
            else:
                yield Stretch(path, 0, size)
        paged, unknown = choose_pages(self._recording, find_code(content, large))
        later = () if self._is_final else unknown  # whether their pages come one by one, the recording will say
        for path, size in large.items():
            if path in later:
                continue
            regions = paged[path].regions if path in paged else ()
            tables = find_tables(content / path) if self._change_names else ()
            for span in cut(size, regions):
                if not any(max(span.start, each.start) < min(span.end, each.stop) for each in tables):
                    yield Stretch(path, span.start, span.size)

    def use(
        self, packages: Iterable[tuple[Path, Path]], changed: Mapping[str, Sequence[tuple[int, int]]] | None = None
    ) -> None:
        """Take the frames of some packages, which are an applib together.

        Args:
            packages: their folders, and the folders of their files. Where several bring the same file, the last one's counts.
            changed: start and end of each stretch in which a file of the applib may differ from its package's, by path. Of
                others, the bytes are compared.
        """
        self._owners, self._changed = {}, changed or {}
        for folder, content in packages:
            package = self._packages.get(folder)
            if package is None:
                package = self._open(folder, content)
            self._owners.update(dict.fromkeys((path for path, _, _ in (*package.places, *package.jobs)), package))

    def _open(self, folder: Path, content: Path) -> _Package:
        package = self._packages[folder] = _Package(folder, content)
        package.load()
        if package.file:
            self._files.append(package.file)
        return package

    def find(self, stretch: Stretch, source: Path) -> Frame | None:
        """Return the frame of bytes of a file, when there is one; wait for it while it is made.

        Args:
            stretch: these bytes, by the file's path in the applib.
            source: the file.
        """
        package = self._owners.get(stretch.path)
        if package is None or not (stretch in package.jobs or stretch in package.places):
            return None
        is_held = package.holds(stretch, source, self._changed.get(stretch.path))
        data = package.read(stretch) if is_held else None
        return None if data is None else Frame(data, stretch in package.jobs)


def _gather(stretches: Iterable[Stretch]) -> Iterator[list[Stretch]]:
    """Yield stretches in lists that are worth a job."""
    some: list[Stretch] = []
    size = 0  # bytes of them
    for stretch in stretches:
        some.append(stretch)
        size += stretch.size
        if size >= BLOCK_SIZE:
            yield some
            some, size = [], 0
    if some:
        yield some
