"""The caches of builds: a build waits for its own, and takes of the others what nobody uses."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from heavylift.build.caches import PROJECT, free, open_cache, taken
from heavylift.build.errors import BuildError
from heavylift.build.options import CACHE, project_cache
from heavylift.build.reporter import Reporter


class Noted(Reporter):
    """Keeps the notes."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []
        self.noted = threading.Event()

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)
        self.noted.set()


def test_the_second_build_with_a_cache_goes_on_when_the_first_has_ended(tmp_path: Path) -> None:
    done: list[str] = []
    report = Noted()

    def second() -> None:
        with taken(tmp_path, report):
            done.append("second")

    thread = threading.Thread(target=second)
    with taken(tmp_path, report):
        assert not report.notes
        thread.start()
        assert report.noted.wait(10)
        done.append("first")
    thread.join(10)
    assert done == ["first", "second"]
    assert report.notes == [f"another build is running with {tmp_path}; this one goes on when it has ended"]


def test_a_cache_that_a_build_uses_serves_no_other(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with taken(one, Noted()), free([one, other]) as found:
        assert found == [other]
        with free([one, other]) as more:
            assert more == []
    with free([one, other]) as found:
        assert found == [one, other]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and a folder of the user's for caches."""
    monkeypatch.delenv(CACHE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    project = tmp_path / "here" / "mine"
    project.mkdir(parents=True)
    return project


def test_the_cache_of_a_project_lies_outside_of_it_and_is_its_own(project: Path, tmp_path: Path) -> None:
    cache, other = project_cache(project), project_cache(tmp_path / "there" / "mine")
    assert cache.parent == other.parent == tmp_path / "users" / "heavylift" / "builds"
    assert cache != other
    assert cache.name.startswith("mine-")


def test_a_variable_names_another_place(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, ".cache/heavylift")
    assert project_cache(project) == project / ".cache/heavylift"
    monkeypatch.setenv(CACHE, str(tmp_path / "named"))
    assert project_cache(project).parent == tmp_path / "named"


def test_caches_of_projects_that_are_gone_are_removed(project: Path) -> None:
    gone = project.with_name("gone")
    gone.mkdir()
    for each in (project, gone):
        open_cache(project_cache(each) / "functions" / "f", project_cache(each), each)
    assert project_cache(gone).exists()
    gone.rmdir()
    open_cache(project_cache(project), project_cache(project), project)
    assert (project_cache(project).exists(), project_cache(gone).exists()) == (True, False)


def test_a_folder_that_no_build_has_made_stays_whatever_it_holds(project: Path) -> None:
    other = project_cache(project).with_name("photos")
    other.mkdir(parents=True)
    (other / PROJECT).write_text("/nowhere")
    open_cache(project_cache(project), project_cache(project), project)
    assert (other / PROJECT).exists()


def test_a_cache_within_the_project_stands_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, ".cache/heavylift")
    open_cache(project_cache(project), project_cache(project), project)
    assert list(project_cache(project).iterdir()) == []


def test_a_place_where_nothing_can_be_kept_is_named(project: Path, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("no folder")
    with pytest.raises(BuildError, match="name another folder in HEAVYLIFT_CACHE"):
        open_cache(project_cache(project), project_cache(project), project)


def test_a_relative_folder_of_caches_does_not_count(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")
    monkeypatch.setenv("HOME", "/home/me")
    assert project_cache(project).parent == Path("/home/me/.cache/heavylift/builds")


def test_a_user_without_a_home_is_told_what_to_name(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(_: type[Path]) -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", classmethod(no_home))
    assert project_cache(project).name.startswith("mine-")  # XDG_CACHE_HOME names one
    monkeypatch.delenv("XDG_CACHE_HOME")
    with pytest.raises(BuildError, match="name a folder in HEAVYLIFT_CACHE"):
        project_cache(project)
    monkeypatch.setenv(CACHE, "/named")
    assert project_cache(project).parent == Path("/named")
