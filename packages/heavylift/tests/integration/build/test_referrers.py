"""References that processes read: the same as those that are read here, of the files alone that may matter."""

from __future__ import annotations

from pathlib import Path

from heavylift.build.needed import find_referrers
from heavylift.build.prune import DEFAULT_RULES, read_rules, survey
from heavylift.build.referrers import read_referrers

FILES = {
    "p/__init__.py": "from .tests import helper",
    "p/prose.py": "'''What the tests and kernels do.'''\nx = 'a helper, tests and so on'\n",
    "p/other.py": "import q\nopen('data.txt')\n",
    "p/fast.cpython-311-x86_64-linux-gnu.so": "\x7fELF\0p.tests.helper\0",
    "p-1.dist-info/entry_points.txt": "[plugins]\na = p.tests.helper:x\n",
    "p/tests/__init__.py": "",
    "p/tests/helper.py": "",
    "p/kernels.cu": "",
}


def test_processes_find_what_one_does_and_parse_no_prose(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    candidates = survey(tmp_path, read_rules([DEFAULT_RULES])).candidates
    found = read_referrers({path: str(tmp_path / path) for path in candidates.paths}, candidates)
    assert found == find_referrers(candidates, candidates.staying, lambda path: (tmp_path / path).read_bytes())
    assert found.keys() == {
        "p/__init__.py",
        "p/fast.cpython-311-x86_64-linux-gnu.so",
        "p-1.dist-info/entry_points.txt",
    }
