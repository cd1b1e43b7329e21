"""`make bench` as a command: which parts it measures, and what it leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import start
from bench.part import Part
from bench.results import goal
from heavylift.contracts.manifest import write_manifest
from tests.support.builds import write_build


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def part(name: str) -> Any:
        def run(given: Part) -> dict[str, Any]:
            assert given.folder.is_dir()
            names.append(f"{name} {given.runs}")
            return {"goals": {f"goal of {name}": goal(len(names), 1)}}

        return run

    monkeypatch.setattr(start, "PARTS", {name: part(name) for name in start.PARTS})
    monkeypatch.setattr(start, "write_report", lambda _results, folder: (folder / "README.md").write_text("the page"))
    monkeypatch.chdir(tmp_path)
    build = write_build(tmp_path / "dist")
    versions = replace(build.applib, versions={"tensorflow": "2"})
    write_manifest(replace(build, applib=versions), tmp_path / "dist")
    return names


def test_parts_are_measured_in_turn_and_alone(
    measured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start.main(["--only", "start,build", "--runs", "2", "--output", "out"]) == 0
    assert measured == ["start 2", "build 2"]
    assert start.main(["--only", "build", "--output", "out"]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(results["parts"]) == ["start", "build"]
    assert {name: each["value"] for name, each in results["goals"].items()} == {"goal of start": 1, "goal of build": 3}
    assert results["versions"]["tensorflow"] == "2"
    assert "the page" in capsys.readouterr().out


def test_a_part_that_fails_leaves_what_the_parts_before_it_measured(
    measured: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_part: Part) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setitem(start.PARTS, "libraries", failing)
    with pytest.raises(KeyboardInterrupt):
        start.main(["--output", "out"])
    assert list(json.loads((tmp_path / "out" / "results.json").read_text())["parts"]) == ["start"]


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        start.main(["--only", "start,nothing"])
    assert "unknown: nothing" in capsys.readouterr().err
