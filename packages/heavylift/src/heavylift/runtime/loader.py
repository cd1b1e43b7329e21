"""The functions that Function Compute calls: `loader.initializer` once per instance, `loader.handler` for each request.

A start brings the model and the applib into the instance, puts the applib on `sys.path`, imports the user's function (in
an initializer, while the rest of the applib is still on its way) and warms it up. It happens once: in the initializer, or,
where the platform has none configured, in the first request. A start that failed is tried again by the next call. Each
start prints one JSON line, whatever becomes of it.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

CODE = Path(__file__).resolve().parents[2]  # the code package
_VENDOR = str(CODE / "vendor")
if _VENDOR not in sys.path:
    # Before the runtime's own packages: its oss2 is too old to sign with V4.
    sys.path.insert(0, _VENDOR)

from heavylift.contracts.failures import ConfigurationError  # noqa: E402 - vendored packages come first
from heavylift.runtime.ahead import import_ahead, read_list  # noqa: E402
from heavylift.runtime.background import Background, load_in_background  # noqa: E402
from heavylift.runtime.bytecode import Bytecode, install  # noqa: E402
from heavylift.runtime.credentials import find_credentials  # noqa: E402
from heavylift.runtime.dedent import dedented_by_lines  # noqa: E402
from heavylift.runtime.gate import gated  # noqa: E402
from heavylift.runtime.pathfiles import follow_path_files  # noqa: E402
from heavylift.runtime.patterns import precompiled  # noqa: E402
from heavylift.runtime.references import compiled_once  # noqa: E402
from heavylift.runtime.rest import Rest  # noqa: E402
from heavylift.runtime.retries import Deadline  # noqa: E402
from heavylift.runtime.sampling import sampled  # noqa: E402
from heavylift.runtime.settings import WHOLE, Settings, read_settings  # noqa: E402
from heavylift.runtime.spinning import spin_briefly  # noqa: E402
from heavylift.runtime.stack import with_room  # noqa: E402
from heavylift.runtime.timeline import Timeline  # noqa: E402

Handler = Callable[[bytes, object], object]
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
    spin_briefly()
    with _without_collector():
        if settings.archives:
            return _run_beside_load(settings, context, mode, timeline)
        if settings.local and not settings.applib.is_dir():
            raise ConfigurationError(
                f"AppLibDir: {settings.applib} is not a directory; with `local` set, nothing is fetched and the applib "
                "must lie there already"
            )
        with _faster():
            return _warmed_up(settings, _imported(settings, timeline), timeline)


def _run_beside_load(settings: Settings, context: object, mode: str, timeline: Timeline) -> Handler:
    global _rest
    with timeline.span("credentials", "context"):
        credentials = find_credentials(context, os.environ, local=settings.local)
    deadline = Deadline(_time_limit(settings, context, mode) * (1 - _MARGIN))
    # A start that fails in a request is tried again in this process, where half an import may have left its traces.
    load_mode = WHOLE if mode == "request" else settings.load_mode
    with ExitStack() as following:
        background = following.enter_context(load_in_background(credentials, deadline, timeline, load_mode))
        with _faster():
            _import_ahead(timeline)
            if mode == "request":
                background.wait_for_all()
            background.wait_for_names("applib")
            following.enter_context(gated(background, str(settings.applib)))
            try:
                function = _warmed_up(settings, _imported(settings, timeline, background), timeline)
            finally:
                background.wait_for_working_set()  # its failure is the first one, whatever the function made of it
        if background.end_start():
            _rest = Rest(background, credentials, following.pop_all().close)
            _rest.start()
        return function


def _import_ahead(timeline: Timeline) -> None:
    """Use the time until the first files of the applib are there."""
    if modules := read_list(CODE, os.environ):
        with timeline.span("import", "ahead"):
            import_ahead(modules, _VENDOR)


@contextmanager
def _without_collector() -> Iterator[None]:
    # Nothing that an import makes is garbage: the collector would only walk it again and again.
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@contextmanager
def _faster() -> Iterator[None]:
    """Import and warm up with less work for the same results."""
    with compiled_once(), precompiled(CODE):
        yield


def _time_limit(settings: Settings, context: object, mode: str) -> float:
    if mode == "initializer":
        return settings.initializer_limit
    return float(getattr(getattr(context, "function", None), "timeout", 0) or settings.initializer_limit)


def add_to_path(applib: Path) -> Bytecode | None:
    """Put the applib behind the code package and its vendored packages, before everything of the runtime.

    Returns:
        Its bytecode; None where it has none, or was there already.
    """
    bytecode = None
    path = str(applib)
    if path not in sys.path:
        ours = [sys.path.index(entry) for entry in (str(CODE), _VENDOR) if entry in sys.path]
        sys.path.insert(max(ours) + 1, path)
        bytecode = install(applib)
        _show_to_children(path, follow_path_files(path))
    importlib.invalidate_caches()
    return bytecode


def _show_to_children(applib: str, more: list[str]) -> None:
    """Let the programs that the function starts find its modules, in the same order, and the programs of its packages.

    One that is started during the imports waits for the whole applib: see `heavylift.runtime.gate`.
    """
    entries = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    place = entries.index(str(CODE)) if str(CODE) in entries else len(entries)
    ours = [_VENDOR, str(CODE), applib]
    before, after = entries[:place], [entry for entry in entries[place + 1 :] if entry not in ours]
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [*before, *ours, *after, *(entry for entry in more if entry not in entries)]
    )
    # As in a virtual environment: the packages' programs come first, and run on the Python that has the packages.
    programs = [f"{applib}/bin", os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]  # noqa: PTH120 - faster
    os.environ["PATH"] = os.pathsep.join(programs)


def _imported(settings: Settings, timeline: Timeline, background: Background | None = None) -> ModuleType:
    bytecode = add_to_path(settings.applib)
    if bytecode and background:
        background.work_meanwhile(bytecode.read_ahead(background.is_there))
    timeline.mark_import()
    name = settings.handler.rpartition(".")[0]
    try:
        with timeline.span("import", name), sampled(str(settings.applib), timeline), dedented_by_lines():
            return importlib.import_module(name)
    finally:
        if bytecode and background:
            background.work_meanwhile(iter(()))
            bytecode.forget()


def _warmed_up(settings: Settings, module: ModuleType, timeline: Timeline) -> Handler:
    module_name, _, function_name = settings.handler.rpartition(".")
    function: Handler | None = getattr(module, function_name, None)
    if function is None:
        raise ConfigurationError(f"HandlerModule: the module {module_name} has no function {function_name}")
    if hasattr(module, "warmup"):
        with timeline.span("warmup", module_name):
            module.warmup()
    return function


def _log(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
