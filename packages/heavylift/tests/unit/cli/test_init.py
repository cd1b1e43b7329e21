"""`heavylift init`: what it writes, what it refuses, and that its templates are laid out as heavylift's own project."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from heavylift.cli.init import EXAMPLES, TEMPLATES, stack_name, template
from heavylift.cli.main import main
from tests.support.paths import ROOT

LAYOUT = {".gitignore", "cdk.json", "function", "infra", "layers_build", "pyproject.toml", "requirements.txt", "tests"}
# What a template has of the repository, file for file: the folder there, and which template has it where.
SAME = {
    "function": "rotate/function",
    "layers_build/applib.txt": "rotate/layers_build/applib.txt",
    "layers_build/model.py": "rotate/layers_build/model.py",
    "tests/unit/test_jobs.py": "rotate/tests/unit/test_jobs.py",
    "infra/__init__.py": "common/infra/__init__.py",
    "examples/palette/code": "palette/function",
    "examples/palette/model": "palette/layers_build/model",
    "examples/palette/applib.txt": "palette/layers_build/applib.txt",
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_project_has_the_layout_of_heavylifts_own(example: str, tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "mine"), "--example", example]) == 0
    names = {path.name for path in (tmp_path / "mine").iterdir()}
    assert names == LAYOUT
    assert all((ROOT / name).exists() for name in names)
    assert {path.name for path in (tmp_path / "mine" / "tests").iterdir()} == {"conftest.py", "e2e", "unit"}


@pytest.mark.parametrize("source", SAME)
def test_what_a_template_has_of_the_repository_is_the_same(source: str) -> None:
    assert contents(ROOT / source) == contents(TEMPLATES / SAME[source]), (
        f"templates and repository differ: cp -r {source} packages/heavylift/src/heavylift/templates/{SAME[source]}"
    )


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    caches = ("__pycache__", ".mypy_cache", ".ruff_cache")
    return {each.relative_to(path).as_posix(): each.read_bytes() for each in files if not set(caches) & set(each.parts)}


def test_the_settings_are_read_as_the_projects_own_are() -> None:
    own, shared = (json.loads((folder / "cdk.json").read_text()) for folder in (ROOT, TEMPLATES / "common"))
    assert {**own, "context": {}} == {**shared, "context": {}}


def test_what_git_ignores_is_ignored_in_the_repository_as_well() -> None:
    own, shared = (set((folder / ".gitignore").read_text().split()) for folder in (ROOT, TEMPLATES / "common"))
    assert shared <= own


def test_an_app_takes_about_fifteen_lines_at_most() -> None:
    for example in EXAMPLES:
        text = (TEMPLATES / example / "infra" / "app.py").read_text()
        statement = re.search(r"^with .*", text, re.MULTILINE | re.DOTALL)
        assert statement is not None
        assert len(statement[0].splitlines()) <= 18, example


def test_nothing_is_overwritten_and_the_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "function").mkdir()
    (tmp_path / "function" / "index.py").write_text("mine")
    assert main(["init", str(tmp_path)]) == 1
    assert f"{tmp_path} holds function/index.py already, and nothing is overwritten" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["function"]
    assert (tmp_path / "function" / "index.py").read_text() == "mine"


def test_the_next_three_commands_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["init", "my function"])
    assert commands(capsys) == ["cd 'my function'", "heavylift deploy", "heavylift invoke"]
    monkeypatch.chdir(tmp_path / "my function" / "tests")
    main(["init"])
    assert commands(capsys) == ["heavylift deploy", "heavylift invoke", "heavylift local stop"]
    main(["init", str(tmp_path / "palette"), "--example", "palette"])
    assert commands(capsys)[2] == "heavylift outputs"  # an empty event names no photo


def commands(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("Next:")
    return [line.partition("#")[0].strip() for line in lines[1:]]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("mine", "mine"),
        ("My Function_2", "my-function-2"),
        ("x" * 40, "x" * 28),
        ("函数", "heavylift"),
        ("2nd", "heavylift"),
    ],
)
def test_a_stack_is_named_after_its_folder(folder: str, name: str, tmp_path: Path) -> None:
    assert stack_name(tmp_path / folder) == name
    main(["init", str(tmp_path / folder)])
    assert json.loads((tmp_path / folder / "cdk.json").read_text())["context"]["stackName"] == name


def test_caches_are_no_part_of_a_template() -> None:
    assert not [name for example in EXAMPLES for name in template(example) if "__pycache__" in name]
