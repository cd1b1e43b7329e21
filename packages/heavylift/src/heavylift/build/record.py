"""The recorded start: the function with its libraries and its model, as an instance starts it, and requests to it.

It runs in a process of its own, which closes all code of the large libraries first, and then tells which pages and which files
were opened: those of the imports, of `warmup`, and of each request. Requests see the variables of the function and of whoever
builds, such as credentials; one that fails is recorded as far as it came. Nothing that the build keeps is written to: the large
libraries are copies, and other files become some when they are written.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heavylift.build.accesses import WATCH
from heavylift.build.ahead import PATCHERS, find_ahead
from heavylift.build.elf import binds_any
from heavylift.build.errors import BuildError
from heavylift.build.keeping import KEEP
from heavylift.build.patterns import NOTE, parse_pattern
from heavylift.build.recording import LibraryCode, Recording, record_pages, record_whole
from heavylift.contracts.archive import BYTECODE_NAME

SECONDS = 900  # of all of it: every page costs a fault
# Prefixes of variables of whoever builds that do not count: of Python's and ld.so's own, and those by which the C library and
# numeric ones choose the code for a processor and the number of threads, since an instance, which has none of these, executes
# other code.
_NOT_GIVEN = (
    *("PYTHON", "LD_", "GLIBC_", "XDG_"),
    *("OPENBLAS_", "GOTO_", "BLIS_", "MKL_", "ONEDNN_", "DNNL_", "ATEN_", "OMP_", "KMP_", "NPY_"),
)

_BLOCKED = (
    "the process ended by SIGSEGV. A thread that blocks this signal, as those of ZeroMQ and jemalloc do, cannot open code when it "
    "executes it, nor can any while a library's own handler for the signal passes nothing on; if the function has one, leave it "
    "without a recording, or set `loadMode` to whole"
)

# Functions by which a library decides what becomes of signals.
_SIGNALS = (b"sigaction", b"signal", b"sigprocmask", b"pthread_sigmask")
# Audit events of starting a program; their arguments are paths and words. docs.python.org/3/library/audit_events.html
_STARTS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system")

_RECORD = f"""
import sys
sys.path.remove("")
import json, os, types
code, orders = sys.argv[1], json.load(open(sys.argv[2]))
sys.path.insert(0, code)
from heavylift.runtime.ahead import is_ours
from heavylift.runtime.bytecode import Bytecode
from heavylift.runtime.pages import Segment, find_helper, recording
from loader import handler, initializer
failures, imported, regular, root = [], [], [], os.environ["AppLibDir"] + "/"
{KEEP}
{WATCH}
def find(bytecode, path, found=Bytecode.find):
    content = found(bytecode, path)
    if content is not None:
        needed.append(path)  # nothing opens it: it lies in a file with others
    return content

Bytecode.find = find
context = types.SimpleNamespace(
    request_id="recorded", region=os.environ.get("Region", ""), account_id="",
    credentials=types.SimpleNamespace(
        access_key_id=os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "none"),
        access_key_secret=os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "none"),
        security_token=os.environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", "none"),
    ),
    function=types.SimpleNamespace(name="recorded", handler="loader.handler", memory=0, timeout=60),
    service=types.SimpleNamespace(log_project="", log_store="", qualifier="", version_id=""),
)

def run(name, call, *arguments):
    try:
        call(*arguments)
        return True
    except BaseException as error:
        failures.append([name, f"{{type(error).__name__}}: {{error}}"])
        return False

def words(value):
    if isinstance(value, (str, bytes, os.PathLike)):
        yield from os.fsdecode(value).split()
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from words(each)

def note(event, arguments):
    if event in ("import", "open", "ctypes.dlopen"):
        find_helper().look_after()  # as in an instance: modules install handlers when they are imported
    if event == "import":
        asked.append(arguments[0])
    elif event in {_STARTS}:
        named = [word for value in arguments for word in words(value)]
        paths = [word if "/" in word else f"{{root}}bin/{{word}}" for word in named]
        needed.extend(path for path in paths if path.startswith(root))

class Missed:
    @staticmethod
    def find_spec(name, path=None, target=None):
        stem = root + name.replace(".", "/")
        needed.extend((stem + ".py", stem + "/__init__.py"))

def origin(module):
    if not issubclass(type(module), types.ModuleType):
        return ""  # `isinstance` would believe what an object says of itself, as those of cffi do
    spec = types.ModuleType.__getattribute__(module, "__spec__")  # asks nothing of modules that are executed when first used
    return spec and spec.origin or ""

{NOTE}
with recording([Segment(*each) for each in orders["segments"]]) as plan:
    asked = list(sys.modules)  # in the order in which they end; from here on, in that in which they begin
    keep(root[:-1], orders["aside"])
    sys.addaudithook(note)
    sys.meta_path.append(Missed)
    sys.addaudithook(hook)  # not before: what records opens the libraries itself
    if run("the start", initializer, context):
        regular = compiled_patterns()
        if not sys.modules.keys() & {sorted(PATCHERS)}:
            there = [name for name in dict.fromkeys(asked) if name in sys.modules]
            imported = [name for name in there if is_ours(origin(sys.modules[name]), code + "/vendor")]
        for name in orders["events"]:
            with open(name, "rb") as file:
                run(name, handler, file.read(), context)
    look()
    said = {{"touched": plan.touched(), "opened": below(needed), "imported": imported, "patterns": regular, "failures": failures}}
    with open(orders["result"], "w") as file:
        json.dump(said, file)
    os._exit(0)  # threads of the function's libraries would hold it up; the libraries are copies
