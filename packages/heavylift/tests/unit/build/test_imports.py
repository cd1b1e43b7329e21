"""The modules of requirements that a build imports."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from heavylift.build.applib import Imports
from heavylift.build.errors import MissingModuleError
from heavylift.build.reporter import Reporter


def imports(folder: Path, files: dict[str, str], *modules: str) -> Imports:
    for name, content in files.items():
        (folder / name).write_text(content)
    return Imports(folder, Path(sys.executable), {"one": [*modules], "other": ["other"]}, [], Reporter())


def test_a_module_that_needs_a_package_that_nothing_requires_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"driver.py": "import absent.part\n", "main.py": "", "other.py": ""}
    made = imports(tmp_path, files, "driver", "main")
    recording = made.record_installed()
    assert recording is not None
    assert {"main.py", "other.py"} <= set(recording.needed)
    assert made.modules == {"one": ["main"], "other": ["other"]}
    assert "driver is not imported: it needs absent" in " ".join(capsys.readouterr().out.split())


def test_a_requirement_of_which_nothing_can_be_imported_is_refused(tmp_path: Path) -> None:
    files = {"main.py": "import absent\n", "driver.py": "import absent\n", "other.py": ""}
    with pytest.raises(MissingModuleError, match=r"cannot import main: .*absent.*add the missing package"):
        imports(tmp_path, files, "driver", "main").record_installed()


def test_what_is_missing_after_pruning_is_refused_though_another_module_is_there(tmp_path: Path) -> None:
    made = imports(
        tmp_path, {"main.py": "", "driver.py": "import part\n", "part.py": "", "other.py": ""}, "driver", "main"
    )
    made.record_installed()
    (tmp_path / "part.py").unlink()
    with pytest.raises(MissingModuleError, match="cannot import driver"):
        made.record("without what was pruned")
