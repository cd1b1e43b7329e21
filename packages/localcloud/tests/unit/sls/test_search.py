"""The search syntax: which logs a query finds, by which index."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.sls.errors import SlsError
from localcloud.sls.search.index import Rules
from localcloud.sls.search.matching import compile_query
from localcloud.sls.search.parsing import parse, split

TOKENS = [*", '\";=()[]{}?@&<>/:\n\t\r"]
LINE = {"line": {"token": TOKENS, "caseSensitive": False}}
BOTH: dict[str, Any] = {
    **LINE,
    "keys": {
        "status": {"type": "long"},
        "seconds": {"type": "double"},
        "path": {"type": "text", "token": ["/"], "caseSensitive": True},
        "text": {"type": "text", "token": [" "]},
        "body": {"type": "json", "token": TOKENS, "json_keys": {"size": {"type": "long"}, "a.b": {"type": "text"}}},
    },
}
LOG = (
    ("__topic__", "orders"),
    ("__source__", "10.0.0.1"),
    ("__tag__:host", "web-1"),
    ("message", 'GET /index.html took 12 ms; a * and a "quote"'),
    ("level", "Error"),
    ("status", "404"),
    ("seconds", "0.25"),
    ("path", "/var/Log/app"),
    ("text", "one two, three"),
    ("body", '{"size": 7, "who": {"name": "Kim"}, "a.b": "dotted"}'),
    ("empty", ""),
)


def finds(query: str, index: dict[str, Any] = BOTH) -> bool:
    return compile_query(parse(query), Rules.of(index))(LOG)


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "*",
        "took",
        "TOOK",
        "took 12",
        "12 took",
        "took and error",
        "took AND error",
        "nothing or took",
        "not nothing",
        "took not nothing",
        "nothing and nothing or took",
        "(nothing or took) and error",
        "not (nothing or never)",
        "not not took",
        '"index.html"',
        "/index.html",
        '"took 12"',
        '"12 took"',
        '#"took 12 ms"',
        "orders",
        "web-1",
        "message",  # the name of a field
        "__topic__:orders",
        "__source__:10.0.0.1",
        "__tag__:host:web-1",
        '"__tag__:host":web-1',
        "__tag__:host:*",
        "tra* or erro?",
        "i?d*html",
        'message or "and"',
        "status:404",
        "status = 404",
        "status>403",
        "status >= 404",
        "status<405 and status<=404",
        "status in [404 500)",
        "status in (403 404]",
        "status in [400 500] and seconds in (0.2 0.3)",
        "seconds = 0.25",
        "seconds > -1e3",
        "path:app",
        "path:Log/app",
        "path:Lo*",
        'path:#"var/Log"',
        "text:two,",
        "text:*",
        "not text:four",
        "body.who.name:kim",
        "body.size:7",
        "body.size > 6",
        "body.a.b:dotted",
        "body:kim",
        "body.size:*",
    ],
)
def test_a_query_finds(query: str) -> None:
    assert finds(query)


@pytest.mark.parametrize(
    "query",
    [
        "nothing",
        "too",
        "took and nothing",
        "took nothing",
        "not took",
        "took not error",
        "nothing or never",
        "took and (nothing or never)",
        "__topic__:order",
        "__tag__:host:web-2",
        "__tag__:other:*",
        '#"12 took"',
        '#"GET index"',
        '"erro?"',  # no wildcard in quotation marks
        "404",  # numbers are found under their names alone
        "status:405",
        "status > 404",
        "status in (404 500]",
        "status in [400 404)",
        "seconds < 0.25",
        "path:log",  # case counts
        'path:#"app/Log"',
        "path:var/log",
        "text:two",  # the comma is no delimiter there
        'text:""',
        "body.who:nobody",
        "body.absent:*",
    ],
)
def test_a_query_does_not_find(query: str) -> None:
    assert not finds(query)


def test_without_an_index_of_the_line_single_fields_are_searched() -> None:
    only = {"keys": {"text": {"type": "text", "token": [" "]}}}
    assert finds("one", only)
    assert not finds("took", only)


def test_an_index_of_the_line_may_include_or_exclude_fields() -> None:
    included = {"line": {**LINE["line"], "include_keys": ["level"]}}
    assert finds("error", included)
    assert not finds("took", included)
    excluded = {"line": {**LINE["line"], "exclude_keys": ["level"]}}
    assert not finds("error", excluded)
    assert finds("took", excluded)


def test_case_counts_where_the_index_says_so() -> None:
    exact = {"line": {"token": TOKENS, "caseSensitive": True}}
    assert finds("Error", exact)
    assert not finds("error", exact)
    assert not finds("erro*", exact)


def test_escaped_characters_are_themselves() -> None:
    assert finds(r"a \* quote")
    assert finds(r'"\"quote\""')
    assert not finds(r"erro\?")
    assert finds(r"\*")  # it is a word of the message


def test_conditions_stand_in_each_other_30_deep_at_most() -> None:
    assert finds("(" * 30 + "took" + ")" * 30)
    with pytest.raises(SlsError, match="30 deep"):
        finds("(" * 31 + "took" + ")" * 31)


def test_a_query_has_16_384_characters_at_most() -> None:
    assert not finds("x" * 16_384)
    with pytest.raises(SlsError, match="more than 16384 characters") as caught:
        finds("x" * 16_385)
    assert caught.value.code == "InvalidQueryString"


def test_a_comparison_of_what_is_no_number_is_a_search_for_its_text() -> None:
    fields = (("message", "owner_id > 100"),)
    matches = compile_query(parse("owner_id>100"), Rules.of(LINE))
    assert matches(fields)
    assert not matches((("message", "owner 100"),))


@pytest.mark.parametrize("query", ["level:error", "absent:*", 'level:#"error"', "body2.a:1", "text.a:1"])
def test_a_field_that_has_no_index_is_refused_by_its_name(query: str) -> None:
    with pytest.raises(SlsError, match="is not config as key value config") as caught:
        finds(query)
    assert caught.value.code == "ParameterInvalid"


@pytest.mark.parametrize(
    "query",
    [
        "(took",
        "took)",
        "and took",
        "took and",
        "took or",
        "not",
        "a: b :c",
        "a:",
        ":a",
        '"open',
        "status > many",
        "status >",
        "status in [1 2",
        "status in [1]",
        "*at",
        "path:?pp",
        "a" * 64 + "*",
        ">= 3",
        "[1 2]",
        "(" * 40 + "a" + ")" * 40,
        "not " * 1000 + "a",
        " ".join(f"w{number}" for number in range(31)),
    ],
)
def test_what_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(SlsError) as caught:
        finds(query)
    assert caught.value.code == "InvalidQueryString"


@pytest.mark.parametrize(
    ("query", "search", "statement"),
    [
        ("a and b", "a and b", None),
        ("* | select count(*)", "*", "select count(*)"),
        ("*|select 'a|b'", "*", "select 'a|b'"),
        ('"a|b" or c\\|d | select 1', '"a|b" or c\\|d', "select 1"),
        ('"a\\"|" | select 1', '"a\\"|"', "select 1"),
        ("| select 1", "", "select 1"),
        ("* |", "*", ""),
    ],
)
def test_an_analytic_statement_follows_the_search(query: str, search: str, statement: str | None) -> None:
    assert split(query) == (search, statement)
