"""The results that the part `start` makes of its measurements."""

from __future__ import annotations

import os
from typing import Any

import pytest

from bench.cloud import LINKS
from bench.comparison import LABELS, NOTES, in_turn, summarize
from bench.measure import Sample

SPENT = {"load": 4.0, "import": 2.0, "import_memory": 500e6, "import_anonymous": 300e6}
TOUCHES = {"rested": 8.64, "again": 0.22}
SIZES = {"packed": 1_000_000_000, "unpacked": 3_000_000_000}


def samples(ways: list[str]) -> dict[str, dict[str, list[Sample]]]:
    seconds = {"ours": (3.0, 3.2, 9.9), "article": (24.0, 30.0, 25.6)}
    return {
        link: {
            way: [
                Sample(
                    seconds=each,
                    first=20.0,
                    second=16.0,
                    peak_memory=600_000_000,
                    platform_memory=450_000_000,
                    counted_disk=3_000_100_000,
                    platform_disk=3_000_200_000,
                    cloud=2.0,
                    machine=9.5,
                )
                for each in seconds.get(way, (8.0, 8.0, 8.0))
            ]
            for way in ways
        }
        for link in LINKS
    }


@pytest.fixture
def part() -> dict[str, Any]:
    return summarize(samples(list(LABELS)), SPENT, TOUCHES, sizes=SIZES, runs=3)


def test_goals_compare_medians_with_the_larger_of_wire_and_work(part: dict[str, Any]) -> None:
    slow, fast = (part["links"][link] for link in LINKS)
    assert (slow["wire"], slow["limit"]) == (8.0, 8.0)
    assert fast["wire"] == 1.6
    assert fast["limit"] == max(1.6, fast["work"])
    assert fast["here"] == max(fast["limit"], round(fast["work"] + 2.0 / (os.cpu_count() or 1), 2))
    assert (fast["machine"], fast["parts"]) == (9.5, 8.0)
    goals = part["goals"]
    assert goals["times faster than the article's way, 1 Gbit/s"] == {"value": 8.0, "goal": 8.0, "met": True}
    assert goals["times the limit, 1 Gbit/s"] == {"value": 0.4, "goal": 1.25, "met": True}
    assert goals["first request, times a later one"]["met"] is True


def test_goals_compare_memory_and_disk_with_what_is_needed(part: dict[str, Any]) -> None:
    goals = part["goals"]
    own, all_processes = (goals[name] for name in goals if name.startswith("memory beyond"))
    assert own == {"value": 100.0, "goal": 128.0, "met": True}
    assert all_processes == {"value": 150.0, "goal": 128.0, "met": False}
    assert goals["disk beyond the unpacked files, MB"] == {"value": 0.2, "goal": 1.0, "met": True}


def test_a_way_without_samples_is_left_out_with_its_reason() -> None:
    ways = [way for way in LABELS if way not in ("package", "article")]
    part = summarize(
        samples(ways), SPENT, TOUCHES, sizes=SIZES, runs=3, left_out={"package": "too large", "article": "gone"}
    )
    assert list(part["labels"]) == ways
    assert part["left_out"] == {LABELS["package"]: "too large", LABELS["article"]: "gone"}
    assert NOTES["package"] not in part["notes"]
    assert not any("article" in name for name in part["goals"])


def test_every_other_round_goes_backwards() -> None:
    ways = {"a": 1, "b": 2, "c": 3}
    assert [list(in_turn(ways, number)) for number in range(2)] == [["c", "b", "a"], ["a", "b", "c"]]
