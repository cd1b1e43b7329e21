"""The process that loads the archives, as far as it can be seen without one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import heavylift

SOURCES = Path(heavylift.__file__).parents[1]
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import heavylift.runtime.loader, heavylift.runtime.worker
import heavylift.runtime.demand, heavylift.runtime.load, heavylift.runtime.paging
print({"dataclasses", "logging", "queue", "random", "shutil", "tempfile", "zstandard"} & {*sys.modules})
"""


def test_nothing_that_takes_long_to_import_stands_before_the_names() -> None:
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(SOURCES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "set()\n", done.stderr
