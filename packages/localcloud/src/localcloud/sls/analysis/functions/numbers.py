"""Functions of numbers. Source: SLS, "Mathematical calculation functions"."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal

from localcloud.sls.analysis.functions.signatures import Function, FunctionError
from localcloud.sls.analysis.types import BIGINT, BOOLEAN, DOUBLE, VARCHAR

_LARGE = 2**63
_EXACT = Context(prec=800)  # digits: more than a double has on both sides of its point
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def whole(number: int) -> int:
    """Return a number that is a bigint."""
    if not -_LARGE <= number < _LARGE:
        raise FunctionError("bigint overflow")
    return number


def divide(left: int, right: int) -> int:
    """Return how often a number goes into another one, towards zero."""
    if right == 0:
        raise FunctionError("Division by zero")
    quotient = abs(left) // abs(right)
    return whole(quotient if (left < 0) == (right < 0) else -quotient)


def remainder(left: int, right: int) -> int:
    """Return what is left of a division, with the sign of what is divided."""
    if right == 0:
        raise FunctionError("Division by zero")
    return left - right * divide(left, right)


def divide_doubles(left: float, right: float) -> float | None:
    """Return the quotient; what is divided by zero is infinite."""
    if right:
        return left / right
    return math.copysign(math.inf, left) * math.copysign(1, right) if left else None


def remainder_of_doubles(left: float, right: float) -> float | None:
    """Return what is left of a division, with the sign of what is divided."""
    return math.fmod(left, right) if right and math.isfinite(left) else None


def round_to(number: float, places: int = 0) -> float:
    """Return a number rounded to places behind its point, halves away from zero."""
    if not math.isfinite(number) or places > 300:
        return number
    unit = Decimal(1).scaleb(-max(places, -400))
    return float(Decimal(repr(number)).quantize(unit, ROUND_HALF_UP, _EXACT))


def _round_whole(number: int, places: int) -> int:
    if places >= 0:
        return number
    unit = 10 ** min(-places, 20)
    return whole(int(math.copysign((abs(number) + unit // 2) // unit * unit, number)))


def _truncate(number: float, places: int = 0) -> float:
    scale = 10.0 ** max(-300, min(300, places))
    return math.trunc(number * scale) / scale if math.isfinite(number * scale) else number


def _guarded(run: Callable[..., float]) -> Callable[..., float | None]:
    def guarded(*values: float) -> float | None:
        try:
            return run(*values)
        except ValueError:  # it is not a number
            return None
        except OverflowError:
            return math.inf

    return guarded


def _log(base: float, number: float) -> float:
    return math.log(number) / math.log(base)


def _ln(number: float) -> float:
    return math.log(number) if number else -math.inf


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except ValueError:
        if base == 0:
            return math.inf
        raise


def _from_base(text: str, base: int) -> int:
    try:
        return whole(int(text, base)) if base in range(2, 37) else int("")
    except ValueError as error:
        raise FunctionError(f"Not a valid base-{base} number: {text[:80]}") from error


def _to_base(number: int, base: int) -> str:
    if base not in range(2, 37):
        raise FunctionError("Radix must be between 2 and 36")
    digits, left = "", abs(number)
    while left or not digits:
        left, digit = divmod(left, base)
        digits = _DIGITS[digit] + digits
    return f"-{digits}" if number < 0 else digits


def _random_below(limit: int) -> int:
    if limit <= 0:
        raise FunctionError("bound must be positive")
    return random.randrange(limit)  # noqa: S311 - no secret


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _of_doubles(name: str, run: Callable[..., float], count: int = 1) -> Function:
    return Function(name, (DOUBLE,) * count, DOUBLE, _guarded(run))


NUMBERS = (
    Function("abs", (BIGINT,), BIGINT, lambda number: whole(abs(number))),
    Function("abs", (DOUBLE,), DOUBLE, abs),
    *(Function(name, (BIGINT,), BIGINT, int) for name in ("ceil", "ceiling", "floor", "round", "truncate")),
    *(
        Function(name, (DOUBLE,), DOUBLE, lambda number: float(math.ceil(number)) if math.isfinite(number) else number)
        for name in ("ceil", "ceiling")
    ),
    Function("floor", (DOUBLE,), DOUBLE, lambda number: float(math.floor(number)) if math.isfinite(number) else number),
    Function("round", (DOUBLE,), DOUBLE, round_to),
    Function("round", (DOUBLE, BIGINT), DOUBLE, round_to),
    Function("round", (BIGINT, BIGINT), BIGINT, _round_whole),
    Function("truncate", (DOUBLE,), DOUBLE, _truncate),
    Function("truncate", (DOUBLE, BIGINT), DOUBLE, _truncate),
    Function("mod", (BIGINT, BIGINT), BIGINT, remainder),
    Function("mod", (DOUBLE, DOUBLE), DOUBLE, remainder_of_doubles),
    Function("sign", (BIGINT,), BIGINT, _sign),
    Function("sign", (DOUBLE,), DOUBLE, lambda number: float(_sign(number))),
    _of_doubles("sqrt", math.sqrt),
    _of_doubles("cbrt", math.cbrt),
    _of_doubles("exp", math.exp),
    _of_doubles("ln", _ln),
    _of_doubles("log2", math.log2),
    _of_doubles("log10", math.log10),
    _of_doubles("log", _log, 2),
    _of_doubles("power", _power, 2),
    _of_doubles("pow", _power, 2),
    *(_of_doubles(name, getattr(math, name)) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "cosh", "tanh")),
    _of_doubles("atan2", math.atan2, 2),
    _of_doubles("degrees", math.degrees),
    _of_doubles("radians", math.radians),
    Function("pi", (), DOUBLE, lambda: math.pi),
    Function("e", (), DOUBLE, lambda: math.e),
    Function("infinity", (), DOUBLE, lambda: math.inf),
    *(Function(name, (), DOUBLE, random.random, constant=False) for name in ("rand", "random")),
    *(Function(name, (BIGINT,), BIGINT, _random_below, constant=False) for name in ("rand", "random")),
    Function("is_finite", (DOUBLE,), BOOLEAN, math.isfinite),
    Function("is_infinite", (DOUBLE,), BOOLEAN, math.isinf),
    Function("is_nan", (DOUBLE,), BOOLEAN, math.isnan),
    Function("bitwise_and", (BIGINT, BIGINT), BIGINT, lambda left, right: left & right),
    Function("bitwise_or", (BIGINT, BIGINT), BIGINT, lambda left, right: left | right),
    Function("bitwise_xor", (BIGINT, BIGINT), BIGINT, lambda left, right: left ^ right),
    Function("bitwise_not", (BIGINT,), BIGINT, lambda number: ~number),
    Function("from_base", (VARCHAR, BIGINT), BIGINT, _from_base),
    Function("to_base", (BIGINT, BIGINT), VARCHAR, _to_base),
)
