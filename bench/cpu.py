"""Measures the CPU time and memory of a start on its own: an archive from a local file, no network, no platform.

`python -m bench.cpu CODE ARCHIVE DIGEST` prints one line of JSON: `load`, the CPU seconds to verify, inflate and write. With
`--start` it also measures `working_set`, the same for what mode `working-set` waits for, and imports and warms up the function in a
process that finds everything unpacked: `import`, the CPU seconds of the import; `import_memory`, the most memory of that process,
and `import_anonymous`, what of it no file backs (bytes). `--model ARCHIVE DIGEST` is what else that function needs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import REST
from heavylift.contracts.manifest import Build

if TYPE_CHECKING:
    from heavylift.contracts.archive import Content
    from heavylift.contracts.pages import Library
    from heavylift.runtime.paging import Paging

# As the loader imports, but alone and without its report: what a start need not do is not in its limit, either.
_IMPORT = """
import gc, importlib, json, os, resource, sys
from pathlib import Path
applib, code = os.environ["AppLibDir"], sys.argv[1]
sys.path[:0] = [code, code + "/vendor", applib]
from heavylift.runtime.bytecode import install
from heavylift.runtime.dedent import dedented_by_lines
from heavylift.runtime.patterns import precompiled
from heavylift.runtime.references import compiled_once
from heavylift.runtime.spinning import spin_briefly
from heavylift.runtime.stack import with_room
install(Path(applib))
gc.disable()
spin_briefly()
import textwrap  # a start has it ahead
with compiled_once(), precompiled(Path(code)), dedented_by_lines():
    index = with_room(lambda: importlib.import_module("index"))
usage = resource.getrusage(resource.RUSAGE_SELF)
getattr(index, "warmup", lambda: None)()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
memory, anonymous = (int(status[name].split()[0]) * 1024 for name in ("VmHWM", "RssAnon"))
print(json.dumps({"import": usage.ru_utime + usage.ru_stime, "import_memory": memory, "import_anonymous": anonymous}))
"""


def spent_by_start(build: Build) -> dict[str, float]:
    """Measure a start of a build's function, once."""
    applib, model = build.applib, build.model
    needed = ["--model", model.path, model.digest] if model else []
    return _run(build.code.path, applib.path, applib.digest, "--start", *needed)


def medians(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each of several measurements."""
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def spent_by_load(code: Path, archive: Path, digest: str) -> float:
    """Measure the CPU seconds of one archive's load."""
    return _run(code, archive, digest)["load"]


def _run(*arguments: object) -> dict[str, float]:
    time.sleep(REST)
    command = [sys.executable, "-m", "bench.cpu", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what a start costs in CPU and memory.")
    parser.add_argument("code", type=Path, help="the built code package")
    parser.add_argument("archive", help="of the libraries")
    parser.add_argument("digest", help="of its content")
    parser.add_argument("--start", action="store_true", help="import and warm up the function, too")
    parser.add_argument("--model", nargs=2, metavar=("ARCHIVE", "DIGEST"), help="that the function needs")
    options = parser.parse_args()
    sys.path[:0] = [str(options.code), f"{options.code}/vendor"]  # its own inflater, as in an instance
    memory = Path("/dev/shm")  # noqa: S108 - an instance's disk lies in memory, too
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        applib, model = Path(folder) / "applib", Path(folder) / "model"
        found = {"load": _load(options.archive, options.digest, applib)}
        if options.model:
            packed, digest = options.model
            _load(packed, digest, model)
        if options.start:
            environment = {"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3"}
            environment |= {"AppLibDir": str(applib), "ModelDir": str(model)}
            command = [sys.executable, "-I", "-S", "-c", _IMPORT, str(options.code)]  # as an instance runs it
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            found |= json.loads(done.stdout.splitlines()[-1])
            found["working_set"] = _load(options.archive, options.digest, Path(folder) / "again", working_set=True)
    print(json.dumps(found))
    return 0


def _load(archive: str, digest: str, target: Path, *, working_set: bool = False) -> float:
    """Return the CPU seconds of a load; of its working set alone, which is then removed again."""
    from heavylift.runtime.load import load
    from heavylift.runtime.retries import Deadline
    from heavylift.runtime.settings import Archive
    from heavylift.runtime.store import Body, ObjectReader
    from heavylift.runtime.timeline import Timeline

    class Local:
        """A file as a store."""

        def describe(self, key: str) -> str:
            return key

        def ask(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Callable[[], Body]:
            size = Path(key).stat().st_size

            def chunks() -> Iterator[bytes]:
                with Path(key).open("rb") as file:
                    file.seek(start)
                    left = min(stop, size) - start
                    while left > 0 and (chunk := file.read(min(left, 262144))):
                        left -= len(chunk)
                        yield chunk

            return lambda: Body(size, etag or "local", chunks())

    reader = ObjectReader(Local(), archive, Deadline(600))
    wanted = Archive(name="applib", key=archive, digest=digest, directory=target)
    before = _used()
    if working_set:
        try:
            load(wanted, reader, Timeline(), _UntilReady(), _start_paging, patient=True)
        except _ReadyError as ready:
            return ready.used - before
    else:
        load(wanted, reader, Timeline())
    return _used() - before


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class _ReadyError(Exception):
    """Ends a load whose working set is there."""

    def __init__(self) -> None:
        super().__init__("the working set is there")
        self.used = _used()


class _UntilReady:
    """Ends a load when its working set is there."""

    def prepared(self, paths: Sequence[str], needs: Sequence[int]) -> None:
        pass

    def paged(self, libraries: Sequence[str]) -> None:
        pass

    def working_set_ready(self, later: int) -> None:
        raise _ReadyError

    def advanced(self, blocks: int) -> None:
        pass


def _start_paging(content: Content, libraries: Sequence[Library], root: Path) -> Paging | None:
    """Return the paging of a load that nobody asks for pages."""
    from heavylift.runtime.pages import find_helper
    from heavylift.runtime.paging import Paging

    helper = find_helper() if libraries else None
    if helper is None:
        return None
    channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)[0]
    return Paging(content, libraries, root, helper, os.memfd_create("bench-pages"), channel.detach())


if __name__ == "__main__":
    sys.exit(main())
