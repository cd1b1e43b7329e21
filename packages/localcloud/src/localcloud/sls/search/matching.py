"""A query made into a question to a log: is it one of those that are looked for?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from localcloud.kernel.wildcard import wildcard_matches
from localcloud.sls.errors import SlsError
from localcloud.sls.search.index import NUMBERS, FieldRule, Rules
from localcloud.sls.search.parsing import MANY, ONE, All, Any, Condition, Everything, Exists, Has, Not, Within, Word

Fields: TypeAlias = Sequence[tuple[str, str]]  # of a log, with what comes with it: names and values
Matches: TypeAlias = Callable[[Fields], bool]
MAX_KNOWN = 10_000  # names of fields that a search remembers
# Stand for the characters * and ?, where these are no wildcards: in patterns, and in what they are compared with.
_LITERAL = str.maketrans({"*": "\ue000", "?": "\ue001"})


def compile_query(condition: Condition, rules: Rules) -> Matches:
    """Return the question that a query is.

    Args:
        condition: the query.
        rules: what the logstore's index says.

    Raises:
        SlsError: ParameterInvalid: the query names a field that the index has not.
    """
    match condition:
        case Everything():
            return lambda fields: True
        case Not():
            inner = compile_query(condition.condition, rules)
            return lambda fields: not inner(fields)
        case All():
            every = [compile_query(each, rules) for each in condition.conditions]
            return lambda fields: all(matches(fields) for matches in every)
        case Any():
            some = [compile_query(each, rules) for each in condition.conditions]
            return lambda fields: any(matches(fields) for matches in some)
        case Has(field="") as has:
            return _anywhere(has, rules)
        case Has() as has:
            return _in_field(has, _rule(has.field, rules))
        case Exists() as exists:
            _rule(exists.field, rules)
            return lambda fields: any(not (exists.empty and value) for value in _values(exists.field, fields))
        case Within() as within:
            rule = rules.of_field(within.field)
            if rule is None or rule.kind not in NUMBERS:  # it is a text like any other then, says the documentation
                return _anywhere(Has("", list(within.text)), rules)
            return _within(within)


def _rule(field: str, rules: Rules) -> FieldRule:
    rule = rules.of_field(field)
    if rule is None:
        raise SlsError(
            "ParameterInvalid",
            f"key ({field[:80]}) is not config as key value config, if symbol : is in your log, "
            'please wrap : with quotation mark "',
        )
    return rule


def _values(field: str, fields: Fields) -> Iterable[str]:
    """Return the values of a field: its own, and what lies in one that is JSON."""
    yield from (value for name, value in fields if name == field)
    outer, point, inner = field.partition(".")
    if point:
        for name, value in fields:
            if name == outer and (found := look_up(value, inner)) is not None:
                yield found


def look_up(text: str, path: str) -> str | None:
    """Return what lies in a text that is JSON, as text; None: there is nothing.

    Args:
        text: the text.
        path: the names that lead to it, with points between them.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    while path:
        if not isinstance(value, Mapping):
            return None
        if path in value:  # a name may have a point in it
            value, path = value[path], ""
        else:
            name, _, path = path.partition(".")
            value = value.get(name)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _anywhere(has: Has, rules: Rules) -> Matches:
    # What a query makes two words of may lie in two fields.
    splits = rules.line or next((rule for rule in rules.fields.values() if rule.kind == "text"), FieldRule())
    words = [has.word] if has.phrase else _split(has.word, splits)
    asks: dict[FieldRule, list[Callable[[str], bool]]] = {}
    known: dict[str, list[Callable[[str], bool] | None]] = {}  # by a field's name: None: the name itself has the word

    def questions(name: str) -> list[Callable[[str], bool] | None]:
        rule = rules.of_text(name)
        if rule is None:
            return []
        if rule not in asks:
            asks[rule] = [_in_text(word, rule, phrase=has.phrase) for word in words]
        return [None if name not in rules.fields and ask(name) else ask for ask in asks[rule]]

    def matches(fields: Fields) -> bool:
        missing = [*range(len(words))]
        for name, value in fields:
            asked = known.get(name)
            if asked is None:
                if len(known) > MAX_KNOWN:
                    known.clear()
                asked = known[name] = questions(name)
            if asked:
                missing = [place for place in missing if (ask := asked[place]) and not ask(value)]
                if not missing:
                    return True
        return not missing

    return matches


def _in_field(has: Has, rule: FieldRule) -> Matches:
    if rule.kind in NUMBERS:
        wanted = to_number("".join(has.word))
        if wanted is not None:
            return _within(Within(has.field, wanted, wanted, True, True, ""))
    asks = _in_text(has.word, rule, phrase=has.phrase)
    return lambda fields: any(asks(value) for value in _values(has.field, fields))


def _in_text(word: Word, rule: FieldRule, *, phrase: bool) -> Callable[[str], bool]:
    """Return the question whether a text has a word, all those that its rule makes of it, or a phrase as it stands."""
    if phrase:
        wanted = rule.fold("".join(word))
        return lambda text: wanted in rule.fold(text)
    words = _split(word, rule)
    plain = frozenset("".join(each) for each in words if not _is_pattern(each))
    patterns = ["".join(_element(one) for one in each) for each in words if _is_pattern(each)]

    def asks(text: str) -> bool:
        folded = rule.fold(text)
        if not all(one in folded for one in plain):  # which is seen sooner than the words are told apart
            return False
        found = rule.words(folded)
        return plain.issubset(found) and all(
            any(wildcard_matches(pattern, one.translate(_LITERAL)) for one in found) for pattern in patterns
        )

    return asks


def _split(word: Word, rule: FieldRule) -> list[Word]:
    """Return the words that a rule makes of one; wildcards delimit nothing."""
    words: list[list[str]] = [[]]
    for one in word:
        if one in (MANY, ONE):
            words[-1].append(one)
        elif one in rule.delimiters:
            words.append([])
        else:
            words[-1].append(rule.fold(one))
    return [each for each in words if each]


def _is_pattern(word: Word) -> bool:
    return MANY in word or ONE in word


def _element(one: str) -> str:
    return {MANY: "*", ONE: "?"}.get(one) or one.translate(_LITERAL)


def _within(within: Within) -> Matches:
    def inside(value: str) -> bool:
        number = to_number(value)
        if number is None:
            return False
        above = number >= within.low if within.with_low else number > within.low
        return above and (number <= within.high if within.with_high else number < within.high)

    return lambda fields: any(inside(value) for value in _values(within.field, fields))


def to_number(text: str) -> float | None:
    """Return the number that a text is; None: it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    is_plain = text.isascii() and "_" not in text  # Python also takes digits of other scripts, and 1_000
    return number if is_plain and not math.isnan(number) else None
