"""Values as those of other types."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from localcloud.sls.analysis.functions.documents import scalar_of
from localcloud.sls.analysis.functions.numbers import round_to, whole
from localcloud.sls.analysis.functions.signatures import FunctionError
from localcloud.sls.analysis.functions.times import DAY, read_date, read_timestamp
from localcloud.sls.analysis.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    JSON,
    TIMESTAMP,
    VARCHAR,
    Type,
    dump,
    show,
)
from localcloud.sls.search.matching import to_number

# Types by their names in statements.
NAMES = {
    **dict.fromkeys(("bigint", "integer", "int", "smallint", "tinyint", "long"), BIGINT),
    **dict.fromkeys(("double", "real", "float"), DOUBLE),
    **dict.fromkeys(("varchar", "char", "text", "string"), VARCHAR),
    **{"boolean": BOOLEAN, "timestamp": TIMESTAMP, "date": DATE, "json": JSON},
}
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_TRUE, _FALSE = ("true", "t", "1"), ("false", "f", "0")


def _cannot(value: object, kind: Type) -> FunctionError:
    return FunctionError(f"Cannot cast '{str(value)[:80]}' to {str(kind).upper()}")


def _to_whole(text: str) -> int:
    if not _WHOLE.fullmatch(text.strip()):
        raise _cannot(text, BIGINT)
    return whole(int(text))


def _to_double(text: str) -> float | None:
    number = to_number(text)
    if number is None and text.strip() != "NaN":  # which is null
        raise _cannot(text, DOUBLE)
    return number


def _to_boolean(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise _cannot(text, BOOLEAN)
    return text.lower() in _TRUE


def _round(number: float) -> int:
    if not math.isfinite(number):
        raise _cannot(number, BIGINT)
    return whole(int(round_to(number)))


def _of_json(kind: Type) -> Callable[[str], Any]:
    def cast(text: str) -> Any:  # noqa: ANN401 - of any type
        value = scalar_of(text)
        if value is None:
            if text == "null":
                return None
            raise _cannot(text, kind)
        return value if kind == VARCHAR else CASTS[VARCHAR, kind](value)

    return cast


def _to_text(kind: Type) -> Callable[[Any], str]:
    return lambda value: show(value, kind)


CASTS: dict[tuple[Type, Type], Callable[[Any], Any]] = {
    **{(kind, VARCHAR): _to_text(kind) for kind in (BIGINT, DOUBLE, BOOLEAN, TIMESTAMP, DATE)},
    (VARCHAR, BIGINT): _to_whole,
    (VARCHAR, DOUBLE): _to_double,
    (VARCHAR, BOOLEAN): _to_boolean,
    (VARCHAR, TIMESTAMP): read_timestamp,
    (VARCHAR, DATE): read_date,
    (VARCHAR, JSON): dump,
    (BIGINT, DOUBLE): float,
    (BIGINT, BOOLEAN): bool,
    (BIGINT, JSON): dump,
    (DOUBLE, BIGINT): _round,
    (DOUBLE, BOOLEAN): bool,
    (DOUBLE, JSON): dump,
    (BOOLEAN, BIGINT): int,
    (BOOLEAN, DOUBLE): float,
    (BOOLEAN, JSON): lambda value: dump(bool(value)),
    (TIMESTAMP, DATE): lambda value: value // DAY,
    (DATE, TIMESTAMP): lambda value: value * DAY,
    **{(JSON, kind): _of_json(kind) for kind in (BIGINT, DOUBLE, BOOLEAN, VARCHAR)},
}
