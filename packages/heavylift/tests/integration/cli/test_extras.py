"""A command whose libraries are not installed says how to install them."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from heavylift.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("command", "missing"), [(["start-report", "start.log"], "matplotlib"), (["demo", "--root", "nowhere"], "numpy")]
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(command: list[str], missing: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, missing, *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        1,
        f"heavylift: `heavylift {command[0]}` needs {missing}, which is not installed: pip install 'heavylift[report]'\n",
    )
