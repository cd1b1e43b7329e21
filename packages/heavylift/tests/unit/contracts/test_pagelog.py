"""The pages that requests had to fetch, out of a log."""

from __future__ import annotations

from heavylift.contracts.pagelog import DemandedPage, explain, find_demands

LINE = '2026-11-28 {"event": "heavylift.pages", "library": "a/b.so", "page": 17, "bytes": 250000, "seconds": 0.02}'


def test_what_was_fetched_on_demand_is_found_among_other_lines() -> None:
    lines = ["hello", LINE, '{"event": "heavylift.pages", "library": "a/b.so"}', "heavylift.pages {", LINE[:60]]
    assert find_demands(lines) == [DemandedPage(library="a/b.so", page=17, size=250000, seconds=0.02)]


def test_the_libraries_are_named_with_their_pages_and_what_to_do() -> None:
    demands = [DemandedPage(library="a/b.so", page=page, size=250_000, seconds=0.02) for page in (40, 17)]
    text = explain(demands)
    assert "a/b.so: 2 times, 0.040 s, 0.5 MB; pages 17, 40" in text
    assert "--record" in text
    assert explain([]) == ""
