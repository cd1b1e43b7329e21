"""References that processes read: the same as those that are read here, of the files alone that may matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build.candidates import Candidates
from heavylift.build.needed import find_referrers
from heavylift.build.prune import DEFAULT_RULES, read_rules, survey, survey_paths
from heavylift.build.references import References
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


def test_modules_in_the_folder_of_the_build_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "applib").mkdir()
    (tmp_path / "applib" / "six.py").write_text("import tests\n")
    for module in ("ast", "struct", "pickle"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('a module of the project was imported')\n")
    monkeypatch.chdir(tmp_path)
    candidates = survey(tmp_path / "applib", read_rules([DEFAULT_RULES])).candidates
    assert read_referrers({path: str(tmp_path / "applib" / path) for path in candidates.paths}, candidates) == {}


def survey_of(folders: list[Path]) -> tuple[dict[str, str], Candidates, dict[str, Path]]:
    files = {
        path.relative_to(folder).as_posix(): path for folder in folders for path in folder.rglob("*") if path.is_file()
    }
    places = {path: folder for folder in folders for path in files if (folder / path).is_file()}
    owners = {path: folder.name for path, folder in places.items()}
    found = survey_paths(files, read_rules([DEFAULT_RULES]), owners)
    return {path: str(file) for path, file in files.items()}, found.candidates, {**places}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_a_package_is_read_again_only_when_another_brings_what_it_may_mean(tmp_path: Path) -> None:
    kept = tmp_path / "kept"  # where packages keep what was read; their files lie apart
    one = write(tmp_path / "one", FILES)
    user = write(tmp_path / "user", {"user/__init__.py": "import added.tests.helper\n", "user/a.py": "'about tests'\n"})
    added = write(
        tmp_path / "added", {"added/__init__.py": "", "added/tests/__init__.py": "", "added/tests/helper.py": ""}
    )

    def read(folders: list[Path]) -> tuple[dict[str, References], set[str]]:
        files, candidates, places = survey_of(folders)
        for folder in folders:
            (kept / folder.name).mkdir(parents=True, exist_ok=True)
        before = {path: path.stat().st_mtime_ns for path in kept.rglob("*.json")}
        found = read_referrers(files, candidates, {path: kept / place.name for path, place in places.items()})
        assert choose_all(found) == choose_all(
            find_referrers(candidates, candidates.staying, lambda path: Path(files[path]).read_bytes())
        )
        after = {path: path.stat().st_mtime_ns for path in kept.rglob("*.json")}
        return found, {path.parent.name for path in after if after[path] != before.get(path)}

    assert read([one, user])[1] == {"one", "user"}
    assert read([one, user])[1] == set()
    found, anew = read([one, user, added])
    assert anew == {"user", "added"}  # the other one holds no word `added`
    assert "user/__init__.py" in found
    write(one, {"p/tests/more.py": ""})
    assert read([one, user, added])[1] == {"one"}


def choose_all(found: dict[str, References]) -> dict[str, object]:
    return {
        path: (set(each.modules), set(each.strings), set(each.called), each.own_file, [*map(sorted, each.folders)])
        for path, each in found.items()
    }
