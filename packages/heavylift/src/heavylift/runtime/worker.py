"""The process that loads the archives, while the function's own process waits for files and imports them.

A process of its own, because an import holds the interpreter's lock for hundreds of milliseconds at a time: a dlopen with
its relocations, a module with a thousand functions. Threads beside it would stand still.

It gets a `LoadRequest` from its standard input and writes its messages to its standard output, where `background` reads them.
When its standard input ends, so does the function's process, or it has given up: the worker ends at once, and what is not
complete is marked as partial.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from heavylift.contracts.failures import LoadError
from heavylift.runtime.codepackage import CODE
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.download import OssStore
from heavylift.runtime.messages import (
    ArchiveLoaded,
    BlocksReady,
    CredentialsRenewed,
    LoadEnded,
    LoadRequest,
    Message,
    NamesReady,
    PagesReady,
    RestWanted,
    WorkingSetReady,
    dump_message,
    parse_message,
)
from heavylift.runtime.retries import Deadline
from heavylift.runtime.settings import read_settings
from heavylift.runtime.store import AHEAD, ObjectReader
from heavylift.runtime.timeline import Timeline

if TYPE_CHECKING:
    from pathlib import Path

    from heavylift.contracts.archive import Content
    from heavylift.contracts.packaged import PlacedIndex
    from heavylift.contracts.pages import Library
    from heavylift.runtime.paging import Paging

NICENESS = 10  # of 19: while both have work, the import goes first, as the start waits for it longest
SWITCH = 0.001  # seconds; while the index is read and planned, what arrives is taken off the connection that often
HOLD = 5.0  # seconds: what an import waits for may wait for the rest without this package's knowledge
_OUTPUT = 1  # descriptor
_MEMORY = {
    -8: 1,
    -3: 32 * 1024**2,
    -1: 256 * 1024**2,
}  # mallopt(3): M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD; bytes


class _Reporter:
    """Sends messages in order, without making their senders wait for the reader."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()  # `queue` takes time to import
        self._count = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def send(self, message: Message) -> None:
        self._put(dump_message(message))

    def close(self) -> None:
        """Return when all messages are written."""
        self._put(b"")
        self._thread.join()

    def _put(self, message: bytes) -> None:
        self._messages.append(message)
        self._count.release()

    def _write(self) -> None:
        while self._count.acquire() and (message := self._messages.popleft()):
            view = memoryview(message)
            while view:
                try:
                    view = view[os.write(_OUTPUT, view) :]
                except BrokenPipeError:
                    os._exit(1)  # the function's process has ended


class _Watcher(NamedTuple):
    """Passes on the progress of the applib's load."""

    reporter: _Reporter
    timeline: Timeline
    rest_wanted: threading.Event

    def paged(self, libraries: Sequence[str]) -> None:
        self.reporter.send(PagesReady(list(libraries)))

    def working_set_ready(self, later: int) -> None:
        self.reporter.send(self.timeline.collected())
        self.reporter.send(WorkingSetReady(later))
        self.rest_wanted.wait(HOLD)  # until then, the cores and the memory are the import's

    def prepared(self, paths: Sequence[str], needs: Sequence[int]) -> None:
        self.reporter.send(NamesReady(list(paths), list(needs)))

    def advanced(self, blocks: int) -> None:
        self.reporter.send(BlocksReady(blocks))


def run(request: LoadRequest) -> None:
    """Load all archives that the environment names, and tell."""
    os.nice(NICENESS)
    gc.disable()  # next to nothing of a load is garbage
    sys.setswitchinterval(SWITCH)
    timeline = Timeline(zero=request.zero)
    reporter = _Reporter()
    end = LoadEnded("", "")
    try:
        _load_all(request, timeline, reporter)
    except LoadError as error:
        end = LoadEnded(type(error).__name__, str(error))
    except Exception as error:  # noqa: BLE001 - a mistake of ours: the function's log gets it whole, its caller one line
        import traceback  # takes time to import, and no start that works needs it

        traceback.print_exc(file=sys.stderr)
        message = f"the loader failed with {type(error).__name__}: {error}; the function's log has more"
        end = LoadEnded(LoadError.__name__, message)
    reporter.send(timeline.collected())
    reporter.send(end)
    reporter.close()
    os._exit(0)  # there is nothing to tidy up, and whoever waits need not wait for the interpreter to do so


def _keep_memory() -> None:
    """Let glibc keep what is freed: it gives memory back block by block, to fault it in for the next one, a fifth of a load's CPU.

    With one arena for all threads, what it keeps instead is less than what each of theirs would hold.
    """
    import ctypes

    libc = ctypes.CDLL(None)
    for parameter, value in _MEMORY.items():
        libc.mallopt(parameter, value)


def _obey(store: OssStore, rest_wanted: threading.Event) -> None:
    """Follow what the function's process says, and end with it."""
    for line in sys.stdin:
        message = parse_message(line)
        if isinstance(message, CredentialsRenewed):
            store.renew(Credentials(*message))
        elif isinstance(message, RestWanted):
            rest_wanted.set()
    os._exit(1)


def _load_all(request: LoadRequest, timeline: Timeline, reporter: _Reporter) -> None:
    settings = read_settings(os.environ)
    credentials = Credentials(request.access_key_id, request.access_key_secret, request.security_token)
    deadline = Deadline(request.end - time.perf_counter())
    store = OssStore(settings, credentials)
    rest_wanted = threading.Event()
    threading.Thread(target=_obey, args=(store, rest_wanted), daemon=True).start()
    loads = {archive.name: (archive, ObjectReader(store, archive.key, deadline)) for archive in settings.archives}
    for archive, reader in reversed(loads.values()):  # the applib first: it waits for more
        if not archive.directory.exists():
            reader.ask(AHEAD)  # it comes while what follows is imported
    _keep_memory()
    from heavylift.runtime.load import load
    from heavylift.runtime.parallel import begin

    wait = begin(partial(load, *loads["model"], timeline), "model") if "model" in loads else None
    try:
        if "applib" in loads:
            archive, reader = loads["applib"]
            load(
                archive,
                reader,
                timeline,
                _Watcher(reporter, timeline, rest_wanted),
                _start_paging if request.by_pages else None,
                patient=request.working_set,
                packaged=_packaged_index(archive.digest),
                before=wait,  # imports begin with the applib's names, and may read the model
            )
    finally:
        if wait:
            wait()
    for name in loads:
        reporter.send(ArchiveLoaded(name))


def _packaged_index(digest: str) -> PlacedIndex | None:
    from heavylift.contracts.packaged import PACKAGED_NAME, parse_packaged

    try:
        with open(f"{CODE}/{PACKAGED_NAME}", "rb") as file:  # noqa: PTH123 - faster
            return parse_packaged(file.read(), digest)
    except FileNotFoundError:
        return None


def _start_paging(content: Content, libraries: Sequence[Library], root: Path) -> Paging | None:
    if not libraries:
        return None
    from heavylift.runtime.paging import start_paging  # needs ctypes, which takes time to import

    return start_paging(content, libraries, root)
