"""Laws of policy evaluation, for any policies and requests."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from localcloud.kernel.wildcard import wildcard_matches
from localcloud.ram.conditions import Condition
from localcloud.ram.policy import Effect, Patterns, Request, Statement, is_allowed

TEXT = st.text(alphabet="ab:/", max_size=8)
PATTERN = st.text(alphabet="ab:/*?", max_size=6)
PATTERNS = st.builds(Patterns, values=st.lists(PATTERN, min_size=1, max_size=3).map(tuple), negated=st.booleans())
CONDITION = st.builds(
    Condition,
    operator=st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]),
    key=st.sampled_from(["k", "l"]),
    values=st.lists(PATTERN, min_size=1, max_size=2).map(tuple),
)
STATEMENT = st.builds(
    Statement,
    effect=st.sampled_from(Effect),
    actions=PATTERNS,
    resources=PATTERNS,
    conditions=st.lists(CONDITION, max_size=2).map(tuple),
)
STATEMENTS = st.lists(STATEMENT, max_size=5)
REQUEST = st.builds(
    Request, action=TEXT, resource=TEXT, conditions=st.dictionaries(st.sampled_from(["k", "l"]), TEXT, max_size=2)
)


def naive(pattern: str, text: str) -> bool:
    """The definition of a wildcard, spelt out."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive(pattern[1:], text[cut:]) for cut in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


@given(PATTERN, TEXT)
def test_wildcards_match_as_defined(pattern: str, text: str) -> None:
    assert wildcard_matches(pattern, text) == naive(pattern, text)


@given(st.text(max_size=20))
def test_a_text_matches_itself_and_star_matches_all(text: str) -> None:
    assert wildcard_matches("*", text)
    assert wildcard_matches(text, text)


def test_a_pattern_of_many_stars_is_decided_at_once() -> None:
    assert not wildcard_matches("*a" * 500 + "b", "a" * 5000)


@given(STATEMENTS, STATEMENT, REQUEST)
def test_a_matching_deny_wins(statements: list[Statement], statement: Statement, request: Request) -> None:
    deny = replace(statement, effect=Effect.DENY)
    assume(deny.matches(request))
    assert not is_allowed([*statements, deny], request)


@given(STATEMENTS, STATEMENT, REQUEST)
def test_one_more_allow_never_takes_away(statements: list[Statement], statement: Statement, request: Request) -> None:
    more = [*statements, replace(statement, effect=Effect.ALLOW)]
    assert is_allowed(more, request) >= is_allowed(statements, request)


@given(STATEMENTS, STATEMENT, REQUEST)
def test_one_more_deny_never_gives(statements: list[Statement], statement: Statement, request: Request) -> None:
    more = [*statements, replace(statement, effect=Effect.DENY)]
    assert is_allowed(more, request) <= is_allowed(statements, request)


@given(STATEMENTS, REQUEST, st.randoms(use_true_random=False))
def test_the_order_of_statements_does_not_matter(statements: list[Statement], request: Request, random: object) -> None:
    shuffled = list(statements)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert is_allowed(shuffled, request) == is_allowed(statements, request)


@given(PATTERNS, TEXT)
def test_the_negated_element_is_the_opposite(patterns: Patterns, text: str) -> None:
    opposite = replace(patterns, negated=not patterns.negated)
    assert opposite.match(lambda one: wildcard_matches(one, text)) != patterns.match(
        lambda one: wildcard_matches(one, text)
    )
