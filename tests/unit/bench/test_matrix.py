"""`make matrix`: its table of packages, what it measures again, and the page that it writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.matrix import __main__ as matrix
from bench.matrix.cases import PYTHONS, Case, read_cases
from bench.matrix.page import render
from bench.matrix.rows import Row, fingerprint, read_rows, write_rows
from tests.support.paths import ROOT

RUNTIME = "packages/heavylift/src/heavylift/runtime"
MACHINE = {"cores": 2, "cpu": "a CPU", "memory": 1, "system": "6.1"}
WORKS = Row(
    package="pillow",
    python="3.10",
    versions={"pillow": "12.3.0"},
    packed=6_000_000,
    unpacked=17_600_000,
    ran_on="3.10.13",
    runs=((0.9, 1.1), (0.1, 0.4), (0.2, 0.5)),
)
NEEDS = Row(package="scipy", python="3.10", runs=((1.0, 2.0),), system=("libgomp.so.1", "libX11.so.6"))
FAILS = Row(package="pillow", python="3.12", versions={"pillow": "13.0.0"}, failure="build: a | b\nc")


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: case.name)
def test_every_package_has_a_function_that_is_python(case: Case) -> None:
    names: dict[str, Any] = {}
    assert "use" in compile(case.source, case.name, "exec").co_names
    exec(compile("def use(): return [1]\n" + case.source.split("\n\n\n")[-1], case.name, "exec"), names)
    version, _, answer = names["handler"](b"", None).partition(" ")
    assert version.count(".") == 2
    assert answer == "[1]"


def test_the_page_has_a_row_for_each_result_and_says_why_a_package_does_not_work() -> None:
    page = render([WORKS, FAILS, NEEDS], MACHINE)
    rows = [line for line in page.splitlines() if line.startswith("|")][2:]
    assert rows == [
        "| pillow | 12.3.0 | 3.10.13 | 6.0 | 17.6 | 0.20 s | 0.50 s | yes |",
        "| pillow | 13.0.0 | 3.12 | – | – | – | – | build: a \\| b c |",
        "| scipy | – | 3.10 | – | – | 1.00 s | 2.00 s | here; names libgomp.so.1, libX11.so.6 |",
    ]
    assert "**2 of 3 work here**, 1 of them name libraries of the system." in page
    assert "medians of 1 to 3 starts" in page


def test_the_published_page_is_what_the_published_rows_give() -> None:
    folder = ROOT / "docs" / "reference"
    machine = json.loads((folder / "packages.json").read_text(encoding="utf-8"))["machine"]
    rows = read_rows(folder, machine)
    assert (folder / "packages.md").read_text(encoding="utf-8") == render(list(rows.values()), machine)
    assert set(rows) == {(case.name, python) for case in read_cases() for python in PYTHONS}


def test_rows_are_kept_for_the_machine_that_they_were_measured_on(tmp_path: Path) -> None:
    write_rows(tmp_path, [WORKS, FAILS, NEEDS], MACHINE)
    assert list(read_rows(tmp_path, MACHINE).values()) == [WORKS, FAILS, NEEDS]
    assert read_rows(tmp_path, {**MACHINE, "cpu": "another"}) == {}


class Shop:
    """Stands for the workshop, whose builds take minutes: everything works, but what it is told fails."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.failing: set[str] = set()
        self.measured: list[str] = []
        self.pins: list[dict[str, str]] = []

    def measure(self, case: Case, python: str, pins: dict[str, str], *, runs: int) -> Row:
        self.measured.append(f"{case.name} {python} {runs}")
        self.pins.append(pins)
        versions = pins or {case.name: "1"}
        inputs = fingerprint(self.root, case, python, versions)
        row = replace(WORKS, package=case.name, python=python, versions=versions, inputs=inputs)
        return replace(row, failure="broken") if case.name in self.failing else row


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop(tmp_path)

    @contextmanager
    def workshop(_root: Path, _folder: Path) -> Iterator[Shop]:
        yield made

    (tmp_path / "bench" / "matrix").mkdir(parents=True)
    (tmp_path / RUNTIME).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(matrix, "workshop", workshop)
    monkeypatch.setattr(matrix, "read_cases", lambda: [make_case("one"), make_case("two")])
    return made


def make_case(name: str) -> Case:
    return Case(name=name, does="something", code="def use(): return 1", answer="1")


def test_what_was_measured_stays_and_what_failed_is_tried_again(shop: Shop) -> None:
    shop.failing = {"two"}
    assert matrix.main([]) == 0
    assert shop.measured == ["one 3.10 3", "one 3.12 3", "two 3.10 3", "two 3.12 3"]
    shop.failing, shop.measured = set(), []
    matrix.main([])
    assert shop.measured == ["two 3.10 3", "two 3.12 3"]
    matrix.main([])
    assert shop.measured == ["two 3.10 3", "two 3.12 3"]


def test_a_changed_loader_makes_all_rows_stale(shop: Shop) -> None:
    matrix.main([])
    (shop.root / RUNTIME / "load.py").write_text("changed")
    shop.measured = []
    matrix.main([])
    assert len(shop.measured) == 4


def test_what_is_asked_for_by_name_is_measured_again_with_the_versions_of_the_last_time(shop: Shop) -> None:
    matrix.main([])
    shop.measured, shop.pins = [], []
    matrix.main(["--only", "two", "--python", "3.12", "--runs", "1"])
    assert shop.measured == ["two 3.12 1"]
    assert shop.pins == [{"two": "1"}]
    matrix.main(["--only", "two", "--python", "3.12", "--upgrade"])
    assert shop.pins[-1] == {}


def test_an_unknown_package_is_refused_with_those_that_there_are(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        matrix.main(["--only", "three"])
    assert "unknown: three; there are one, two" in capsys.readouterr().err
