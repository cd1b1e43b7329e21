"""Annotations in quotation marks: compiled once, and the same as ever."""

from __future__ import annotations

import typing

import pytest

from heavylift.runtime.annotations import compiled_once


def test_equal_annotations_share_their_code() -> None:
    with compiled_once():
        one, two, other = (typing.ForwardRef(text) for text in ("int", "int", "str"))
    assert one.__forward_code__ is two.__forward_code__
    assert other.__forward_code__ is not one.__forward_code__
    assert typing.ForwardRef("int") == one


def test_they_mean_what_they_meant() -> None:
    with compiled_once():
        variable = typing.TypeVar("variable", "int", "list[str]")  # type: ignore[misc]

        def function(_number: "int", _texts: "list[str]") -> None: ...  # noqa: UP037

        assert typing.get_type_hints(function) == {"_number": int, "_texts": list[str], "return": type(None)}
    assert [constraint.__forward_arg__ for constraint in variable.__constraints__] == ["int", "list[str]"]


def test_what_is_no_annotation_is_refused_each_time() -> None:
    with compiled_once():
        for _ in range(2):
            with pytest.raises(SyntaxError, match="must be an expression"):
                typing.ForwardRef("1 +")


def test_after_it_everything_is_as_before() -> None:
    with pytest.raises(ValueError, match="of the import"), compiled_once():
        raise ValueError("of the import")
    assert "compile" not in vars(typing)
    assert typing.ForwardRef("int").__forward_code__ is not typing.ForwardRef("int").__forward_code__
