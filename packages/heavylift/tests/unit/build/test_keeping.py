"""Libraries that write beside their modules, while a build imports them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from heavylift.build.accesses import record_imports
from heavylift.build.errors import BuildError

HERE = "import os\nfrom pathlib import Path\nhere = Path(__file__).parent\n"
WRITING = {
    "a file written": "(here / 'count').write_text('1')",
    "a file added to": "with (here / 'count').open('a') as file: file.write('1')",
    "a file opened to be read and written": "with (here / 'count').open('r+') as file: file.write('1')",
    "a file truncated": "os.truncate(here / 'count', 0)",
    "a file removed": "(here / 'count').unlink()",
    "a file replaced": "(here / 'new').write_text('1'); os.replace(here / 'new', here / 'count')",
    "a file moved": "(here / 'count').rename(here / 'moved')",
    "a new file in a new folder": "(here / 'more').mkdir(exist_ok=True); (here / 'more' / 'new').write_text('1')",
    "a file written through a descriptor": "os.write(os.open('count', os.O_WRONLY), b'1')",
    "a file written by one who dies": "(here / 'count').write_text('1'); os.kill(os.getpid(), 9)",
}


@pytest.mark.parametrize("writing", WRITING.values(), ids=WRITING.keys())
def test_files_are_as_they_were_when_a_library_that_writes_has_been_imported(tmp_path: Path, writing: str) -> None:
    folder, cache = tmp_path / "applib", tmp_path / "cache"
    (folder / "scribe").mkdir(parents=True)
    (folder / "scribe" / "__init__.py").write_text(f"{HERE}os.chdir(here)\n{writing}\n")
    cache.write_text("0")
    cache.chmod(0o640)
    os.link(cache, folder / "scribe" / "count")
    for _ in range(2):
        with suppress(BuildError):
            record_imports(folder, Path(sys.executable), ["scribe"])
        assert cache.read_text() == "0"
        assert (folder / "scribe" / "count").samefile(cache)
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert files == {"scribe/__init__.py", "scribe/count"}
        assert {path.name for path in tmp_path.iterdir()} == {"applib", "cache"}


def test_a_library_reads_what_it_has_written(tmp_path: Path) -> None:
    folder = tmp_path / "applib"
    folder.mkdir()
    (folder / "count").write_text("0")
    (folder / "count").chmod(0o640)
    (folder / "scribe.py").write_text(
        f"{HERE}mode = (here / 'count').stat().st_mode\n(here / 'count').open('a').write('1')\n"
        "assert (here / 'count').read_text() == '01' and (here / 'count').stat().st_mode == mode\n"
    )
    record_imports(folder, Path(sys.executable), ["scribe"])
    assert (folder / "count").read_text() == "0"


def test_what_a_killed_build_has_left_aside_comes_back(tmp_path: Path) -> None:
    folder, aside = tmp_path / "applib", tmp_path / "applib.aside"
    for path, text in {"scribe.py": "", "count": "1", "made": "1"}.items():
        folder.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    for path, text in {"old/count": "0", "new/made": "", "copy": "half"}.items():
        (aside / path).parent.mkdir(parents=True, exist_ok=True)
        (aside / path).write_text(text)
    record_imports(folder, Path(sys.executable), ["scribe"])
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"scribe.py": "", "count": "0"}
    assert not aside.exists()
