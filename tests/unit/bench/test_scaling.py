"""The results that the part `scaling` makes of its measurements, and the archives that it makes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from bench.cloud import LINKS
from bench.scaling import SIZES, Point, fitting_sizes, load_seconds, runs_of, slopes, summarize
from bench.synthetic import SMALLS, UNIT, pack_units, write_units
from heavylift.contracts.startlog import Span, Start


def _point(packed: float, *runs: float, name: str = "") -> Point:
    return Point(
        name=name, packed=round(packed), unpacked=round(packed * 1.5), files=10, work=0.0, cloud=0.0, runs=runs
    )


def test_slopes_are_compared_segment_by_segment() -> None:
    points = [_point(0.5e9, 5.0), _point(1e9, 9.5, 9.0, 20.0), _point(2e9, 17.5)]
    part = summarize({"1 Gbit/s": points}, {})
    (link,) = part["links"].values()
    assert [point["limit"] for point in link["points"]] == [4.0, 8.0, 16.0]
    assert [point["median"] for point in link["points"]] == [5.0, 9.5, 17.5]
    assert link["slopes"] == [1.12, 1.0]
    (goal,) = part["goals"].values()
    assert goal == {"value": 1.12, "goal": 1.3, "met": True}


def test_a_slope_is_told_against_any_bound() -> None:
    records = [{"median": 1.0, "limit": 1.0, "here": 1.0}, {"median": 4.0, "limit": 2.0, "here": 3.0}]
    assert (slopes(records), slopes(records, "here")) == ([3.0], [1.5])


def test_real_archives_are_compared_with_one_another_alone() -> None:
    points = [
        _point(0.5e9, 4.0),
        _point(1e9, 8.0),
        _point(0.25e9, 2.0, name="small"),
        _point(0.75e9, 8.0, name="large"),
    ]
    part = summarize({"1 Gbit/s": points}, {})
    (link,) = part["links"].values()
    assert [point["name"] for point in link["real"]] == ["small", "large"]
    assert (link["slopes"], link["real_slopes"]) == ([1.0], [1.5])
    (goal,) = part["goals"].values()
    assert goal == {"value": 1.5, "goal": 1.3, "met": False}


def test_sizes_that_the_machine_cannot_bear_are_left_out_with_a_reason() -> None:
    assert fitting_sizes(SIZES, disk=1e12, memory=1e12) == (list(SIZES), {})
    kept, left_out = fitting_sizes(SIZES, disk=10e9, memory=1e9)
    assert kept == [50e6, 200e6]
    assert left_out == {
        "1,000 MB": "needs 2.0 GB of memory, 1.0 are free",
        "4,000 MB": "needs 20.0 GB of disk, 10.0 are free",
    }


def test_long_loads_run_once() -> None:
    assert [runs_of(round(size), LINKS["5 Gbit/s"], 5) for size in SIZES] == [5, 5, 5, 1]
    assert [runs_of(round(size), LINKS["1 Gbit/s"], 5) for size in SIZES] == [5, 5, 1, 1]


def test_a_load_lasts_from_its_first_request_to_its_last_write() -> None:
    spans = [
        Span(phase=phase, item=item, start=start, end=end, busy=1.0)
        for phase, item, start, end in (
            ("import", "oss2", 0.0, 0.5),
            ("fetch", "applib", 0.5, 2.0),
            ("write", "applib", 0.7, 2.4),
            ("import", "tiny", 2.4, 2.5),
        )
    ]
    numbers: dict[str, Any] = dict.fromkeys(("fetched", "unpacked", "files", "retries", "peak_disk", "peak_memory"), 0)
    start = Start(mode="initializer", seconds=2.5, spans=tuple(spans), error=None, memory_before_import=0, **numbers)
    assert round(load_seconds(start), 6) == 1.9


def test_units_compress_as_much_as_they_should_and_are_the_same_each_time(tmp_path: Path) -> None:
    sample = b"".join(b"a line of text, the %d. of many\n" % number for number in range(20_000))
    archives = []
    for name in ("one", "two"):
        write_units(tmp_path / name, 1, sample)
        (tmp_path / name / "unit0001").mkdir()
        (tmp_path / name / "unit0001" / "more.py").touch()
        archives.append(pack_units(tmp_path / name, 1, tmp_path / f"{name}.zip"))
    assert archives[0].digest == archives[1].digest
    assert archives[0].files == SMALLS + 1
    assert UNIT <= archives[0].unpacked < UNIT * 1.01
    assert 1.3 < archives[0].unpacked / archives[0].packed < 2.0
    with zipfile.ZipFile(archives[0].path) as archive:
        assert all(name.startswith(("unit0000/", ".heavylift/")) for name in archive.namelist())
