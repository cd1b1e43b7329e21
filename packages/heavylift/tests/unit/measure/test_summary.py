"""The table of a measurement."""

from __future__ import annotations

from heavylift.contracts.startlog import Span, Start
from heavylift.measure.starts import ColdStart
from heavylift.measure.summary import Size, render, summarize

SIZE = Size(cpu=2.0, memory=3072, disk=10240)


def cold_start(seconds: float) -> ColdStart:
    spans = (
        Span(phase="fetch", item="applib", start=0.1, end=0.5 * seconds, busy=1.0),
        Span(phase="write", item="applib", start=0.2, end=0.6 * seconds, busy=1.0),
        Span(phase="import", item="index", start=0.3, end=0.3 + 0.5 * seconds, busy=1.0),
        Span(phase="import", item="oss2", start=0.0, end=0.1, busy=0.1),
    )
    start = Start(
        mode="initializer",
        seconds=seconds,
        spans=spans,
        fetched=1,
        unpacked=1,
        files=1,
        retries=0,
        peak_disk=0,
        peak_memory=0,
        memory_before_import=0,
        error=None,
    )
    return ColdStart(seconds=seconds, billed=seconds, start=start)


def test_a_row_has_medians_the_worst_start_and_the_cost_by_list_price() -> None:
    row = summarize("heavylift", [cold_start(each) for each in (2.0, 4.0, 1.0)], SIZE, "index")
    assert (row.starts, row.median, row.worst, row.load, row.imports) == (3, 2.0, 4.0, 1.1, 1.0)
    # 2 vCPU, 3 GB and 10 GB of disk for two seconds, and a request, at US$ 0.00002 for a CU
    assert row.thousand_usd == round(1000 * (2 * (2 + 3 * 0.15 + 10 * 0.05) + 0.0075) * 0.00002, 3)


def test_the_table_says_how_many_times_faster_and_where_the_price_is_from() -> None:
    rows = [summarize(way, [cold_start(each)], SIZE, "index") for way, each in (("ours", 2.0), ("the other way", 9.0))]
    text = render(rows, {"Runtime": "python3.10"})
    assert text.splitlines()[0] == "1 cold starts of each way: Runtime python3.10"
    assert "the other way  9.00 s" in text
    assert "ours is 4.5 times faster. Costs are estimated from the list price of 2024-11-19" in text
