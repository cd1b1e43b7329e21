"""Differences between what a template says and what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.ros.model import Detection, Difference, Drift, DriftStatus, Source, Stack
from localcloud.ros.operations.drift import compare
from localcloud.ros.store import RosStore


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        ({"A": 1, "B": "x"}, {"A": 1, "B": "x"}, []),
        ({"A": 1}, {"A": 2}, [("/A", "NOT_EQUAL", "1", "2")]),
        ({"A": {"B": "x"}}, {"A": {"B": "y", "C": "more"}}, [("/A/B", "NOT_EQUAL", "x", "y")]),
        ({"A": {"B": "x"}}, {"A": None}, [("/A", "REMOVE", '{"B": "x"}', "null")]),
        ({"L": ["a", "b"]}, {"L": ["b", "c"]}, [("/L/1", "ADD", "null", "c"), ("/L/0", "REMOVE", "a", "null")]),
    ],
)
def test_each_difference_is_told_with_its_place_and_kind(
    expected: object, actual: object, found: list[tuple[str, str, str, str]]
) -> None:
    differences = [(each.path, each.kind, each.expected, each.actual) for each in compare(expected, actual)]
    assert differences == found


def test_what_was_found_is_kept(tmp_path: Path) -> None:
    difference = Difference(path="/A", kind="NOT_EQUAL", expected="1", actual="2")
    stack = Stack(
        id="s",
        name="s",
        created=1.0,
        source=Source(template="{}"),
        detection=Detection(id="d", begun=1.0, status=DriftStatus.DRIFTED, drifted=1),
        drifts={"A": Drift(status=DriftStatus.MODIFIED, checked=1.0, differences=(difference,))},
    )
    RosStore(tmp_path).save(stack)
    assert RosStore(tmp_path).stacks["s"] == stack
