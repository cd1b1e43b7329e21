"""The modules of requirements that a build imports."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from heavylift.build.errors import BuildError, MissingModuleError
from heavylift.build.imports import Imports, Tree, choose_files
from heavylift.build.needed import find_referrers
from heavylift.build.prune import DEFAULT_RULES, read_rules, survey
from heavylift.build.reporter import Reporter


def imports(folder: Path, files: dict[str, str], *modules: str) -> Imports:
    for name, content in files.items():
        (folder / name).write_text(content)
    return Imports(
        folder=folder,
        interpreter=Path(sys.executable),
        modules={"one": [*modules], "other": ["other"]},
        needs=[],
        report=Reporter(),
    )


def test_a_module_that_needs_a_package_that_nothing_requires_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"driver.py": "import absent.part\n", "main.py": "", "other.py": ""}
    made = imports(tmp_path, files, "driver", "main")
    recording = made.record_useful("all of it")
    assert recording is not None
    assert {"main.py", "other.py"} <= set(recording.needed)
    assert made.modules == {"one": ["main"], "other": ["other"]}
    assert "driver is not imported: it needs absent" in " ".join(capsys.readouterr().out.split())


def test_a_requirement_of_which_nothing_can_be_imported_is_refused(tmp_path: Path) -> None:
    files = {"main.py": "import absent\n", "driver.py": "import absent\n", "other.py": ""}
    with pytest.raises(
        MissingModuleError, match=r"^what was built cannot import main: .*absent.*add the missing package"
    ):
        imports(tmp_path, files, "driver", "main").record_useful("all of it")


def test_what_is_missing_after_pruning_is_refused_though_another_module_is_there(tmp_path: Path) -> None:
    made = imports(
        tmp_path, {"main.py": "", "driver.py": "import part\n", "part.py": "", "other.py": ""}, "driver", "main"
    )
    made.record_useful("all of it")
    (tmp_path / "part.py").unlink()
    with pytest.raises(MissingModuleError, match="cannot import driver"):
        made.record("without what was pruned")


class Titles(Reporter):
    """Remembers the steps of a build."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.titles.append(title)
        yield


class Chosen:
    """Files of an applib, of which `choose_files` has put into a folder what stays."""

    def __init__(self, folder: Path, files: dict[str, str], rules: str = "") -> None:
        for name, content in files.items():
            (folder / "files" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "files" / name).write_text(content)
        (folder / "rules.toml").write_text(rules)
        found = survey(folder / "files", read_rules([DEFAULT_RULES, folder / "rules.toml"]))
        self.folder, self.report = folder / "applib", Titles()
        tree = Tree(self.folder, {name: str(folder / "files" / name) for name in files}, Path(sys.executable))
        modules = {"p": ["p"]}
        made = Imports(
            folder=self.folder, interpreter=Path(sys.executable), modules=modules, needs=[], report=self.report
        )
        referrers = find_referrers(found.candidates, found.candidates.staying, tree.read)
        self.pruning, _ = choose_files(made, tree, found, referrers)

    @property
    def left(self) -> set[str]:
        paths = (path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
        return {path.relative_to(self.folder).as_posix() for path in paths}

    @property
    def was_whole(self) -> bool:
        return any("what they open stays" in title for title in self.report.titles)


def test_files_that_no_import_looks_for_go_after_one_import(tmp_path: Path) -> None:
    made = Chosen(tmp_path, {"p/__init__.py": "", "p/a.h": "", "p/tests/test_a.py": ""})
    assert made.left == {"p/__init__.py"}
    assert made.pruning.removed == {"p/a.h": "headers", "p/tests/test_a.py": "tests"}
    assert not made.was_whole


def test_data_in_a_folder_that_an_import_lists_stays_after_one_import(tmp_path: Path) -> None:
    lists = "import os\nFOUND = os.listdir(os.path.dirname(__file__) + '/kernels')\n"
    made = Chosen(tmp_path, {"p/__init__.py": lists, "p/kernels/a.txt": "", "p/kernels/a.cu": "", "p/b.cu": ""})
    assert made.left == {"p/__init__.py", "p/kernels/a.txt", "p/kernels/a.cu"}
    assert not made.was_whole


@pytest.mark.parametrize(
    "code",
    [
        "import importlib\ntry: importlib.import_module('.'.join(('p', 'te' + 'sts', 'extra')))\nexcept ImportError: pass",
        "import os\nif os.path.exists(HERE + NAME): exec(open(HERE + NAME).read())",
        "import os\nfor place, _, names in os.walk(HERE): [open(f'{place}/{n}') for n in names if n[0] == 'e']",
        "open(HERE + NAME)",
    ],
)
def test_a_file_that_an_import_looks_for_under_a_computed_name_stays(tmp_path: Path, code: str) -> None:
    here = "HERE, NAME = __file__.rpartition('/')[0], ''.join(('/tes', 'ts/ext', 'ra.p', 'y'))\n"
    files = {"p/__init__.py": here + code, "p/tests/__init__.py": "", "p/tests/extra.py": "", "o/b.h": ""}
    made = Chosen(tmp_path, files)
    assert "p/tests/extra.py" in made.left
    assert "o/b.h" not in made.left
    assert made.was_whole


def test_a_file_of_a_users_own_rule_goes_whoever_looks_for_it(tmp_path: Path) -> None:
    rule = '[mine]\nglobs = ["p/extra.py"]\n'
    files = {"p/__init__.py": "try:\n    import p.extra\nexcept ImportError: pass", "p/extra.py": ""}
    made = Chosen(tmp_path, files, rule)
    assert made.left == {"p/__init__.py"}
    assert not made.was_whole
    (tmp_path / "needed").mkdir()
    with pytest.raises(BuildError, match=r"No module named 'p\.extra'"):
        Chosen(tmp_path / "needed", {**files, "p/__init__.py": "import p.extra"}, rule)
