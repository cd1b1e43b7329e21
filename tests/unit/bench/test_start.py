"""What `make bench` makes of its measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.report import draw, render
from bench.start import LABELS, LINKS, Sample, summarize

SPENT = {"load": 4.0, "import": 2.0, "import_memory": 500e6}


@pytest.fixture
def results() -> dict[str, Any]:
    seconds = {"ours": (3.0, 3.2, 9.9), "article": (24.0, 30.0, 25.6)}
    samples = {
        link: {
            way: [
                Sample(seconds=each, first=20.0, second=16.0, peak_memory=600_000_000)
                for each in seconds.get(way, (8.0, 8.0, 8.0))
            ]
            for way in LABELS
        }
        for link in LINKS
    }
    return summarize(samples, SPENT, packed=1_000_000_000, runs=3)


def test_goals_compare_medians_with_the_larger_of_wire_and_work(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, fast = (results["links"][link] for link in LINKS)
    assert (slow["wire"], slow["limit"]) == (8.0, 8.0)
    assert fast["wire"] == 1.6
    assert fast["limit"] == max(1.6, fast["work"])
    goals = results["goals"]
    assert goals["times faster than the article's way, 1 Gbit/s"] == {"value": 8.0, "goal": 8.0, "met": True}
    assert goals["times the limit, 1 Gbit/s"] == {"value": 0.4, "goal": 1.25, "met": True}
    assert goals["first request, times a later one"]["met"] is True
    assert goals["memory beyond the import's, MB"] == {"value": 100.0, "goal": 128.0, "met": True}


def test_the_page_names_every_way_and_goal(results: dict[str, Any], tmp_path: Path) -> None:
    page = render(results, LABELS)
    assert all(label in page for label in LABELS.values())
    assert page.count("| met |") == sum(goal["met"] for goal in results["goals"].values())
    draw(results, LABELS, tmp_path / "start.png")
    assert (tmp_path / "start.png").read_bytes().startswith(b"\x89PNG")
