"""The results of `make bench` as a whole: merging parts, and the page with its pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import ablation, building, comparison, libraries, published, scaling, serving
from bench.cloud import LINKS
from bench.measure import Sample
from bench.results import ORDER, describe_machine, describe_versions, goal, merge, read_results
from bench.results_page import render, write_report
from bench.scratch import TimedReporter
from bench.start import PARTS
from heavylift.contracts.manifest import write_manifest
from tests.support.builds import write_build
from tests.unit.bench import test_comparison, test_libraries

MACHINE = {"cores": 2, "cpu": "one", "memory": 24_000_000_000, "system": "6.1"}
VERSIONS = {"python": "3.11.2", "tensorflow_cpu": "2.21.0"}


def _ablation() -> dict[str, Any]:
    starts = {"ours": 3.0, "gc": 3.5, "overlap": 4.25, "removed": 3.125}
    samples = {link: {way: [Sample(seconds=value)] for way, value in starts.items()} for link in LINKS}
    labels = {
        "ours": ablation.OURS,
        "gc": "with collector",
        "overlap": "one after the other",
        "order": "by name",
        "removed": "without it",
    }
    return ablation.summarize(samples, labels, {"order": "already so"}, runs=1)


def _scaling() -> dict[str, Any]:
    points = [
        scaling.Point(
            name=name,
            packed=size * 10**8,
            unpacked=size * 10**8,
            files=size,
            work=float(size),
            cloud=1.0,
            runs=(size * 1.1,),
        )
        for size, name in ((1, ""), (2, ""), (10, ""), (3, "the example's"), (5, "tensorflow"))
    ]
    return scaling.summarize(dict.fromkeys(LINKS, points), {"4,000 MB": "needs a larger disk"})


def _report(**amounts: int) -> TimedReporter:
    report = TimedReporter()
    for title, amount in amounts.items():
        with report.bar(title) as progress:
            progress(amount, amount)
    with report.step("install"):
        report.note("done")
    return report


def _build() -> dict[str, Any]:
    alone = {"download and install": 20.0, "compile": 10.0, "compress": 40.0}
    return building.summarize(
        alone, _report(compile=10, pack=500), 60.0, _report(compile=1, pack=500), 30.0, changed=["colorama"]
    )


def _serving(*, nginx: bool = True) -> dict[str, Any]:
    start = serving.Start(seconds=0.75, busy=0.5, memory=45_000_000)
    ours = serving.Rates(ranged=2e9, one=1e9, small=1500.0, small_core=2500.0)
    listing = serving.Listing(flat=60_000.0, prefix=50_000.0, rolled=0.125)
    theirs = serving.Rates(ranged=4e9, one=3e9, small=9000.0, small_core=30_000.0) if nginx else None
    sample = serving.Sample(first=start, again=start, ours=ours, nginx=theirs, listing=listing)
    return serving.summarize([sample] * 3)


@pytest.fixture
def results() -> dict[str, Any]:
    ways = list(comparison.LABELS)
    start = comparison.summarize(
        test_comparison.samples(ways),
        test_comparison.SPENT,
        test_comparison.TOUCHES,
        sizes=test_comparison.SIZES,
        runs=3,
    )
    row = test_libraries.row(**dict.fromkeys(libraries.LABELS, 1.0))
    others = libraries.summarize({"torch": row}, {}, runs=3)
    parts = {"start": start, "libraries": others, "ablation": _ablation(), "scaling": _scaling(), "build": _build()}
    parts["cloud"] = _serving()
    return json.loads(json.dumps(merge({}, parts, MACHINE, VERSIONS)))  # type: ignore[no-any-return]


def test_the_page_names_every_way_variant_size_step_and_goal(results: dict[str, Any], tmp_path: Path) -> None:
    write_report(results, tmp_path)
    page = (tmp_path / "README.md").read_text()
    wanted = [*comparison.LABELS.values(), "with collector", "(+0.50; 3.50)", "Not measured: by name: already so."]
    wanted += [
        "| torch | 2.00 (3.00) |",
        f"| {published.ACCELERATED_IMAGE.label} | 9 in all |",
        published.ACCELERATED_IMAGE.source,
        "| tensorflow | 500 |",
        "Times that of the limit with the embedded OSS on the same cores: 1 Gbit/s: ",
        "Not measured: 4,000 MB: needs a larger disk.",
        "compress 40.0 s. One after the other, they take 70.0 s; the cold build takes 0.86 times that.",
        "9.50 s at 1 Gbit/s",
        "The article's way takes it 3.2 times at 1 Gbit/s",
        "8.6 µs for the first touch",
        "| **limit of the working set** | 3.20 |",
        "a start fetched 100 MB and wrote 500 MB of files",
        "| 1 KB, GETs a second of one core of the server | 2,500 | 30,000 |",
        "60,000 keys a second in pages of 1,000",
        *results["goals"],
    ]
    assert not [each for each in wanted if each not in page]
    assert page.count("| met |") == sum(each["met"] for each in results["goals"].values())
    for name in ("start", "ablation", "scaling"):
        assert f"({name}.png)" in page
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_variant_that_is_made_no_more_has_no_row_and_is_named_below(results: dict[str, Any], tmp_path: Path) -> None:
    page = render(results)
    assert "| without it |" not in page
    assert "in the same runs: without it, +0.12 s at 1 Gbit/s, +0.12 s at 5 Gbit/s." in page
    ablation_alone = results["parts"]["ablation"]
    write_report(results, tmp_path)
    for part in (ablation_alone["labels"], *(each["worth"] for each in ablation_alone["links"].values())):
        del part["removed"]
    assert "in the same runs" not in render(results)
    picture = (tmp_path / "ablation.png").read_bytes()
    write_report(results, tmp_path)
    assert (tmp_path / "ablation.png").read_bytes() == picture


def test_the_published_page_is_what_the_published_results_give() -> None:
    folder = Path(__file__).parents[3] / "docs" / "bench"
    assert (folder / "README.md").read_text(encoding="utf-8") == render(read_results(folder / "results.json"))


@pytest.mark.parametrize("name", list(PARTS))
def test_the_page_is_written_of_any_part_alone(results: dict[str, Any], name: str) -> None:
    alone = merge({}, {name: results["parts"][name]}, MACHINE, VERSIONS)
    assert render(alone).count("## ") == 1
    assert alone["goals"] == results["parts"][name]["goals"]


def test_a_part_measured_again_replaces_itself_alone(results: dict[str, Any]) -> None:
    again = merge(results, {"build": {"goals": {"new": goal(1, 2)}}}, MACHINE, VERSIONS)
    assert set(again["parts"]) == set(PARTS)
    assert again["goals"]["new"]["met"] is True
    assert not any("cold build" in name for name in again["goals"])


def test_parts_keep_their_order(results: dict[str, Any]) -> None:
    without = {**results, "parts": {name: part for name, part in results["parts"].items() if name != "start"}}
    again = merge(without, {"start": results["parts"]["start"]}, MACHINE, VERSIONS)
    assert list(again["parts"]) == list(ORDER) == list(PARTS)
    assert list(again["goals"]) == list(results["goals"])


def test_parts_of_another_machine_or_of_other_versions_do_not_stay(results: dict[str, Any]) -> None:
    part = {"build": results["parts"]["build"]}
    assert list(merge(results, part, {**MACHINE, "cores": 4}, VERSIONS)["parts"]) == ["build"]
    assert list(merge(results, part, MACHINE, {**VERSIONS, "python": "3.12.1"})["parts"]) == ["build"]


def test_results_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert read_results(path) == {}
    for text in ("{", "[]", '{"links": {}}'):
        path.write_text(text)
        assert read_results(path) == {}
    path.write_text('{"parts": {}}')
    assert read_results(path) == {"parts": {}}


def test_the_machine_and_the_versions_are_told(tmp_path: Path) -> None:
    assert set(describe_machine()) == set(MACHINE)
    versions = {"tensorflow_cpu": "2.21.0", "opencv-python-headless": "5.0", "six": "1.17"}
    build = write_build(tmp_path)
    write_manifest(replace(build, applib=replace(build.applib, versions=versions)), tmp_path)
    assert list(describe_versions(tmp_path)) == ["python", "opencv-python-headless", "tensorflow_cpu"]


def test_a_build_is_compared_with_the_sum_of_its_unavoidable_steps_and_with_the_one_before() -> None:
    part = _build()
    assert part["unavoidable"] == 70.0
    assert part["rebuild"]["repeated"] == ["pack"]
    assert [each["value"] for each in part["goals"].values()] == [0.86, 1]
    assert part["cold"]["notes"] == ["done"]


def test_the_embedded_cloud_is_compared_with_nginx() -> None:
    goals = _serving()["goals"]
    assert goals["GETs of 4 MiB from the embedded OSS, times nginx's rate"] == goal(0.5, 0.8, more=True)
    assert [each["met"] for each in goals.values()] == [False, True, True, False, True, False]


def test_without_nginx_its_column_is_left_out_and_the_page_says_why(tmp_path: Path) -> None:
    part = json.loads(json.dumps(_serving(nginx=False)))
    assert not any("nginx" in name for name in part["goals"])
    page = render(merge({}, {"cloud": part}, MACHINE, VERSIONS))
    assert "| 1 KB, GETs a second of one core of the server | 2,500 |\n" in page
    assert "Not measured: nginx: nginx is not on this machine" in page


def test_the_costliest_variant_comes_first() -> None:
    slow, fast = {"a": 0.1, "b": 2.0, "c": -0.3}, {"a": 1.5, "b": 0.4, "c": 0.0}
    assert ablation.by_worth({"slow": {"worth": slow}, "fast": {"worth": fast}}) == ["ours", "b", "a", "c"]
