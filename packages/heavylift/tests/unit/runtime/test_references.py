"""Forward references in a start: equal texts share their code, and nothing else."""

from __future__ import annotations

import typing
from types import ModuleType
from typing import ForwardRef, get_type_hints

import pytest

from heavylift.runtime.references import compiled_once


def test_equal_forward_references_are_compiled_once_during_a_start_alone() -> None:
    with compiled_once():
        first, again, other = ForwardRef("Tensor"), ForwardRef("Tensor"), ForwardRef("Tensor | None")
    later = ForwardRef("Tensor")
    assert first is not again
    assert first.__forward_code__ is again.__forward_code__
    assert first.__forward_code__ is not other.__forward_code__
    assert first.__forward_code__ is not later.__forward_code__
    assert not hasattr(typing, "compile")


def test_equal_forward_references_of_two_modules_mean_what_each_module_calls_so() -> None:
    modules = [ModuleType("one"), ModuleType("two")]
    with compiled_once():
        for module, kind in zip(modules, (int, str), strict=True):
            module.__dict__["Kind"] = kind
            exec("def function(value: 'Kind') -> 'list[Kind]': pass", module.__dict__)
        found = [get_type_hints(module.__dict__["function"]) for module in modules]
    assert found == [{"value": int, "return": list[int]}, {"value": str, "return": list[str]}]


def test_a_text_that_is_no_expression_is_refused_each_time() -> None:
    with compiled_once():
        for _ in range(2):
            with pytest.raises(SyntaxError, match="must be an expression"):
                ForwardRef("not a type")
