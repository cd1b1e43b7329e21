"""The results that `make bench-tuning` makes of its measurements: cost, table, page, picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.tuning import SETTINGS, Sample, Setting, measurable, summarize
from bench.tuning_page import BEGIN, END, draw, insert, render
from heavylift.errors import HeavyliftError
from heavylift.report.prices import Price, cu_per_second
from localcloud.fc.model import Function
from localcloud.fc.operations.rules import check_function
from tests.support.paths import ROOT


@pytest.fixture
def results() -> dict[str, Any]:
    def sample(initializer: float) -> Sample:
        return Sample(seconds=initializer + 0.5, initializer=initializer, first=500.0, later=100.0, peak_memory=7 << 20)

    samples = {
        Setting(cpu=1.0, memory=1024): [sample(8.0), sample(9.5), sample(30.0)],
        Setting(cpu=1.0, memory=4096): [sample(9.5), sample(9.5), sample(9.5)],
        Setting(cpu=2.0, memory=2048): [sample(5.0), sample(4.5), sample(4.0)],
    }
    return summarize(samples, runs=3)


def test_cost_is_that_of_the_published_factors() -> None:
    # "Pay-as-you-go": 3 million requests of 200 ms, 0.25 vCPU and 512 MB, without a disk, take 217,500 CU
    price = Price()
    second = cu_per_second(cpu=0.25, memory=512, disk=0)
    assert 3e6 * (0.2 * second + price.cu_per_request) == pytest.approx(22_500 + 45_000 + 150_000)
    assert cu_per_second(cpu=0, memory=0, disk=10240) == pytest.approx(0.5)


def test_a_start_costs_its_initializer_and_first_request(results: dict[str, Any]) -> None:
    first, _, last = results["settings"]
    rate = 1 + 0.15 + 0.5
    assert (first["initializer"], first["seconds"]) == (9.5, 10.0)  # the median, not the outlier's 30 s
    assert first["start_cu"] == pytest.approx(rate * 10 + 0.0075, abs=0.01)
    assert first["thousand_starts_usd"] == pytest.approx(0.33, abs=0.001)
    assert first["million_later_usd"] == pytest.approx(1e6 * (rate * 0.1 + 0.0075) * 0.00002, abs=0.01)
    assert last["cu_per_second"] == pytest.approx(2 + 0.3 + 0.5)
    assert [run["initializer"] for run in last["runs"]] == [5.0, 4.5, 4.0]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: f"{each.cpu:g}-{each.memory}")
def test_every_setting_is_one_that_the_platform_takes(setting: Setting) -> None:
    check_function(
        Function(service="s", name="f", runtime="python3.10", handler="index.handler", disk=10240, memory=setting.memory,
                 cpu=setting.cpu)
    )  # fmt: skip


def test_no_setting_is_measured_that_the_machine_cannot_give() -> None:
    assert {setting.cpu for setting in measurable(2)} == {0.5, 1.0, 1.5, 2.0}
    assert max(setting.cpu for setting in measurable(64)) == 4.0
    assert [setting.cpu for setting in measurable(1)] == [0.5, 1.0, 1.0]


def test_the_table_has_a_row_for_each_setting_and_says_what_was_not_measured(results: dict[str, Any]) -> None:
    text = render(results)
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[:2] for row in rows] == [["| 1", "1,024 MB"], ["| 1", "4,096 MB"], ["| 2", "2,048 MB"]]
    assert len({row.count("|") for row in text.splitlines() if row.startswith("|")}) == 1
    assert "were not measured" in text
    assert Price().source in text
    assert Price().source_date in text


def test_the_table_replaces_what_stood_between_the_markers() -> None:
    page = f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    assert insert(page, "new") == f"before\n\n{BEGIN}\nnew\n{END}\n\nafter\n"
    assert insert(insert(page, "first"), "second") == insert(page, "second")


@pytest.mark.parametrize(
    "page",
    ["nothing", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"],
)
def test_a_page_without_both_markers_once_is_refused(page: str) -> None:
    with pytest.raises(HeavyliftError, match="bench-tuning"):
        insert(page, "new")


def test_the_page_of_this_project_can_take_the_table() -> None:
    page = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    assert "new" in insert(page, "new")


def test_the_picture_is_drawn(results: dict[str, Any], tmp_path: Path) -> None:
    draw(results, tmp_path / "tuning.png")
    assert (tmp_path / "tuning.png").read_bytes().startswith(b"\x89PNG")
