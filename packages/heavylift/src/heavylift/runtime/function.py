"""Imports the user's function and warms it up, with less work than it takes by itself, for the same results.

A start imports this module, and all that it needs, when the load is under way.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from heavylift.contracts.failures import ConfigurationError
from heavylift.runtime.ahead import import_ahead, read_list
from heavylift.runtime.background import Background
from heavylift.runtime.bytecode import Bytecode, install
from heavylift.runtime.codepackage import CODE, VENDOR
from heavylift.runtime.dedent import dedented_by_lines
from heavylift.runtime.pathfiles import follow_path_files
from heavylift.runtime.patterns import precompiled
from heavylift.runtime.references import compiled_once
from heavylift.runtime.sampling import sampled
from heavylift.runtime.settings import Settings
from heavylift.runtime.spinning import spin_briefly
from heavylift.runtime.timeline import Timeline

Handler = Callable[[bytes, object], object]


@contextmanager
def faster() -> Iterator[None]:
    """Import and warm up with less work for the same results."""
    spin_briefly()
    with compiled_once(), precompiled(CODE):
        yield


def import_listed(timeline: Timeline) -> None:
    """Use the time until the first files of the applib are there."""
    if modules := read_list(CODE, os.environ):
        with timeline.span("import", "ahead"):
            import_ahead(modules, VENDOR)


def import_function(settings: Settings, timeline: Timeline, background: Background | None = None) -> Handler:
    """Return the user's function, imported and warmed up.

    Args:
        settings: say which one.
        timeline: is told what took how long.
        background: the load that brings what it imports; None: all of it is there.

    Raises:
        ConfigurationError: there is no such function.
        Exception: whatever the user's module raises.
    """
    return _warmed_up(settings, _imported(settings, timeline, background), timeline)


def add_to_path(applib: Path) -> Bytecode | None:
    """Put the applib behind the code package and its vendored packages, before everything of the runtime.

    Returns:
        Its bytecode; None where it has none, or was there already.
    """
    bytecode = None
    path = str(applib)
    if path not in sys.path:
        ours = [sys.path.index(entry) for entry in (str(CODE), VENDOR) if entry in sys.path]
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
    ours = [VENDOR, str(CODE), applib]
    before, after = entries[:place], [entry for entry in entries[place + 1 :] if entry not in ours]
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [*before, *ours, *after, *(entry for entry in more if entry not in entries)]
    )
    # As in a virtual environment: the packages' programs come first, and run on the Python that has the packages.
    programs = [f"{applib}/bin", os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]  # noqa: PTH120 - faster
    os.environ["PATH"] = os.pathsep.join(programs)


def _imported(settings: Settings, timeline: Timeline, background: Background | None) -> ModuleType:
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
