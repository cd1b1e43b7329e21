"""Runs tasks on several threads and tells the first failure, not the ones that follow from it.

`concurrent.futures` does that, too, and imports `logging`: what a start's first request and its first blocks would wait for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable


def begin(call: Callable[[], object], name: str) -> Callable[[], None]:
    """Call a function in a thread of its own, and return what waits for its end and raises what it raised.

    Args:
        call: the function.
        name: of the thread.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            failures.append(error)

    def wait() -> None:
        thread.join()
        if failures:
            raise failures[0]

    thread = threading.Thread(target=run, name=name)
    thread.start()
    return wait


def run_all(tasks: Iterable[Callable[[], None]], *, workers: int, stop: Callable[[], None]) -> None:
    """Run all tasks, begun in their order, and return when every thread has ended.

    Args:
        tasks: what to do.
        workers: threads.
        stop: called when a task failed or the wait was interrupted; makes the running tasks end soon.

    Raises:
        Exception: what the first task that failed raised.
    """
    waiting = list(tasks)
    count = min(workers, len(waiting))
    waiting.reverse()
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        waiting.clear()
        stop()

    def work() -> None:
        while True:
            try:
                task = waiting.pop()
            except IndexError:
                return
            try:
                task()
            except BaseException as error:  # noqa: BLE001 - the caller gets it
                fail(error)

    threads = [threading.Thread(target=work, name=f"heavylift_{number}") for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException as interruption:
        fail(interruption)
        for thread in threads:
            thread.join()
        raise
    if failures:
        raise failures[0]
