"""The functions that Function Compute calls: `loader.initializer` once per instance, `loader.handler` for each request.

A start brings the model and the applib into the instance, puts the applib on `sys.path`, imports the user's function (in
an initializer, while the rest of the applib is still on its way) and warms it up. It happens once: in the initializer, or,
where the platform has none configured, in the first request. A start that failed is tried again by the next call. Each
start prints one JSON line, whatever becomes of it.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from heavylift.contracts.failures import ConfigurationError
from heavylift.runtime.background import load_in_background
from heavylift.runtime.codepackage import VENDOR
from heavylift.runtime.credentials import find_credentials
from heavylift.runtime.retries import Deadline
from heavylift.runtime.settings import WHOLE, Settings, read_settings
from heavylift.runtime.stack import with_room
from heavylift.runtime.timeline import Timeline

if TYPE_CHECKING:
    from heavylift.runtime.function import Handler
    from heavylift.runtime.rest import Rest

if VENDOR not in sys.path:
    # Before the runtime's own packages: its oss2 is too old to sign with V4.
    sys.path.insert(0, VENDOR)

_MARGIN = 0.1  # of the time limit; kept to report what went wrong before the platform ends the instance

_lock = threading.Lock()
_started: Handler | None = None
_rest: Rest | None = None  # what follows after the initializer


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
    function = _start(context, "request")
    if _rest:
        _rest.look_after(context)
    return function(event, context)


def _start(context: object, mode: str) -> Handler:
    global _started
    if _started is None:
        with _lock:
            if _started is None:
                _started = _reported(context, mode)
    return _started


def _reported(context: object, mode: str) -> Handler:
    timeline = Timeline()
    try:
        function = with_room(partial(_run, context, mode, timeline))
    except BaseException as error:
        _log(timeline.line(mode, error))
        raise
    _log(timeline.line(mode))
    return function


def _run(context: object, mode: str, timeline: Timeline) -> Handler:
    settings = read_settings(os.environ)
    with _without_collector():
        if settings.archives:
            return _run_beside_load(settings, context, mode, timeline)
        if settings.local and not settings.applib.is_dir():
            raise ConfigurationError(
                f"AppLibDir: {settings.applib} is not a directory; with `local` set, nothing is fetched and the applib "
                "must lie there already"
            )
        from heavylift.runtime.function import faster, import_function

        with faster():
            return import_function(settings, timeline)


def _run_beside_load(settings: Settings, context: object, mode: str, timeline: Timeline) -> Handler:
    global _rest
    with timeline.span("credentials", "context"):
        credentials = find_credentials(context, os.environ, local=settings.local)
    deadline = Deadline(_time_limit(settings, context, mode) * (1 - _MARGIN))
    # A start that fails in a request is tried again in this process, where half an import may have left its traces.
    load_mode = WHOLE if mode == "request" else settings.load_mode
    with ExitStack() as following:
        background = following.enter_context(load_in_background(credentials, deadline, timeline, load_mode))
        # Whatever else a start needs is imported while the load is under way.
        from heavylift.runtime.function import faster, import_function, import_listed
        from heavylift.runtime.gate import gated
        from heavylift.runtime.rest import Rest

        with faster():
            import_listed(timeline)
            if mode == "request":
                background.wait_for_all()
            background.wait_for_names("applib")
            following.enter_context(gated(background, str(settings.applib)))
            try:
                function = import_function(settings, timeline, background)
            finally:
                background.wait_for_working_set()  # its failure is the first one, whatever the function made of it
        if background.end_start():
            _rest = Rest(background, credentials, following.pop_all().close)
            _rest.start()
        return function


@contextmanager
def _without_collector() -> Iterator[None]:
    # Nothing that an import makes is garbage: the collector would only walk it again and again.
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _time_limit(settings: Settings, context: object, mode: str) -> float:
    if mode == "initializer":
        return settings.initializer_limit
    return float(getattr(getattr(context, "function", None), "timeout", 0) or settings.initializer_limit)


def _log(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
