"""Laws of the difference between two templates: it says nothing when there is none, and all of it when there is one."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from heavylift.clouds.difference import Change, compare, render

KEYS = st.sampled_from("abcd")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
RESOURCES = st.dictionaries(
    KEYS, st.fixed_dictionaries({"Type": st.sampled_from(["T::One", "T::Two"]), "Properties": VALUES}), max_size=3
)
TEMPLATES = st.fixed_dictionaries(
    {"Resources": RESOURCES, "Outputs": st.dictionaries(KEYS, VALUES, max_size=2)},
    optional={"Description": st.sampled_from(["one", "two"])},
)


def apply(template: dict[str, Any], change: Change) -> None:
    """Make one change to a template, as a reader of the difference would."""
    path = [change.section, *([change.name] if change.name else []), *change.path]
    holder: Any = template
    for step in path[:-1]:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    key: Any = int(path[-1]) if isinstance(holder, list) else path[-1]
    if change.change == "remove":
        del holder[key]
    else:
        holder[key] = copy.deepcopy(change.new)


@given(TEMPLATES)
def test_a_template_does_not_differ_from_itself(template: dict[str, Any]) -> None:
    assert compare(template, json.loads(json.dumps(template))) == ()


@given(TEMPLATES, TEMPLATES)
def test_the_changes_make_one_template_of_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    changed = copy.deepcopy(old)
    for change in compare(old, new):
        apply(changed, change)
    assert json.dumps(changed, sort_keys=True) == json.dumps(new, sort_keys=True)  # 1 and true differ in JSON


@given(TEMPLATES, TEMPLATES)
def test_every_change_is_shown_and_can_be_read_by_programs(old: dict[str, Any], new: dict[str, Any]) -> None:
    changes = compare(old, new)
    lines = render(changes)
    assert bool(lines) == bool(changes)
    for change in changes:
        assert json.loads(json.dumps(change.record()))["path"] == list(change.path)
        assert any(change.name in line for line in lines)
