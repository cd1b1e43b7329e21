"""The function's side of a load, and the end of the worker's process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from heavylift.contracts.failures import DigestMismatchError
from heavylift.runtime.background import Background
from heavylift.runtime.messages import LoadEnded, Message, dump_message
from heavylift.runtime.retries import Deadline
from heavylift.runtime.timeline import Timeline

DONE = LoadEnded("", "")
FAILED = LoadEnded("DigestMismatchError", "block 7")


class Worker:
    """A worker that says one thing, and ends when its orders have ended and the test lets it."""

    def __init__(self, message: Message) -> None:
        orders_out, orders_in = os.pipe()
        permission, self._permit = os.pipe()
        messages_out, messages_in = os.pipe()
        places = {orders_out: 0, permission: 3}
        actions = [(os.POSIX_SPAWN_DUP2, source, place) for source, place in places.items()]
        self.process = os.posix_spawn("/bin/sh", ["sh", "-c", "read line; read line <&3"], {}, file_actions=actions)
        os.write(messages_in, dump_message(message))
        for each in (orders_out, permission, messages_in):
            os.close(each)
        self.background = Background(self.process, orders_in, messages_out, Timeline(), Deadline(60.0))

    def let_end(self) -> None:
        if self._permit >= 0:
            os.close(self._permit)
            self._permit = -1

    def is_there(self) -> bool:
        """Return whether the process runs, or nobody has asked how it ended."""
        with suppress(ProcessLookupError):
            os.kill(self.process, 0)
            return True
        return False


@pytest.fixture
def done() -> Iterator[Worker]:
    worker = Worker(DONE)
    yield worker
    worker.let_end()


def test_the_end_of_a_worker_that_is_done_is_not_waited_for(done: Worker) -> None:
    done.background.wait_for_all()
    done.background.close()
    assert done.is_there()
    done.let_end()
    while done.is_there():
        time.sleep(0.001)


def test_the_next_start_finds_no_worker_of_one_that_failed() -> None:
    failed = Worker(FAILED)
    with pytest.raises(DigestMismatchError):
        failed.background.wait_for_all()
    failed.let_end()
    failed.background.close()
    assert not failed.is_there()
