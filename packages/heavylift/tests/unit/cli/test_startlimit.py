"""The limit of a start, computed from its log line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heavylift.contracts.startlog import Span, Start
from heavylift.report.limit import Limit, limit_of


def span(phase: str, start: float, end: float, busy: float, item: str = "x") -> Span:
    return Span(phase=phase, item=item, start=start, end=end, busy=busy)


def start_of(*spans: Span, cores: float | None = 2.0) -> Start:
    return Start(
        mode="initializer", seconds=10.0, spans=spans, fetched=250_000_000, unpacked=1, files=1, retries=0, peak_disk=1,
        peak_memory=1, memory_before_import=1, error=None, cores=cores,
    )  # fmt: skip


def test_every_phase_that_keeps_a_core_busy_counts_and_no_other() -> None:
    phases = ("credentials", "fetch", "verify", "inflate", "write", "unpack", "import", "warmup", "wait")
    seconds = {phase: 2.0**place for place, phase in enumerate(phases)}
    spans = [span(phase, 1000.0 * place, 1000.0 * place + 500, seconds[phase]) for place, phase in enumerate(phases)]
    limit = limit_of(start_of(*spans))
    assert limit
    assert limit.work == pytest.approx((4 + 8 + 16 + 32 + 64 + 128) / 2)
    assert limit.wire is None


def test_more_threads_than_cores_count_as_the_cores() -> None:
    # Four threads on two cores for a second, and then an import on one: 2 + 3 CPU seconds, not 4 + 3.
    limit = limit_of(start_of(span("inflate", 0, 1, 4.0), span("import", 1, 4, 3.0)))
    assert limit
    assert limit.seconds == pytest.approx(2.5)


def test_spans_that_overlap_share_the_cores() -> None:
    # From 1 to 2 three threads want the two cores: 1.5 * 1 + 2 * 1 + 1 * 2 CPU seconds.
    limit = limit_of(start_of(span("inflate", 0, 2, 3.0), span("import", 1, 4, 3.0)))
    assert limit
    assert limit.seconds == pytest.approx((1.5 + 2.0 + 2.0) / 2)


@pytest.mark.parametrize("busy", [3.0, 2.0], ids=["the wait is in the import's busy", "it is not"])
def test_what_an_import_waited_is_not_work(busy: float) -> None:
    spans = (span("import", 1, 4, busy, "index"), span("wait", 1.5, 3, 1.0, "applib"))
    limit = limit_of(start_of(*spans))
    assert limit
    assert limit.seconds == pytest.approx(1.0)


def test_a_wait_counts_against_the_import_that_waited_only() -> None:
    spans = (span("import", 0, 1, 1.0, "oss2"), span("import", 1, 4, 3.0, "index"), span("wait", 1, 3, 1.0, "index"))
    limit = limit_of(start_of(*spans))
    assert limit
    assert limit.seconds == pytest.approx((1.0 + 2.0) / 2)


@pytest.mark.parametrize(("bandwidth", "seconds"), [(0.5, 4.0), (5.0, 1.5)])
def test_the_larger_of_wire_and_work_counts(bandwidth: float, seconds: float) -> None:
    limit = limit_of(start_of(span("import", 0, 3, 3.0)), bandwidth=bandwidth)
    assert limit
    assert limit.wire == pytest.approx(2.0 / bandwidth)
    assert limit.work == pytest.approx(1.5)
    assert limit.seconds == pytest.approx(seconds)


def test_the_cores_are_those_of_the_line_and_else_the_ones_given() -> None:
    work = span("import", 0, 3, 3.0)
    from_line, given = limit_of(start_of(work), cores=3.0), limit_of(start_of(work, cores=None), cores=3.0)
    assert from_line
    assert given
    assert [from_line.seconds, given.seconds] == pytest.approx([1.5, 1.0])


def test_without_cores_the_wire_is_the_limit() -> None:
    limit = limit_of(start_of(span("import", 0, 3, 3.0), cores=None), bandwidth=1.0)
    assert limit
    assert (limit.seconds, limit.work, limit.cores) == (2.0, None, None)


@pytest.mark.parametrize(
    "start",
    [
        start_of(span("import", 0, 3, 3.0), cores=None),
        start_of(),
        start_of(span("import", 1, 1, 0.0)),
        replace(start_of(span("import", 0, 3, 3.0)), error="ObjectMissing: no such key"),
    ],
    ids=["no cores", "no spans", "no length", "failed"],
)
def test_nothing_to_compute_it_from_gives_no_limit(start: Start) -> None:
    assert limit_of(start) is None


def test_a_failed_start_has_no_limit_even_with_a_bandwidth() -> None:
    assert limit_of(replace(start_of(), error="StoreError: refused"), bandwidth=1.0) is None
    assert limit_of(start_of(), bandwidth=1.0)


def test_it_is_explained_in_one_sentence() -> None:
    both = Limit(wire=2.0, work=3.0, fetched=250_000_000, bandwidth=1.0, cores=2.0)
    assert "limit of this start, 3.00 s, is the larger of the 250 MB fetched divided by 1 Gbit/s (2.00 s)" in (
        both.explain()
    )
    assert "CPU seconds divided by 2 cores (3.00 s)" in both.explain()
    assert "estimated on the high side" in both.explain()
    assert both.explain().endswith(".")
    assert "larger" not in replace(both, wire=None).explain()
    assert "Gbit" not in replace(both, wire=None).explain()
    assert "CPU" not in replace(both, work=None).explain()
    assert "by 1 core (" in replace(both, cores=1.0).explain()
