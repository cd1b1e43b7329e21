"""Measures the CPU time and memory of a start on its own: an archive from a local file, no network, no platform.

`python -m bench.cpu CODE ARCHIVE DIGEST` prints one line of JSON: `load`, the CPU seconds to verify, inflate and write. With
`--model ARCHIVE DIGEST` it also imports and warms up the example function in a process that finds everything unpacked: `import`,
the CPU seconds of the import; `import_memory`, the most memory of that process, and `import_anonymous`, what of it no file backs
(bytes).
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.archives import model_of
from bench.measure import REST
from heavylift.contracts.manifest import Build

_IMPORT = """
import gc, json, os, resource, sys
from pathlib import Path
applib, code = os.environ["AppLibDir"], sys.argv[1]
sys.path[:0] = [code, code + "/vendor", applib]
from heavylift.runtime.bytecode import install
install(Path(applib))
gc.disable()
import index
usage = resource.getrusage(resource.RUSAGE_SELF)
index.warmup()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
memory, anonymous = (int(status[name].split()[0]) * 1024 for name in ("VmHWM", "RssAnon"))
print(json.dumps({"import": usage.ru_utime + usage.ru_stime, "import_memory": memory, "import_anonymous": anonymous}))
"""


def spent_by_start(build: Build) -> dict[str, float]:
    """Measure a start of the example, once."""
    applib, model = build.applib, model_of(build)
    return _run(build.code.path, applib.path, applib.digest, "--model", model.path, model.digest)


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
    parser.add_argument("--model", nargs=2, metavar=("ARCHIVE", "DIGEST"), help="import and warm up the example, too")
    options = parser.parse_args()
    sys.path[:0] = [str(options.code), f"{options.code}/vendor"]  # its own inflater, as in an instance
    memory = Path("/dev/shm")  # noqa: S108 - an instance's disk lies in memory, too
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        applib, model = Path(folder) / "applib", Path(folder) / "model"
        found = {"load": _load(options.archive, options.digest, applib)}
        if options.model:
            packed, digest = options.model
            _load(packed, digest, model)
            environment = {"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3"}
            environment |= {"AppLibDir": str(applib), "ModelDir": str(model)}
            command = [sys.executable, "-I", "-S", "-c", _IMPORT, str(options.code)]  # as an instance runs it
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            found |= json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(found))
    return 0


def _load(archive: str, digest: str, target: Path) -> float:
    from heavylift.runtime.load import load
    from heavylift.runtime.retries import Deadline
    from heavylift.runtime.settings import Archive
    from heavylift.runtime.store import Body, ObjectReader
    from heavylift.runtime.timeline import Timeline

    class Local:
        """A file as a store."""

        def describe(self, key: str) -> str:
            return key

        def read(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Body:
            size = Path(key).stat().st_size

            def chunks() -> Iterator[bytes]:
                with Path(key).open("rb") as file:
                    file.seek(start)
                    left = min(stop, size) - start
                    while left > 0 and (chunk := file.read(min(left, 262144))):
                        left -= len(chunk)
                        yield chunk

            return Body(size, etag or "local", chunks())

    before = resource.getrusage(resource.RUSAGE_SELF)
    reader = ObjectReader(Local(), archive, Deadline(600))
    load(Archive(name="applib", key=archive, digest=digest, directory=target), reader, Timeline("initializer"))
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
