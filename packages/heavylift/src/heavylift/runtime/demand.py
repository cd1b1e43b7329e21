"""Brings code that the function executes and that has not come yet, before everything else.

A page that is asked for and cannot be brought ends the process that executes it. So whatever may pass is tried again first: a
store that does not answer, an instance that was frozen in the middle of an answer, bytes that were damaged on their way.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from heavylift.contracts.failures import DeadlineError, DigestMismatchError, InvalidArchiveError
from heavylift.contracts.loading import CodeBlock
from heavylift.contracts.pagelog import EVENT
from heavylift.runtime.lines import log_line
from heavylift.runtime.paging import Paging
from heavylift.runtime.retries import TRY, Deadline
from heavylift.runtime.store import ObjectReader

TRIES = 2
_PAUSE = 1.0  # seconds between two chunks, at most: a store that answers neither must not hold up both
_CONNECTIONS = 4  # requests at once
_PASSING = (DeadlineError, DigestMismatchError, InvalidArchiveError)  # `reader` tries again itself what else may pass


class Demand:
    """Listens to what is asked for, from its start to the end of the process.

    Args:
        paging: of the load.
        reader: reads the archive's object.
        layout: (start, stop) of each block in the object.
        unpack: verifies, inflates and writes a block.
    """

    def __init__(
        self,
        paging: Paging,
        reader: ObjectReader,
        layout: Sequence[tuple[int, int]],
        unpack: Callable[[int, bytes], None],
    ) -> None:
        self._paging = paging
        self._reader = reader
        self._layout = layout
        self._unpack = unpack
        self._lock = threading.Lock()
        self._under_way: set[int] = set()
        self._quiet = threading.Event()
        self._quiet.set()
        self._room = threading.Semaphore(_CONNECTIONS)

    def start(self) -> None:
        """Start to listen."""
        threading.Thread(target=self._listen, daemon=True).start()

    def give_way(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Hand the chunks of something less urgent on, with a pause while something is asked for: they share the link."""
        for chunk in chunks:
            self._quiet.wait(_PAUSE)
            yield chunk

    def _listen(self) -> None:
        for code, page in self._paging.asked():
            with self._lock:
                known = code.block in self._under_way or self._paging.is_taken(code.block)
                if not known:
                    self._under_way.add(code.block)
                    self._quiet.clear()
            if not known:
                threading.Thread(target=self._bring_in_turn, args=(code, page), daemon=True, name="demand").start()

    def _bring_in_turn(self, code: CodeBlock, page: int) -> None:
        with self._room:
            self._bring(code, page)

    def _bring(self, code: CodeBlock, page: int) -> None:
        begin = time.perf_counter()
        library = self._paging.libraries[code.library]
        start, stop = self._layout[code.block]
        try:
            for last in (False,) * (TRIES - 1) + (True,):
                reader = self._reader.again(Deadline(TRY, work="this try"))
                try:
                    self._unpack(code.block, b"".join(reader.read(start, stop)))
                    break
                except _PASSING:
                    if last:
                        raise
        except Exception as error:  # noqa: BLE001 - whoever waits for the page must not wait for ever
            log_line(f"heavylift: {library}: page {page} cannot be brought: {type(error).__name__}: {error}")
            self._paging.failed(code, f"{type(error).__name__}: {error}")
        else:
            seconds = round(time.perf_counter() - begin, 4)
            record = {"event": EVENT, "library": library, "page": page, "bytes": stop - start, "seconds": seconds}
            log_line(json.dumps(record, ensure_ascii=False))
        finally:
            with self._lock:
                self._under_way.discard(code.block)
                if not self._under_way:
                    self._quiet.set()
