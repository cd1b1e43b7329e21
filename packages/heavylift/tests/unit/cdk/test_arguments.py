"""The arguments of a function: what is read, and what each wrong one is told."""

from __future__ import annotations

from typing import Any

import pytest

from heavylift.cdk.arguments import MAX_NAME, FunctionSettings, read_arguments, read_name


def test_what_is_not_given_has_its_default() -> None:
    assert read_arguments({}) == (FunctionSettings(), [])
    assert read_arguments({"endpoint": "", "artifacts_bucket": ""}) == (FunctionSettings(), [])


def test_a_wrong_argument_is_told_and_leaves_the_others_as_they_were_given() -> None:
    settings, problems = read_arguments({"memory": 1, "timeout": 7})
    assert settings == FunctionSettings(timeout=7)
    assert [each.partition(" is")[0] for each in problems] == ["memory: 1"]


@pytest.mark.parametrize("name", ["prune_rules", "lazy_imports", "read_prefixes", "write_prefixes"])
def test_a_list_is_not_one_text(name: str) -> None:
    assert read_arguments({name: "abc"}) == (
        FunctionSettings(),
        [f"{name}: 'abc' is one text, and no list; write ['abc']"],
    )
    assert read_arguments({name: ["abc"]})[1] == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"minimum_instances": 1, "initializer": False}, ["minimum_instances: 1 without initializer"]),
        ({"minimum_instances": 1}, []),
        ({"initializer": False}, []),
        ({"cpu": 2.0, "memory": 2048}, []),
        ({"cpu": 2.0, "memory": 8192}, []),
        ({"cpu": 2.0, "memory": 1984}, ["cpu: 2 vCPU with memory: 1984 MB"]),
        ({"cpu": 2.0, "memory": 8256}, ["cpu: 2 vCPU with memory: 8256 MB"]),
        ({"cpu": "x", "memory": 8256}, ["cpu: 'x' "]),  # what cannot be read is compared with nothing
    ],
)
def test_arguments_are_held_to_each_other(given: dict[str, Any], told: list[str]) -> None:
    problems = read_arguments(given)[1]
    assert len(problems) == len(told)
    assert all(problem.startswith(each) for problem, each in zip(problems, told, strict=True))


def test_a_name_has_three_characters_at_least_and_fits_the_names_made_of_it() -> None:
    for name in ("abc", "a" * MAX_NAME):
        assert read_name(name) == name
    for name in ("ab", "a" * (MAX_NAME + 1), "a-", "Abc"):
        with pytest.raises(ValueError, match="small letters, digits and hyphens"):
            read_name(name)
