"""What Function Compute calls: `loader.initializer` once per instance, `loader.handler` for each request.

A start brings the applib and the model into the instance, puts the applib on `sys.path`, imports the user's function
and warms it up. It happens once: in the initializer, or, where the platform has none configured, in the first request.
A start that failed is tried again by the next call. Each start prints one JSON line, whatever becomes of it.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

CODE = Path(__file__).resolve().parent
_VENDOR = str(CODE / "vendor")
if _VENDOR not in sys.path:
    # Before the runtime's own packages: its oss2 is too old to sign with V4.
    sys.path.insert(0, _VENDOR)

from coldstart.bytecode import install  # noqa: E402 - vendored packages come first
from coldstart.credentials import find_credentials  # noqa: E402 - vendored packages come first
from coldstart.errors import ConfigurationError  # noqa: E402
from coldstart.load import load  # noqa: E402
from coldstart.settings import Settings, read_settings  # noqa: E402
from coldstart.store import Deadline, ObjectReader  # noqa: E402
from coldstart.timeline import Timeline  # noqa: E402

Handler = Callable[[bytes, object], object]
_MARGIN = 0.1  # of the time limit; kept to report what went wrong before the platform ends the instance

_T = TypeVar("_T")
_lock = threading.Lock()
_started: Handler | None = None


def initializer(context: object) -> None:
    """Start the instance.

    Args:
        context: the platform's context of this call.

    Raises:
        LoadError: an archive could not be loaded; its subclasses say why.
        Exception: whatever the user's module raises when it is imported or warmed up.
    """
    _start(context, "initializer")


def handler(event: bytes, context: object) -> object:
    """Answer a request with the user's function, and start the instance first where no initializer did.

    Args:
        event: the request's payload.
        context: the platform's context of this call.

    Returns:
        What the user's function returns.

    Raises:
        LoadError: the start failed.
        Exception: whatever the user's function raises.
    """
    return _start(context, "request")(event, context)


def _start(context: object, mode: str) -> Handler:
    global _started
    if _started is None:
        with _lock:
            if _started is None:
                _started = _reported(mode, lambda timeline: _run(context, mode, timeline))
    return _started


def _reported(mode: str, run: Callable[[Timeline], _T]) -> _T:
    timeline = Timeline(mode)
    try:
        result = run(timeline)
    except BaseException as error:
        _log(timeline.line(error))
        raise
    _log(timeline.line())
    return result


def _run(context: object, mode: str, timeline: Timeline) -> Handler:
    settings = read_settings(os.environ)
    _fetch(settings, context, Deadline(_time_limit(settings, context, mode) * (1 - _MARGIN)), timeline)
    _add_to_path(settings.applib)
    timeline.mark_import()
    return _import(settings.handler, timeline)


def _fetch(settings: Settings, context: object, deadline: Deadline, timeline: Timeline) -> None:
    if settings.local and not settings.applib.is_dir():
        raise ConfigurationError(
            f"AppLibDir: {settings.applib} is not a directory; with `local` set, nothing is fetched and the applib must "
            "lie there already"
        )
    if not settings.archives:
        return
    with timeline.span("credentials", "context"):
        credentials = find_credentials(context, os.environ, local=settings.local)
    with timeline.span("import", "oss2"):
        from coldstart.oss import OssStore, open_bucket  # half a second, and not needed when `local` is set
    store = OssStore(open_bucket(settings, credentials, check_crc=False))
    for archive in settings.archives:
        load(archive, ObjectReader(store, archive.key, deadline), timeline)


def _time_limit(settings: Settings, context: object, mode: str) -> float:
    if mode == "initializer":
        return settings.initializer_limit
    return float(getattr(getattr(context, "function", None), "timeout", 0) or settings.initializer_limit)


def _add_to_path(applib: Path) -> None:
    """Put the applib behind the code package and its vendored packages, before everything of the runtime."""
    path = str(applib)
    if path not in sys.path:
        ours = [place for place, entry in enumerate(sys.path) if entry in (str(CODE), _VENDOR)]
        sys.path.insert(max(ours) + 1, path)
        install(applib)
    importlib.invalidate_caches()


def _import(name: str, timeline: Timeline) -> Handler:
    module_name, _, function_name = name.rpartition(".")
    # Nothing that an import makes is garbage: the collector would only walk it again and again.
    gc.disable()
    try:
        with timeline.span("import", module_name):
            module = importlib.import_module(module_name)
        function: Handler | None = getattr(module, function_name, None)
        if function is None:
            raise ConfigurationError(f"HandlerModule: the module {module_name} has no function {function_name}")
        if hasattr(module, "warmup"):
            with timeline.span("warmup", module_name):
                module.warmup()
        gc.freeze()
    finally:
        gc.enable()
    return function


def _log(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
