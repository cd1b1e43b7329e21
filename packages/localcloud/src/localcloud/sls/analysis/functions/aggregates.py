"""Functions of many rows. Sources: SLS, "Aggregate function", "Estimation functions", "Window functions"."""

from __future__ import annotations

import math
from typing import Any

from localcloud.sls.analysis.functions.signatures import Aggregate, FunctionError
from localcloud.sls.analysis.types import BIGINT, BOOLEAN, DOUBLE, E, F, Type, array, dump

Value = Any  # as SQLite has it


class _Percentile:
    """The value that so many of all are below or at."""

    def __init__(self) -> None:
        self._values: list[Value] = []
        self._share = 0.0

    def step(self, value: Value, share: float | None) -> None:
        if value is None:
            return
        if share is None or not 0 <= share <= 1:
            raise FunctionError("Percentile must be between 0 and 1")
        self._values.append(value)
        self._share = share

    def finalize(self) -> Value:
        if not self._values:
            return None
        return sorted(self._values)[max(0, math.ceil(self._share * len(self._values)) - 1)]


class _Moments:
    """The mean of values, and the sum of the squares of how far they are from it (Welford's method)."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = self._squares = 0.0

    def step(self, value: float | None) -> None:
        if value is None:
            return
        self._count += 1
        distance = value - self._mean
        self._mean += distance / self._count
        self._squares += distance * (value - self._mean)

    def _variance(self, less: int) -> float | None:
        return self._squares / (self._count - less) if self._count > less else None


class _VarianceOfAll(_Moments):
    def finalize(self) -> float | None:
        return self._variance(0)


class _VarianceOfSample(_Moments):
    def finalize(self) -> float | None:
        return self._variance(1)


class _DeviationOfAll(_Moments):
    def finalize(self) -> float | None:
        variance = self._variance(0)
        return None if variance is None else math.sqrt(variance)


class _DeviationOfSample(_Moments):
    def finalize(self) -> float | None:
        variance = self._variance(1)
        return None if variance is None else math.sqrt(variance)


class _Pairs:
    """Pairs of values: how far they are from their means together."""

    def __init__(self) -> None:
        self._left: list[float] = []
        self._right: list[float] = []

    def step(self, left: float | None, right: float | None) -> None:
        if left is not None and right is not None:
            self._left.append(left)
            self._right.append(right)

    def _products(self) -> tuple[float, float, float]:
        count = len(self._left)
        left, right = math.fsum(self._left) / count, math.fsum(self._right) / count
        pairs = [(one - left, other - right) for one, other in zip(self._left, self._right, strict=True)]
        return sum(a * b for a, b in pairs), sum(a * a for a, _ in pairs), sum(b * b for _, b in pairs)


class _Correlation(_Pairs):
    def finalize(self) -> float | None:
        if len(self._left) < 2:
            return None
        both, left, right = self._products()
        return both / math.sqrt(left * right) if left * right else None


class _CovarianceOfAll(_Pairs):
    def finalize(self) -> float | None:
        return self._products()[0] / len(self._left) if self._left else None


class _CovarianceOfSample(_Pairs):
    def finalize(self) -> float | None:
        return self._products()[0] / (len(self._left) - 1) if len(self._left) > 1 else None


class _GeometricMean:
    def __init__(self) -> None:
        self._count, self._sum = 0, 0.0

    def step(self, value: float | None) -> None:
        if value is not None:
            self._count += 1
            self._sum += math.log(value) if value > 0 else -math.inf

    def finalize(self) -> float | None:
        return math.exp(self._sum / self._count) if self._count else None


class _Best:
    """The value of the row that has the largest, or smallest, of another one."""

    sign = 1

    def __init__(self) -> None:
        self._best: tuple[Value, Value] | None = None

    def step(self, value: Value, by: Value) -> None:
        if by is not None and (self._best is None or (by > self._best[1] if self.sign > 0 else by < self._best[1])):
            self._best = value, by

    def finalize(self) -> Value:
        return self._best[0] if self._best else None


class _Least(_Best):
    sign = -1


class _All:
    """All values."""

    def __init__(self) -> None:
        self._values: list[Value] = []

    def step(self, value: Value) -> None:
        self._values.append(value)

    def finalize(self) -> str | None:
        return dump(self._values) if self._values else None


def _numbers(name: str, collect: Any, count: int = 1) -> Aggregate:  # noqa: ANN401 - a class
    return Aggregate(name, (DOUBLE,) * count, DOUBLE, collect=collect)


_ALL = (
    Aggregate("count", (), BIGINT, "count(*)"),
    Aggregate("count", (E,), BIGINT, "count({0})"),
    Aggregate("count_if", (BOOLEAN,), BIGINT, "count(CASE WHEN {0} THEN 1 END)"),
    Aggregate("sum", (BIGINT,), BIGINT, "sum({0})"),
    Aggregate("sum", (DOUBLE,), DOUBLE, "sum({0})"),
    Aggregate("avg", (DOUBLE,), DOUBLE, "avg({0})"),
    Aggregate("min", (E,), E, "min({0})"),
    Aggregate("max", (E,), E, "max({0})"),
    *(Aggregate(name, (E,), E, "min({0})") for name in ("arbitrary", "any_value")),  # any one will do
    *(Aggregate(name, (BOOLEAN,), BOOLEAN, "min({0})") for name in ("bool_and", "every")),
    Aggregate("bool_or", (BOOLEAN,), BOOLEAN, "max({0})"),
    Aggregate("approx_distinct", (E,), BIGINT, "count(DISTINCT {0})"),
    Aggregate("approx_distinct", (E, DOUBLE), BIGINT, "count(DISTINCT {0})"),
    *(Aggregate("approx_percentile", (kind, DOUBLE), kind, collect=_Percentile) for kind in (BIGINT, DOUBLE)),
    *(_numbers(name, _DeviationOfSample) for name in ("stddev", "stddev_samp")),
    _numbers("stddev_pop", _DeviationOfAll),
    *(_numbers(name, _VarianceOfSample) for name in ("variance", "var_samp")),
    _numbers("var_pop", _VarianceOfAll),
    _numbers("corr", _Correlation, 2),
    _numbers("covar_pop", _CovarianceOfAll, 2),
    _numbers("covar_samp", _CovarianceOfSample, 2),
    _numbers("geometric_mean", _GeometricMean),
    Aggregate("max_by", (E, F), E, collect=_Best),
    Aggregate("min_by", (E, F), E, collect=_Least),
    Aggregate("array_agg", (E,), array(E), collect=_All),
)
AGGREGATES: dict[str, list[Aggregate]] = {}
for _aggregate in _ALL:
    AGGREGATES.setdefault(_aggregate.name, []).append(_aggregate)

# Functions over a window alone: their parameters and results, which SQLite has by the same names.
WINDOWS: dict[str, list[tuple[tuple[Type, ...], Type]]] = {
    **{name: [((), BIGINT)] for name in ("row_number", "rank", "dense_rank")},
    **{name: [((), DOUBLE)] for name in ("percent_rank", "cume_dist")},
    "ntile": [((BIGINT,), BIGINT)],
    **{name: [((E,), E)] for name in ("first_value", "last_value")},
    "nth_value": [((E, BIGINT), E)],
    **{name: [((E,), E), ((E, BIGINT), E), ((E, BIGINT, E), E)] for name in ("lag", "lead")},
}
