"""Measures the time of imports by top-level package: a thread samples the module that is being executed.

A clock around each import would stand in every traceback; a look from beside does not. What held the interpreter's lock
between two looks, such as a dlopen, counts for the module that is found when the lock is free again: its importer.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType

from heavylift.runtime.timeline import ImportTime, Timeline

INTERVAL = 0.005  # seconds between two looks; each costs some microseconds
SHOWN = 10  # packages
OTHERS = "others"  # the rest, and the time in which no package of the applib was being executed


@contextmanager
def sampled(applib: str, timeline: Timeline) -> Iterator[None]:
    """Sample this thread in the block under it, and give the timeline the time of each package.

    Args:
        applib: the directory of the packages, as it stands on `sys.path`.
        timeline: is told at the end.
    """
    seconds: Counter[str] = Counter()
    ended = threading.Event()
    target, prefix = threading.get_ident(), f"{applib}/"

    def look() -> None:
        last = time.perf_counter()
        while not ended.wait(INTERVAL):
            package = _package(sys._current_frames().get(target), prefix)
            now = time.perf_counter()
            seconds[package] += now - last  # type: ignore[assignment]
            last = now

    looker = threading.Thread(target=look, name="heavylift-sampling")
    looker.start()
    try:
        yield
    finally:
        ended.set()
        looker.join()
        timeline.set_imports(_times(seconds, prefix))


def _package(frame: FrameType | None, prefix: str) -> str:
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(prefix):
            return path.removeprefix(prefix).partition("/")[0].partition(".")[0]
        frame = frame.f_back
    return OTHERS


def _times(seconds: Counter[str], prefix: str) -> list[ImportTime]:
    modules = Counter(
        name.partition(".")[0]
        for name, module in list(sys.modules.items())
        if str(_attributes(module).get("__file__")).startswith(prefix)
    )
    ranked = [(name, spent) for name, spent in seconds.most_common() if name != OTHERS]
    times = [ImportTime(name, round(spent, 3), modules[name]) for name, spent in ranked[:SHOWN]]
    shown = {each.package for each in times}
    rest = sum(spent for name, spent in seconds.items() if name not in shown)
    return [*times, ImportTime(OTHERS, round(rest, 3), sum(modules.values()) - sum(each.modules for each in times))]


def _attributes(module: object) -> dict[str, object]:
    """Return what a module holds, without asking the module itself: a lazy one would be executed, and all that it imports."""
    if not issubclass(type(module), ModuleType):
        return {}  # whatever a library has put there
    attributes: dict[str, object] = object.__getattribute__(module, "__dict__")
    return attributes
