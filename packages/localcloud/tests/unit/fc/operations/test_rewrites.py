"""Rewriting of paths: the examples of the documentation."""

from __future__ import annotations

import time

import pytest

from localcloud.fc.domains import EQUAL, WILDCARD, Rewrite
from localcloud.fc.operations.rewrites import match_wildcard, rewrite


@pytest.mark.parametrize(
    ("kind", "match", "replacement", "target", "expected"),
    [
        (EQUAL, "/old", "/new", "/old", "/new"),
        (EQUAL, "/old", "/new", "/old?a=b", "/new?a=b"),
        (EQUAL, "/old", "/new", "/test/old", "/test/old"),
        (WILDCARD, "/old", "/new", "/old", "/new"),
        (WILDCARD, "/old", "/new", "/test/old", "/new"),
        (WILDCARD, "^/old", "/new", "/old", "/new"),
        (WILDCARD, "^/old", "/new", "/test/old", "/test/old"),
        (WILDCARD, "/api/*", "/$1", "/api/getFunctionName", "/getFunctionName"),
        (WILDCARD, "/api/*", "/$1", "/api/getFunctionName&Version=1", "/getFunctionName&Version=1"),
        (WILDCARD, "/css/*", "/public/static/css/$1", "/css/style.css", "/public/static/css/style.css"),
        (WILDCARD, "^/*/*", "/$2/$1/$3", "/a/b", "/b/a/"),
        (WILDCARD, "^/*.php", "/$1", "/a.html", "/a.html"),
    ],
)
def test_documented_rewrites(kind: str, match: str, replacement: str, target: str, expected: str) -> None:
    assert rewrite([Rewrite(kind=kind, match=match, replacement=replacement)], target) == expected


def test_an_exact_rule_counts_before_one_with_a_wildcard() -> None:
    rules = [
        Rewrite(kind=WILDCARD, match="/*", replacement="/all"),
        Rewrite(kind=EQUAL, match="/a", replacement="/one"),
    ]
    assert [rewrite(rules, each) for each in ("/a", "/b")] == ["/one", "/all"]


def test_a_hostile_pattern_takes_no_time() -> None:
    begin = time.process_time()
    assert match_wildcard("*a" * 500 + "b", "a" * 8000) is None
    assert time.process_time() - begin < 1
