"""A load in a process that a test forks, whose blocks arrive in the order that the test likes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from heavylift.contracts.failures import LoadError
from heavylift.runtime.background import Background
from heavylift.runtime.load import load
from heavylift.runtime.messages import (
    ArchiveLoaded,
    BlocksReady,
    LoadEnded,
    Message,
    NamesReady,
    PagesReady,
    WorkingSetReady,
    dump_message,
)
from heavylift.runtime.retries import Deadline
from heavylift.runtime.settings import Archive
from heavylift.runtime.store import Body
from heavylift.runtime.timeline import Timeline
from tests.support.loading import MemoryStore, Packed, reader_of


class ScriptedStore(MemoryStore):
    """Delivers the blocks of one archive in a given order: one at a time, the next when the last has been written.

    Args:
        packed: the archive, stored as `a.zip`; each of its blocks must be one request, or come with the first bytes.
        script: the numbers of all its blocks.
    """

    def __init__(self, packed: Packed, script: Sequence[int]) -> None:
        super().__init__({"a.zip": packed.data})
        self._script = list(script)
        self._places = {packed.origin + place.offset: number for number, place in enumerate(packed.index.layout)}
        self._turn = threading.Condition()

    def read(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Body:
        body = super().read(key, start, stop, etag, seconds)
        return body._replace(chunks=self._in_turn(start, b"".join(body.chunks)))

    def _in_turn(self, start: int, content: bytes) -> Iterator[bytes]:
        stop = start + len(content)
        begins = sorted(place for place in self._places if start <= place < stop)
        yield content[: (begins[0] if begins else stop) - start]
        for begin, end in pairwise([*begins, stop]):
            self._wait_for_turn(self._places[begin])
            yield content[begin - start : end - start]

    def _wait_for_turn(self, number: int) -> None:
        with self._turn:
            self._turn.wait_for(lambda: number not in self._script[1:])

    def written(self) -> None:
        """Let the next block come."""
        with self._turn:
            self._script.pop(0)
            self._turn.notify_all()


class _Pipe:
    """Sends a `Background` the messages that a worker's process would send."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, message: Message) -> None:
        view = memoryview(dump_message(message))
        while view:
            view = view[os.write(self._descriptor, view) :]

    def paged(self, libraries: Sequence[str]) -> None:
        self.send(PagesReady(list(libraries)))

    def working_set_ready(self, later: int) -> None:
        self.send(WorkingSetReady(later))

    def prepared(self, paths: Sequence[str], needs: Sequence[int]) -> None:
        self.send(NamesReady(list(paths), list(needs)))

    def advanced(self, blocks: int) -> None:
        self.send(BlocksReady(blocks))


@contextmanager
def loading(store: MemoryStore, packed: Packed, directory: Path) -> Iterator[Background]:
    """Load `a.zip` into a directory while the block under it runs."""
    orders_out, orders_in = os.pipe()
    messages_out, messages_in = os.pipe()
    process = os.fork()
    if process == 0:
        _work(store, packed, directory, _Pipe(messages_in))
    os.close(messages_in)
    background = Background(process, orders_in, messages_out, Timeline(), Deadline(60.0))
    try:
        yield background
    finally:
        background.close()
        os.close(orders_out)


def _work(store: MemoryStore, packed: Packed, directory: Path, pipe: _Pipe) -> NoReturn:
    timeline = Timeline()
    try:
        load(Archive("applib", "a.zip", packed.digest, directory), reader_of(store), timeline, pipe)
        pipe.send(ArchiveLoaded("applib"))
        pipe.send(LoadEnded("", ""))
    except LoadError as error:
        pipe.send(LoadEnded(type(error).__name__, str(error)))
    finally:
        os._exit(0)
