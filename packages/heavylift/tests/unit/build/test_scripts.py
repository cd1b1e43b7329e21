"""Scripts of packages that were installed by different Pythons are the same, and run on any."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from heavylift.build.scripts import make_portable

BODY = "import sys\nprint('ran', sys.argv[1:])\n"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "tool-1.0.dist-info").mkdir()
    return tmp_path


def install(content: Path, first: str, name: str = "tool") -> Path:
    script = content / "bin" / name
    script.write_text(first + BODY)
    script.chmod(0o755)
    record = content / "tool-1.0.dist-info" / "RECORD"
    record.write_text(f'"bin/{name}",sha256=abc,{script.stat().st_size}\n"a,b.py",sha256=def,7\ntool.py,sha256=ghi,8\n')
    return script


@pytest.mark.parametrize(
    "first",
    [
        "#!/home/me/.venv/bin/python\n",
        "#!/usr/bin/python3.12 -s\n",
        "#!/bin/sh\n'''exec' '/home/my self/.venv/bin/python' \"$0\" \"$@\"\n' '''\n",
    ],
)
def test_a_script_runs_on_the_python_of_path_and_keeps_its_mode(content: Path, first: str) -> None:
    script = install(content, first)
    make_portable(content)
    assert script.read_text() == f"#!/usr/bin/env python3\n{BODY}"
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    folder = content / "path"
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([script, "x"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "ran ['x']\n"


def test_its_record_tells_no_hash_of_it_and_those_of_all_else(content: Path) -> None:
    install(content, "#!/home/me/.venv/bin/python\n")
    make_portable(content)
    record = content / "tool-1.0.dist-info" / "RECORD"
    assert record.read_text() == 'bin/tool,,\n"a,b.py",sha256=def,7\ntool.py,sha256=ghi,8\n'


def test_a_file_that_others_share_is_replaced_not_written(content: Path) -> None:
    script = install(content, "#!/home/me/.venv/bin/python\n")
    os.link(script, content / "shared")
    make_portable(content)
    assert (content / "shared").read_text() == "#!/home/me/.venv/bin/python\n" + BODY


def test_what_is_no_script_of_a_python_stays_with_its_hash(content: Path) -> None:
    script = install(content, "#!/bin/bash\n")
    before = (content / "tool-1.0.dist-info" / "RECORD").read_text()
    make_portable(content)
    assert script.read_text().startswith("#!/bin/bash\n")
    assert (content / "tool-1.0.dist-info" / "RECORD").read_text() == before
