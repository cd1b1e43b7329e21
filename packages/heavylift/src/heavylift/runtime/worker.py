"""The process that loads the archives, while the function's own process waits for files and imports them.

A process of its own, because an import holds the interpreter's lock for hundreds of milliseconds at a time: a dlopen with
its relocations, a module with a thousand functions. Threads beside it would stand still.

It reads one line of JSON from its standard input (`Order`) and writes what happens to its standard output, one JSON
object a line (`background` reads them). When its standard input ends, so does the function's process, or it has given up:
the worker ends at once, and what is not complete is marked as partial.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from heavylift.contracts.failures import LoadError
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.download import OssStore
from heavylift.runtime.load import load
from heavylift.runtime.retries import Deadline
from heavylift.runtime.settings import read_settings
from heavylift.runtime.store import ObjectReader
from heavylift.runtime.timeline import Timeline

NICENESS = 10  # of 19: while both have work, the import goes first, as the start waits for it longest
_INPUT, _OUTPUT = 0, 1  # descriptors


class Order(TypedDict):
    """What the worker is told. It finds the rest in the environment, which it shares with the function."""

    path: list[str]  # sys.path
    access_key_id: str
    access_key_secret: str
    security_token: str
    end: float  # when to give up, on the clock of `time.perf_counter`
    mode: str  # of the start
    zero: float  # when it began, on the clock of `time.perf_counter`


@dataclass(frozen=True, slots=True)
class _Reporter:
    """Sends messages in order, without making their senders wait for the reader."""

    messages: queue.SimpleQueue[bytes | None]

    def send(self, **message: object) -> None:
        self.messages.put(json.dumps(message).encode() + b"\n")

    def write(self) -> None:
        """Write all messages up to the None."""
        while (message := self.messages.get()) is not None:
            view = memoryview(message)
            while view:
                view = view[os.write(_OUTPUT, view) :]


@dataclass(frozen=True, slots=True)
class _Watcher:
    """Passes on how far the load of the applib is."""

    reporter: _Reporter

    def prepared(self, paths: Sequence[str], needs: Sequence[int]) -> None:
        self.reporter.send(paths=paths, needs=needs)

    def advanced(self, blocks: int) -> None:
        self.reporter.send(blocks=blocks)


def run(order: Order) -> None:
    """Load all archives that the environment names, one after the other, and tell.

    Args:
        order: what to load them with.
    """
    os.nice(NICENESS)
    timeline = Timeline(order["mode"], zero=order["zero"])
    reporter = _Reporter(queue.SimpleQueue())
    threading.Thread(target=_end_with_the_function, daemon=True).start()
    writer = threading.Thread(target=reporter.write)
    writer.start()
    try:
        _load_all(order, timeline, reporter)
    except LoadError as error:
        reporter.send(error=type(error).__name__, message=str(error), timeline=timeline.export())
    except Exception as error:  # noqa: BLE001 - a mistake of ours: the function's log gets it whole, its caller one line
        traceback.print_exc(file=sys.stderr)
        message = f"the loader failed with {type(error).__name__}: {error}; the function's log has more"
        reporter.send(error=LoadError.__name__, message=message, timeline=timeline.export())
    else:
        reporter.send(done=True, timeline=timeline.export())
    reporter.messages.put(None)
    writer.join()
    os._exit(0)  # there is nothing to tidy up, and whoever waits need not wait for the interpreter to do so


def _end_with_the_function() -> None:
    os.read(_INPUT, 1)
    os._exit(1)


def _load_all(order: Order, timeline: Timeline, reporter: _Reporter) -> None:
    settings = read_settings(os.environ)
    credentials = Credentials(order["access_key_id"], order["access_key_secret"], order["security_token"])
    deadline = Deadline(order["end"] - time.perf_counter())
    store = OssStore(settings, credentials)
    for archive in settings.archives:
        watcher = _Watcher(reporter) if archive.directory == settings.applib else None
        load(archive, ObjectReader(store, archive.key, deadline), timeline, watcher)
        reporter.send(loaded=archive.name)
