"""The gate's events: who waits for what, and what a failure looks like from inside an import."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from heavylift.contracts.failures import DigestMismatchError, LoadError
from heavylift.runtime.background import Background
from heavylift.runtime.gate import StartStopped, gated
from heavylift.runtime.messages import BlocksReady, LoadEnded, Message, NamesReady, dump_message
from heavylift.runtime.retries import Deadline
from heavylift.runtime.timeline import Timeline

DONE = LoadEnded("", "")
FAILED = LoadEnded("DigestMismatchError", "block 7")
NAMES = NamesReady(["early.txt", "late.txt"], [1, 2])


class Worker:
    """A worker whose messages the test sends."""

    def __init__(self) -> None:
        orders_out, orders_in = os.pipe()
        messages_out, self._messages = os.pipe()
        os.close(orders_out)
        process = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {})
        self.background = Background(process, orders_in, messages_out, Timeline(), Deadline(60.0))

    def send(self, *messages: Message) -> None:
        for message in messages:
            os.write(self._messages, dump_message(message))

    def end(self) -> None:
        os.close(self._messages)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.background.close()


@pytest.fixture
def applib(tmp_path: Path) -> Path:
    for name in ("early.txt", "late.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "alias.txt").symlink_to("late.txt")
    return tmp_path


@contextmanager
def later(action: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Do something soon; yields what says whether it was done."""
    done = threading.Event()

    def act() -> None:
        time.sleep(0.02)  # so that the other side waits first, which nobody can see; it would be right in either order
        done.set()
        action()

    thread = threading.Thread(target=act)
    thread.start()
    yield done.is_set
    thread.join()


def test_work_is_done_while_a_file_is_waited_for_and_no_longer(worker: Worker, applib: Path) -> None:
    def work() -> Iterator[int]:
        yield from range(3)
        worker.send(BlocksReady(1), BlocksReady(2))
        yield 3
        raise AssertionError("there was something to read")

    worker.send(NAMES)
    with gated(worker.background, str(applib)):
        worker.background.wait_for_names("applib")
        worker.background.work_meanwhile(work())
        assert not worker.background.is_there("late.txt")
        assert (applib / "late.txt").read_text() == "late.txt"
        assert worker.background.is_there("late.txt")
        assert not worker.background.is_there("none.txt")


def test_what_is_there_is_read_at_once(worker: Worker, applib: Path) -> None:
    worker.send(NAMES, BlocksReady(1))
    worker.background.wait_for_names("applib")
    with gated(worker.background, str(applib)):
        assert (applib / "early.txt").read_text() == "early.txt"
        assert not (applib / "absent.txt").exists()
        with pytest.raises(FileNotFoundError):
            (applib / "absent.txt").read_text()


def link(path: Path) -> None:
    with pytest.raises(OSError, match="late"):  # it is no library
        ctypes.CDLL(str(path))


def read_if_it_can_be(path: Path) -> None:
    with contextlib.suppress(Exception):  # as a module does with what is optional
        path.read_text()


READERS: dict[str, Callable[[Path], object]] = {
    "open": lambda folder: (folder / "late.txt").read_text(),
    "os.open": lambda folder: os.close(os.open(folder / "late.txt", os.O_RDONLY)),
    "bytes": lambda folder: os.close(os.open(os.fsencode(folder / "late.txt"), os.O_RDONLY)),
    "another way there": lambda folder: os.close(os.open(f"{folder}/../{folder.name}/late.txt", os.O_RDONLY)),
    "a link": lambda folder: (folder / "alias.txt").read_text(),
    "a relative path": lambda folder: os.close(os.open(os.path.relpath(folder / "late.txt"), os.O_RDONLY)),
    "dlopen": lambda folder: link(folder / "late.txt"),
    "a child": lambda folder: subprocess.run(["true"], check=True),
    "a fork": lambda folder: os.waitpid(os.fork() or os._exit(0), 0),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_what_is_missing_is_waited_for(worker: Worker, applib: Path, read: Callable[[Path], object]) -> None:
    worker.send(NAMES, BlocksReady(1))
    worker.background.wait_for_names("applib")
    with gated(worker.background, str(applib)), later(lambda: worker.send(BlocksReady(2), DONE)) as was_there:
        read(applib)
        assert was_there()


def test_a_thread_waits_too(worker: Worker, applib: Path) -> None:
    worker.send(NAMES)
    worker.background.wait_for_names("applib")
    found: list[bool] = []
    with gated(worker.background, str(applib)), later(lambda: worker.send(DONE)) as was_there:
        threads = [
            threading.Thread(target=lambda: found.append(bool((applib / "late.txt").read_text()) and was_there()))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [True] * 3


def test_a_failure_is_no_exception_that_a_module_would_handle(worker: Worker, applib: Path) -> None:
    worker.send(NAMES, FAILED)
    worker.background.wait_for_names("applib")
    with gated(worker.background, str(applib)), pytest.raises(StartStopped, match="block 7"):
        read_if_it_can_be(applib / "late.txt")
    with pytest.raises(DigestMismatchError, match="block 7"):
        worker.background.wait_for_all()


def test_a_worker_that_dies_is_told_with_its_exit_code(worker: Worker) -> None:
    worker.end()
    with pytest.raises(LoadError, match=r"ended with code 3 .*give the function more"):
        worker.background.wait_for_names("applib")


def test_after_it_nothing_waits(worker: Worker, applib: Path) -> None:
    worker.send(NAMES)
    worker.background.wait_for_names("applib")
    with gated(worker.background, str(applib)):
        pass
    assert (applib / "late.txt").read_text() == "late.txt"
