"""Code that is executed before it has come: brought once, however many ask for it, and before what nobody waits for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, cast

from heavylift.contracts.loading import CodeBlock
from heavylift.runtime.demand import Demand
from tests.support.waiting import wait_for

CODE = CodeBlock(block=0, library=0, pages=range(1, 3), cold=True)


class Load:
    """A load whose block comes when it is let go."""

    libraries = ("lib.so",)

    def __init__(self) -> None:
        self.questions: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.heard = 0
        self.reads = 0
        self.let_go = threading.Event()
        self.arrived: list[bytes] = []
        self.demand = Demand(cast(Any, self), cast(Any, self), [(0, 4)], lambda _, packed: self.arrived.append(packed))
        self.demand.start()

    def ask(self, page: int) -> None:
        """Ask for a page, and wait until that was heard."""
        before = self.heard
        self.questions.put(page)
        wait_for(lambda: self.heard > before)

    def asked(self) -> Iterator[tuple[CodeBlock, int]]:
        while True:
            yield CODE, self.questions.get()
            self.heard += 1

    def is_taken(self, _block: int) -> bool:
        return bool(self.arrived)

    def again(self, _deadline: object) -> Load:
        return self

    def read(self, _start: int, _stop: int) -> Iterator[bytes]:
        self.reads += 1
        self.let_go.wait()
        yield b"code"


def test_what_several_threads_ask_for_is_fetched_once() -> None:
    load = Load()
    load.ask(1)
    wait_for(lambda: load.reads)
    load.ask(2)
    load.let_go.set()
    wait_for(lambda: load.arrived)
    load.ask(1)
    assert (load.reads, load.arrived) == (1, [b"code"])


def test_what_nobody_waits_for_gives_way_to_what_somebody_does() -> None:
    load = Load()
    assert list(load.demand.give_way(iter((b"more",)))) == [b"more"]
    load.ask(1)
    threading.Timer(0.05, load.let_go.set).start()
    assert list(load.demand.give_way(iter((b"more",)))) == [b"more"]
    assert load.arrived == [b"code"]
