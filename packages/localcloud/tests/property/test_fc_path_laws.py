"""Laws of Function Compute's routes: the shape of a path decides what is done, and names decide nothing but to what."""

from __future__ import annotations

import itertools
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.fc.api.paths import find_target
from localcloud.fc.api.table import ROUTES
from localcloud.fc.errors import FcError

NAME = st.from_regex(re.compile(r"[A-Za-z][A-Za-z0-9-]{0,20}", re.ASCII), fullmatch=True) | st.sampled_from(
    ["services", "functions", "triggers", "invocations", "LATEST"]
)
ROUTE = st.sampled_from(
    [
        (version, shape, method)
        for version, shapes in ROUTES.items()
        for shape, methods in shapes.items()
        for method in methods
    ]
)


def fill(shape: str, names: list[str]) -> str:
    left = iter(names)
    return "/".join(next(left) if word == "*" else word for word in shape.split("/"))


@given(route=ROUTE, names=st.lists(NAME, min_size=3, max_size=3))
def test_operation_depends_on_the_shape_alone(route: tuple[str, str, str], names: list[str]) -> None:
    version, shape, method = route
    target = find_target(method, f"/{version}/{fill(shape, names)}", {})
    assert target.operation == ROUTES[version][shape][method]


@given(route=ROUTE, names=st.lists(NAME, min_size=3, max_size=3))
def test_resource_names_what_the_path_names(route: tuple[str, str, str], names: list[str]) -> None:
    version, shape, method = route
    target = find_target(method, f"/{version}/{fill(shape, names)}", {})
    words, left = shape.split("/"), iter(names)
    named = [(word, next(left)) for word, star in itertools.pairwise(words) if star == "*"]
    parts = target.resource.split("/")
    # What is in an instance, or in a session, is its function's.
    wanted = [
        part for word, name in named if word not in {"instances", "sessions", "snapshots"} for part in (word, name)
    ]
    assert parts[: len(wanted)] == wanted or parts == [*wanted[:-1], "*"]
    assert all(part in words or part == "*" for part in parts[len(wanted) :])


@given(route=ROUTE, names=st.lists(NAME, min_size=3, max_size=3), data=st.data())
def test_percent_encoded_path_is_the_same_target_or_refused(
    route: tuple[str, str, str], names: list[str], data: st.DataObject
) -> None:
    version, shape, method = route
    path = f"/{version}/{fill(shape, names)}"
    place = data.draw(st.integers(0, len(path) - 1))
    spelled = f"{path[:place]}%{ord(path[place]):02x}{path[place + 1 :]}"
    with suppress(FcError):
        assert find_target(method, spelled, {}) == find_target(method, path, {})


@given(path=st.text("/%.ab2fsv0_-é\n\0", max_size=30), method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
@pytest.mark.parametrize("prefix", ["/2021-04-06/services/", "/2023-03-30/functions/", "/", ""])
def test_any_path_is_a_target_of_good_names_or_refused(prefix: str, path: str, method: str) -> None:
    with suppress(FcError):
        target = find_target(method, prefix + path, {})
        assert re.fullmatch(r"[A-Za-z0-9_/*.-]+", target.resource)
