"""Operators and functions on values: which types they take, which they give, and what is wrong with others.

Operands that are not always needed are asked for by `value`.

Sources: SLS, "Comparison operators" and its neighbours, "Conditional expressions", "Type conversion functions"; Presto.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from localcloud.sls.analysis.casts import CASTS, NAMES
from localcloud.sls.analysis.functions import FUNCTIONS, Aggregate, Function, FunctionError, is_missing
from localcloud.sls.analysis.functions.arrays import subscript
from localcloud.sls.analysis.functions.numbers import divide, divide_doubles, remainder, remainder_of_doubles, whole
from localcloud.sls.analysis.functions.texts import like
from localcloud.sls.analysis.functions.times import DAY, add_months, from_seconds, read_date, read_timestamp
from localcloud.sls.analysis.needs import NOTHING, Needs, Typed
from localcloud.sls.analysis.signatures import choose_signature, common_type
from localcloud.sls.analysis.syntax import (
    Binary,
    Case,
    Cast,
    Constant,
    Expression,
    In,
    Interval,
    Like,
    Logical,
    Position,
    Subscript,
    Unary,
)
from localcloud.sls.analysis.tokens import missing, wrong
from localcloud.sls.analysis.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    ZONE,
    Type,
    array,
    dump,
)
from localcloud.sls.errors import SlsError

Value = Callable[[Expression], Typed]
Signature = TypeVar("Signature", Function, Aggregate)
_UNITS = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": DAY}
_WHOLE: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: whole(left + right),
    "-": lambda left, right: whole(left - right),
    "*": lambda left, right: whole(left * right),
    "/": divide,
    "%": remainder,
}


class Operators:
    """Makes expressions of values; each method raises SlsError where their types do not fit.

    Args:
        needs: gets what the expressions need.
        now: seconds since the epoch.
    """

    def __init__(self, needs: Needs, *, now: float) -> None:
        self._needs = needs
        self._now = now

    def constant(self, constant: Constant) -> Typed:
        """Return a constant."""
        match constant.value:
            case None:
                return NOTHING
            case bool(value):
                return Typed("1" if value else "0", BOOLEAN)
            case int(value):
                return Typed(self._needs.parameter(value), BIGINT)
            case float(value):
                return Typed(self._needs.parameter(value), DOUBLE)
            case str(value) if constant.kind:
                return self._read(value, TIMESTAMP if constant.kind == "timestamp" else DATE, constant.place)
            case str(value):
                return Typed(self._needs.parameter(value), VARCHAR, value)

    def _read(self, text: str, kind: Type, place: Position) -> Typed:
        try:
            return Typed(self._needs.parameter(read_timestamp(text) if kind == TIMESTAMP else read_date(text)), kind)
        except FunctionError as error:
            raise wrong(place, f"'{text[:80]}' is not a valid {kind} literal") from error

    def unary(self, unary: Unary, operand: Typed) -> Typed:
        """Return what a sign or NOT makes of a value."""
        if unary.operator == "not":
            if operand.type not in (BOOLEAN, UNKNOWN):
                raise wrong(
                    unary.place, f"Value of logical NOT expression must evaluate to a boolean (actual: {operand.type})"
                )
            return Typed(f"(NOT {operand.sql})", BOOLEAN)
        if operand.type not in (BIGINT, DOUBLE, UNKNOWN):
            raise wrong(unary.place, f"'{unary.operator}' cannot be applied to {operand.type}")
        if unary.operator == "+":
            return operand
        return Typed(f"(-{operand.sql})", operand.type)

    def binary(self, binary: Binary, value: Value) -> Typed:
        """Return what an operator makes of two values, or of a time and an interval."""
        operator = binary.operator
        if operator in ("+", "-") and (isinstance(binary.right, Interval) or isinstance(binary.left, Interval)):
            return self._shift(binary, value)
        left, right = value(binary.left), value(binary.right)
        if operator in ("=", "<>", "<", "<=", ">", ">="):
            return self.compare(operator, left, right, binary.place)
        if operator == "||":
            if {left.type, right.type} <= {VARCHAR, UNKNOWN}:
                return Typed(f"({left.sql} || {right.sql})", VARCHAR)
            raise _inapplicable(operator, left, right, binary.place)
        kinds = {left.type, right.type} - {UNKNOWN}
        if not kinds <= {BIGINT, DOUBLE}:
            raise _inapplicable(operator, left, right, binary.place)
        if DOUBLE in kinds:
            left, right = self.coerce(left, DOUBLE), self.coerce(right, DOUBLE)
            if operator in "+-*":
                return Typed(f"({left.sql} {operator} {right.sql})", DOUBLE)
            run = divide_doubles if operator == "/" else remainder_of_doubles
            return Typed(self._needs.run(run, left.sql, right.sql), DOUBLE)
        return Typed(self._needs.run(_WHOLE[operator], left.sql, right.sql), BIGINT)

    def _shift(self, binary: Binary, value: Value) -> Typed:
        """Return a time that an interval is added to, or taken from."""
        interval, moment = binary.right, binary.left
        if not isinstance(interval, Interval):
            interval, moment = moment, interval
        if not isinstance(interval, Interval) or (binary.operator == "-" and interval is binary.left):
            raise missing("an interval that is not added to a time")
        time = value(moment)
        count = interval.count if binary.operator == "+" else -interval.count
        if time.type not in (TIMESTAMP, DATE):
            raise wrong(binary.place, f"'{binary.operator}' cannot be applied to {time.type}, interval")
        if interval.unit in ("month", "year"):
            months = self._needs.parameter(count * (12 if interval.unit == "year" else 1))
            if time.type == DATE:
                shifted = self._needs.run(add_months, f"({time.sql} * {DAY})", months)
                return Typed(f"({shifted} / {DAY})", DATE)
            return Typed(self._needs.run(add_months, time.sql, months), TIMESTAMP)
        if time.type == DATE:
            if interval.unit != "day":
                raise wrong(binary.place, "Cannot add hour, minutes or seconds to a date")
            return Typed(f"({time.sql} + {count})", DATE)
        return Typed(f"({time.sql} + {count * _UNITS[interval.unit]})", TIMESTAMP)

    def compare(self, operator: str, left: Typed, right: Typed, place: Position) -> Typed:
        """Return what a comparison says."""
        kind = common_type([left.type, right.type])
        if kind is None:  # a text that is a time
            for one, other in ((left, right), (right, left)):
                if one.type in (TIMESTAMP, DATE) and other.text is not None:
                    read = self._read(other.text, TIMESTAMP, place)
                    one = self.coerce(one, TIMESTAMP)
                    sides = (one, read) if other is right else (read, one)
                    return Typed(f"({sides[0].sql} {operator} {sides[1].sql})", BOOLEAN)
            raise _inapplicable(operator, left, right, place)
        sides = self.coerce(left, kind), self.coerce(right, kind)
        return Typed(f"({sides[0].sql} {operator} {sides[1].sql})", BOOLEAN)

    def coerce(self, value: Typed, kind: Type) -> Typed:
        """Return a value as one of a type that it becomes by itself."""
        match value.type, kind:
            case (have, want) if have == want or UNKNOWN in (have, want):
                return replace(value, type=kind)
            case (Type("bigint"), Type("double")):
                return Typed(f"CAST({value.sql} AS REAL)", DOUBLE)
            case (Type("bigint"), Type("timestamp")):  # in functions of times, as SLS lets it
                return Typed(f"({value.sql} * 1000 + {ZONE * 1000})", TIMESTAMP)
            case (Type("date"), Type("timestamp")):
                return Typed(f"({value.sql} * {DAY})", TIMESTAMP)
            case _:
                raise AssertionError(f"{value.type} does not become {kind} by itself")

    def logical(self, logical: Logical, value: Value) -> Typed:
        """Return what AND or OR makes of operands."""
        sides = [value(each) for each in logical.operands]
        for place, side in enumerate(sides):
            if side.type not in (BOOLEAN, UNKNOWN):
                raise wrong(
                    logical.operands[place].place,
                    f"{'Right' if place else 'Left'} side of logical expression must evaluate to a boolean (actual: {side.type})",
                )
        return Typed(f"({f' {logical.operator.upper()} '.join(each.sql for each in sides)})", BOOLEAN)

    def within(self, operand: Typed, items: Sequence[Typed], test: In) -> Typed:
        """Return whether a value is one of some."""
        kind = common_type([operand.type, *(each.type for each in items)])
        if kind is None:
            raise wrong(test.place, f"IN value and list items must be the same type: {operand.type}")
        listed = ", ".join(self.coerce(each, kind).sql for each in items)
        return Typed(f"({self.coerce(operand, kind).sql} {'NOT IN' if test.negated else 'IN'} ({listed}))", BOOLEAN)

    def like(self, test: Like, value: Value) -> Typed:
        """Return whether a text is like a pattern."""
        sides = [value(test.operand), value(test.pattern), *([value(test.escape)] if test.escape else [])]
        for name, side in zip(
            ("Left side of LIKE expression", "Pattern for LIKE expression", "Escape"), sides, strict=False
        ):
            if side.type not in (VARCHAR, UNKNOWN):
                raise wrong(test.place, f"{name} must evaluate to a varchar (actual: {side.type})")
        asked = self._needs.run(like, *(side.sql for side in sides))
        return Typed(f"(NOT {asked})" if test.negated else asked, BOOLEAN)

    def case(self, case: Case, value: Value) -> Typed:
        """Return what CASE chooses."""
        operand = value(case.operand) if case.operand is not None else None
        conditions = []
        for condition, _ in case.whens:
            typed = value(condition)
            if operand is not None:
                typed = self.compare("=", operand, typed, condition.place)
            elif typed.type not in (BOOLEAN, UNKNOWN):
                raise wrong(condition.place, f"CASE WHEN clause must evaluate to a boolean (actual: {typed.type})")
            conditions.append(typed.sql)
        results = [value(result) for _, result in case.whens]
        otherwise = value(case.otherwise) if case.otherwise is not None else NOTHING
        kind, converted = self._alike([*results, otherwise], "All CASE results", case.place)
        whens = " ".join(f"WHEN {when} THEN {then}" for when, then in zip(conditions, converted, strict=False))
        return Typed(f"CASE {whens} ELSE {converted[-1]} END", kind)

    def _alike(self, values: Sequence[Typed], what: str, place: Position) -> tuple[Type, list[str]]:
        """Return the type that values have in common, and them as such."""
        kind = common_type([each.type for each in values])
        if kind is None:
            raise wrong(place, f"{what} must be the same type: {values[0].type}")
        return kind, [self.coerce(each, kind).sql for each in values]

    def cast(self, operand: Typed, cast: Cast) -> Typed:
        """Return a value as one of another type."""
        kind = NAMES.get(cast.type)
        if kind is None:
            raise missing(f"the type {cast.type[:40]}")
        if operand.type in (kind, UNKNOWN):
            return Typed(operand.sql, kind)
        run = CASTS.get((operand.type, kind))
        if operand.type.element and kind == NAMES["json"]:
            return Typed(operand.sql, kind)
        if run is None:
            raise wrong(cast.place, f"Cannot cast {operand.type} to {kind}")
        return Typed(self._needs.run(run, operand.sql, safe=cast.safe), kind)

    def subscript(self, expression: Subscript, value: Value) -> Typed:
        """Return an element of an array."""
        operand, index = value(expression.operand), value(expression.index)
        if operand.type.element is None or index.type != BIGINT:
            raise wrong(expression.place, f"'[]' cannot be applied to {operand.type}, {index.type}")
        return Typed(self._needs.run(subscript, operand.sql, index.sql), operand.type.element)

    def array(self, items: Sequence[Typed], place: Position) -> Typed:
        """Return an array of values."""
        kind, converted = self._alike([*items, NOTHING], "All ARRAY elements", place)
        if kind not in (BIGINT, DOUBLE, VARCHAR, UNKNOWN):
            raise missing(f"an array of {kind}")
        return Typed(self._needs.run(_listed, *converted[:-1]), array(kind))

    def call(self, name: str, values: Sequence[Typed], place: Position) -> Typed:
        """Return what a function makes of values."""
        match name, len(values):
            case ("now" | "current_timestamp" | "localtimestamp", 0):
                return Typed(self._needs.parameter(from_seconds(self._now)), TIMESTAMP)
            case ("current_date", 0):
                return Typed(self._needs.parameter(from_seconds(self._now) // DAY), DATE)
            case ("coalesce", count) if count > 1:
                kind, converted = self._alike(values, "All COALESCE operands", place)
                return Typed(f"coalesce({', '.join(converted)})", kind)
            case ("nullif", 2):
                same = self.compare("=", values[0], values[1], place)
                return Typed(f"CASE WHEN {same.sql} THEN NULL ELSE {values[0].sql} END", values[0].type)
            case ("if", 2 | 3):
                if values[0].type not in (BOOLEAN, UNKNOWN):
                    raise wrong(place, f"IF condition must evaluate to a boolean (actual: {values[0].type})")
                otherwise = values[2:] or [NOTHING]
                kind, converted = self._alike([values[1], *otherwise], "Result types for IF", place)
                return Typed(f"CASE WHEN {values[0].sql} THEN {converted[0]} ELSE {converted[1]} END", kind)
            case ("greatest" | "least", count) if count:
                kind, converted = self._alike(values, f"All {name.upper()} operands", place)
                if count == 1:
                    return Typed(converted[0], kind)
                return Typed(f"{'max' if name == 'greatest' else 'min'}({', '.join(converted)})", kind)
            case ("typeof", 1):
                return Typed(self._needs.parameter(str(values[0].type)), VARCHAR)
            case _:
                return self._registered(name, values, place)

    def _registered(self, name: str, values: Sequence[Typed], place: Position) -> Typed:
        overloads = FUNCTIONS.get(name)
        if overloads is None:
            if is_missing(name):
                raise missing(f"the function {name}")
            raise wrong(place, f"Function {name[:80]} not registered")
        function, arguments, result = self.suit(name, overloads, values, place)
        return Typed(self._needs.run(function.run, *arguments, constant=function.constant), result)

    def suit(
        self, name: str, overloads: Sequence[Signature], values: Sequence[Typed], place: Position
    ) -> tuple[Signature, list[str], Type]:
        """Return the signature that suits values best, them as it takes them, and the type of its result."""
        chosen = choose_signature(overloads, [each.type for each in values])
        if chosen is None:
            raise _unexpected(name, values, overloads, place)
        found, kinds, result = chosen
        return found, [self.coerce(each, kind).sql for each, kind in zip(values, kinds, strict=True)], result


def _listed(*values: object) -> str:
    return dump(values)


def _inapplicable(operator: str, left: Typed, right: Typed, place: Position) -> SlsError:
    return wrong(place, f"'{operator}' cannot be applied to {left.type}, {right.type}")


def _unexpected(name: str, values: Sequence[Typed], overloads: Sequence[Signature], place: Position) -> SlsError:
    given = ", ".join(str(each.type) for each in values)
    expected = ", ".join(f"{name}({', '.join(map(str, each.parameters))})" for each in overloads)
    return wrong(place, f"Unexpected parameters ({given}) for function {name}. Expected: {expected}")
