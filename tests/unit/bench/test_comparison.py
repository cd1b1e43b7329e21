"""The results that the part `start` makes of its measurements."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bench.cloud import LINKS
from bench.comparison import LABELS, NOTES, summarize
from bench.measure import Sample, in_turn
from bench.working_set import packed_sizes
from heavylift.build.pack import pack

SPENT = {"load": 4.0, "working_set": 1.0, "import": 2.0, "import_memory": 500e6, "import_anonymous": 300e6}
TOUCHES = {"rested": 8.64, "again": 0.22}
SIZES = {"packed": 1_000_000_000, "working_set": 400_000_000, "unpacked": 3_000_000_000}


def samples(ways: list[str]) -> dict[str, dict[str, list[Sample]]]:
    seconds = {"ours": (3.0, 3.2, 9.9), "working_set": (2.6, 2.5, 2.4), "article": (24.0, 30.0, 25.6)}
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
                    fetched=100_000_000,
                    written=500_000_000,
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
    assert goals["times the limit, 1 Gbit/s"] == {"value": 0.4, "goal": 1.08, "met": True}
    assert goals["first request, times a later one"]["met"] is True


def test_a_working_set_has_a_limit_of_its_own_where_the_import_takes_one_core(part: dict[str, Any]) -> None:
    slow, fast = (part["links"][link] for link in LINKS)
    assert slow["ready"] == 3.2
    assert fast["ready"] == max(2.0, 3.0 / (os.cpu_count() or 1))
    goals = part["goals"]
    assert goals["times faster than the article's way, working set, 1 Gbit/s"] == {
        "value": 10.24,
        "goal": 9.5,
        "met": True,
    }
    assert goals["times its limit, working set, 1 Gbit/s"] == {"value": 0.78, "goal": 1.25, "met": True}
    assert goals["packed MB before ready, working set"] == {"value": 100.0, "goal": 125.0, "met": True}
    assert goals["MB of files when ready, working set"] == {"value": 500.0, "goal": 480.0, "met": False}
    assert goals["first request, times a later one, working set"] == {"value": 1.25, "goal": 1.3, "met": True}


def test_a_machine_that_loads_no_library_by_pages_has_no_goals_of_a_working_set() -> None:
    ways = [way for way in LABELS if way != "working_set"]
    part = summarize(samples(ways), SPENT, TOUCHES, sizes=SIZES, runs=3, left_out={"working_set": "no pages"})
    assert part["left_out"] == {"heavylift, working set": "no pages"}
    assert "ready" not in part
    assert not any("working set" in name for name in part["goals"])


def test_the_bytes_of_a_working_set_are_those_of_the_blocks_that_are_waited_for(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "one.txt").write_text("one")
    packed = pack(tmp_path / "tree", tmp_path / "{digest}.zip", progress=lambda _done, _total: None, level=1)
    with zipfile.ZipFile(packed.path) as archive:
        stored = sum(each.compress_size for each in archive.infolist()[1:])
    sizes = packed_sizes(packed.path)
    assert sizes["packed"] == sizes["working_set"]
    assert stored < sizes["packed"] < packed.packed


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