"""


class _EndedError(BuildError):
    """The process ended without a result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A function to start.

    Attributes:
        handler: MODULE.FUNCTION.
        code: the code package.
        applib: the folder of its libraries.
        model: the folder of its model.
        environment: its variables.
        interpreter: a Python of the target's version.
        events: files with the payloads of requests to it.
    """

    handler: str
    code: Path
    applib: Path
    model: Path | None
    environment: Mapping[str, str]
    interpreter: Path
    events: Sequence[Path]


def record_start(
    trial: Trial, libraries: Mapping[str, LibraryCode], scratch: Path
) -> tuple[Recording, list[str], list[str]]:
    """Start a function, send it requests, and return what it touched of its applib.

    A library that handles SIGSEGV itself, or has threads that block it, cannot open its own code. If the process ends without a
    result, it is started again with all code open of those that may do so.

    Args:
        trial: the function.
        libraries: of its applib, by their paths.
        scratch: an existing folder on the file system of the applib.

    Returns:
        The recording, a sentence for each failure, and the paths of libraries that cannot do without any of their code.

    Raises:
        BuildError: nothing could be recorded.
    """
    try:
        return *_record(trial, libraries, scratch), []
    except _EndedError:
        whole = {path: code for path, code in libraries.items() if binds_any(trial.applib / path, _SIGNALS)}
        if not whole:
            raise
        left = {path: code for path, code in libraries.items() if path not in whole}
        found, failures = _record(trial, left, scratch)
    return replace(found, libraries={**found.libraries, **record_whole(whole)}), failures, sorted(whole)


def _record(trial: Trial, libraries: Mapping[str, LibraryCode], scratch: Path) -> tuple[Recording, list[str]]:
    with tempfile.TemporaryDirectory(prefix="recorded-", dir=scratch.resolve()) as name:
        folder = Path(name)
        applib = folder / "applib"
        _copy(trial.applib, applib, libraries)
        segments = [
            [str(applib / path), region.offset, region.size, region.flags, region.header]
            for path, code in libraries.items()
            for region in code.regions
        ]
        orders = {
            "segments": segments,
            "events": [str(event.resolve()) for event in trial.events],
            "result": str(folder / "result.json"),
            "aside": str(folder / "aside"),  # only so that what is written is a copy: nothing is put back
        }
        (folder / "orders.json").write_text(json.dumps(orders))
        said = _run(trial, applib, folder)
    failures = [
        f"{name} ended with {reason}; recorded is what was executed until then" for name, reason in said["failures"]
    ]
    touched = {os.path.relpath(path, applib): pages for path, pages in said["touched"].items()}
    made = f"{BYTECODE_NAME}/"  # not a file of any package: its own order follows from the recording
    opened = tuple(path for path in said["opened"] if not path.startswith(made))
    ahead = find_ahead(said["imported"], trial.code, trial.applib, trial.interpreter)
    patterns = tuple(map(parse_pattern, said["patterns"]))
    return Recording(record_pages(touched, libraries), opened, ahead, patterns), failures


def _copy(applib: Path, target: Path, libraries: Iterable[str]) -> None:
    """Make the same tree; all files but the libraries are shared."""

    def share(source: str, copy: str) -> None:
        path = Path(source)
        if path.relative_to(applib).as_posix() in copied:
            shutil.copy2(source, copy)
        else:
            os.link(source, copy, follow_symlinks=False)

    copied = set(libraries)
    shutil.copytree(applib, target, symlinks=True, copy_function=share)


def _run(trial: Trial, applib: Path, folder: Path) -> dict[str, Any]:
    model = trial.model.resolve() if trial.model else folder / "model"
    home = folder / "home"  # as empty as an instance's: what libraries keep in one, a cold start does not find
    home.mkdir()
    given = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_GIVEN)}
    ours = {"AppLibDir": str(applib), "ModelDir": str(model), "HandlerModule": trial.handler, "local": "1"}
    try:
        done = subprocess.run(
            [
                str(trial.interpreter),
                "-s",
                "-S",
                "-B",
                "-c",
                _RECORD,
                str(trial.code.resolve()),
                f"{folder}/orders.json",
            ],
            cwd=trial.code,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **given, "HOME": str(home), **trial.environment, **ours},
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            f"handler {trial.handler}: nothing is recorded, since it runs for more than {SECONDS} s"
        ) from error
    try:
        said: dict[str, Any] = json.loads((folder / "result.json").read_bytes())
    except (OSError, ValueError) as error:
        words = done.stderr.strip().splitlines()[-1:] or [f"the process ended with {done.returncode}"]
        if done.returncode == -signal.SIGSEGV:
            words = [_BLOCKED]
        raise _EndedError(f"handler {trial.handler}: nothing is recorded: {words[0]}") from error
    return said
