"""What a start costs in CPU and memory, measured on its own: our archive from a local file, no network, no platform.

`python -m bench.cpu ARCHIVE DIGEST CODE` prints one line of JSON: CPU seconds of load (verify, inflate, write) and of the import,
and the peak memory of the import alone (bytes), which is measured in a process that finds everything unpacked.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_IMPORT = """
import gc, json, resource, sys
from pathlib import Path
sys.path[:0] = [sys.argv[2], sys.argv[2] + "/vendor", sys.argv[1]]
from coldstart.bytecode import install
install(Path(sys.argv[1]))
gc.disable()
import index
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"import": usage.ru_utime + usage.ru_stime, "import_memory": usage.ru_maxrss * 1024}))
"""


def main() -> int:
    """Measure and print."""
    archive, digest, code = sys.argv[1:]
    sys.path[:0] = [code, f"{code}/vendor"]  # the built package: its own inflater, as in an instance
    from function.coldstart.load import Archive, load
    from function.coldstart.store import Body, Deadline, ObjectReader
    from function.coldstart.timeline import Timeline

    class Local:
        """A file as a store."""

        def describe(self, key: str) -> str:
            return key

        def read(self, key: str, start: int, stop: int, etag: str | None) -> Body:
            size = Path(key).stat().st_size

            def chunks() -> Iterator[bytes]:
                with Path(key).open("rb") as file:
                    file.seek(start)
                    left = min(stop, size) - start
                    while left > 0 and (chunk := file.read(min(left, 262144))):
                        left -= len(chunk)
                        yield chunk

            return Body(size, etag or "local", chunks())

    memory = Path("/dev/shm")  # noqa: S108 - an instance's disk lies in memory, too
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        target = Path(folder) / "applib"
        before = resource.getrusage(resource.RUSAGE_SELF)
        reader = ObjectReader(Local(), archive, Deadline(600))
        load(Archive(name="applib", key=archive, digest=digest, directory=target), reader, Timeline("initializer"))
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        environment = {"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, "-s", "-c", _IMPORT, str(target), code]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    print(json.dumps({"load": spent, **json.loads(done.stdout.splitlines()[-1])}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
