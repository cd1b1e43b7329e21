"""Runs tasks on several threads and tells the first failure, not the ones that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait


def run_all(tasks: Iterable[Callable[[], None]], *, workers: int, stop: Callable[[], None]) -> None:
    """Run all tasks, begun in their order, and return when every thread has ended.

    Args:
        tasks: what to do.
        workers: threads.
        stop: called when a task failed or the wait was interrupted; makes the running tasks end soon.

    Raises:
        Exception: what the first failed task raised.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="heavylift") as pool:
        futures = [pool.submit(task) for task in tasks]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    future.result()
        except BaseException:
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
