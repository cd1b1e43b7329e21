"""The sources of a code package: what a function may read goes in, what is the build's or a tool's stays out."""

from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build.errors import BuildError
from heavylift.build.sources import ENTRY, BuildFiles, code_files
from tests.support.paths import ROOT


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def packed(project: Path, **own: object) -> set[str]:
    build = BuildFiles(**{"made": [project / "mine" / "dist", project / ".cache"], **own})  # type: ignore[arg-type]
    found = set(code_files(project / "mine", build)) - {"loader.py"}
    return {name for name in found if not name.startswith("heavylift/")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path / "mine", "main.py", "package/__init__.py", "package/data.bin", "notes.txt", ".settings.toml")
    return tmp_path


OWN = {"main.py", "package/__init__.py", "package/data.bin", "notes.txt", ".settings.toml"}


def test_what_the_build_reads_and_writes_is_no_part_of_the_code(project: Path) -> None:
    mine = project / "mine"
    write(
        mine,
        "dist/manifest.json",
        "dist/applib/x.zip",
        "dist/code/main.py",
        "weights/a.bin",
        "applib.txt",
        "rules.toml",
    )
    write(mine, "locks/applib-cp310-manylinux_2_28_x86_64.txt")
    assert packed(project, model=mine / "weights", read=[mine / "applib.txt", mine / "rules.toml"]) == OWN


def test_what_tools_keep_beside_the_code_stays_out(project: Path) -> None:
    write(
        project / "mine",
        ".git/config",
        ".venv/pyvenv.cfg",
        ".venv/lib/a.py",
        "environment/pyvenv.cfg",
        "environment/b.py",
    )
    write(
        project / "mine",
        "package/__pycache__/a.pyc",
        ".mypy_cache/a.json",
        "mine.egg-info/PKG-INFO",
        "node_modules/a.js",
    )
    assert packed(project) == OWN


def test_what_a_handler_may_import_or_read_is_never_lost(project: Path) -> None:
    mine = project / "mine"
    names = {
        "locks/__init__.py",
        "locks/data.txt",
        "weights/network.py",
        "build/a.py",
        "tests/b.py",
        "dist_tools/c.py",
        ".environment",
    }
    write(mine, *names, "weights/a.bin")
    assert packed(project, model=mine / "weights", read=[mine / "applib.txt"]) == OWN | names


def test_files_with_secrets_do_not_travel(project: Path) -> None:
    mine = project / "mine"
    write(mine, ".env", ".env.production", "package/.env", ".env.d/secret", ".venv/notes.txt")
    (mine / "settings").symlink_to(".env")
    assert packed(project) == OWN


@pytest.mark.parametrize("name", ["link", "package/link"])
@pytest.mark.parametrize("target", ["outside/secret", "outside"])
def test_a_link_that_leads_out_of_the_folder_is_refused(project: Path, name: str, target: str) -> None:
    write(project / "outside", "secret")
    (project / "mine" / name).symlink_to(project / target)
    with pytest.raises(BuildError, match=f"code: .*: {name} is a link to .*{target}, outside of the folder; "):
        packed(project)


def test_a_link_within_the_folder_is_its_file(project: Path) -> None:
    (project / "mine" / "link.txt").symlink_to("notes.txt")
    assert packed(project) == OWN | {"link.txt"}


def test_links_where_nothing_is_packed_are_left_alone(project: Path) -> None:
    write(project / "outside", "weights.bin", "tool")
    write(project / "mine", "weights/a.bin")
    (project / "mine" / "node_modules").symlink_to(project / "outside")
    (project / "mine" / "weights" / "b.bin").symlink_to(project / "outside" / "weights.bin")
    assert packed(project, model=project / "mine" / "weights") == OWN


def test_code_that_is_the_model_too_goes_into_both(project: Path) -> None:
    assert packed(project, model=project / "mine") == OWN


def test_code_that_the_build_writes_to_is_refused(project: Path) -> None:
    with pytest.raises(BuildError, match=r"code: .*mine is what the build writes to, .*name a folder of your own"):
        packed(project, made=[project / "mine"])


def test_a_folder_without_files_is_refused(project: Path) -> None:
    with pytest.raises(BuildError, match="there are no files in such a folder"):
        code_files(project / "nowhere", BuildFiles())


def test_the_loading_library_goes_in_and_nothing_else_of_heavylift(project: Path) -> None:
    names = set(code_files(project / "mine", BuildFiles()))
    assert {"heavylift/__init__.py", "heavylift/runtime/loader.py", "heavylift/contracts/archive.py"} <= names
    folders = {name.split("/")[1] for name in names if name.startswith("heavylift/")}
    assert folders == {"__init__.py", "errors.py", "runtime", "contracts"}


def test_a_folder_without_loader_gets_the_one_that_this_project_has(project: Path) -> None:
    assert code_files(project / "mine", BuildFiles())["loader.py"] == ENTRY
    assert code_files(ROOT / "function", BuildFiles())["loader.py"] == ROOT / "function" / "loader.py"
    assert ENTRY.read_text() == (ROOT / "function" / "loader.py").read_text()


def test_a_loader_of_ones_own_must_be_the_loaders_entry(project: Path) -> None:
    (project / "mine" / "loader.py").write_text("def load(): pass\n")
    with pytest.raises(BuildError, match=r"loader\.py would replace the loader, and does not import `handler`"):
        code_files(project / "mine", BuildFiles())


@pytest.mark.parametrize("name", ["heavylift/runtime/own.py", "vendor/own.py"])
def test_what_would_lie_among_the_loaders_parts_is_refused(project: Path, name: str) -> None:
    write(project / "mine", name)
    with pytest.raises(BuildError, match=f"{name} would replace a part of the loader; give it another name"):
        code_files(project / "mine", BuildFiles())
