"""What types become by themselves, and which of a function's signatures suits those that are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.sls.analysis.types import BIGINT, DATE, DOUBLE, TIMESTAMP, UNKNOWN, Type, array


def common_type(kinds: Sequence[Type]) -> Type | None:
    """Return the type that values become by themselves; None: there is none."""
    known = {kind for kind in kinds if kind != UNKNOWN}
    if len(known) <= 1:
        return next(iter(known), UNKNOWN)
    for both, common in (({BIGINT, DOUBLE}, DOUBLE), ({DATE, TIMESTAMP}, TIMESTAMP)):
        if known == both:
            return common
    return None


def choose_signature(overloads: Sequence[Any], given: Sequence[Type]) -> tuple[Any, list[Type], Type] | None:
    """Return the function whose signature suits types best, the types that they become, and that of its result."""
    best: tuple[int, Any, list[Type], Type] | None = None
    for each in overloads:
        rest: Type | None = getattr(each, "rest", None)
        parameters = [*each.parameters]
        if rest is not None:
            parameters += [rest] * (len(given) - len(parameters))
        if len(parameters) != len(given):
            continue
        bound: dict[str, Type] = {}
        costs, kinds = 0, []
        for have, want in zip(given, parameters, strict=True):
            cost = _cost(have, want, bound)
            if cost is None:
                break
            costs += cost
            kinds.append(_bind(want, bound, have))
        else:
            if best is None or costs < best[0]:
                best = costs, each, kinds, _bind(each.result, bound, UNKNOWN)
    return best and best[1:]


def _cost(have: Type, want: Type, bound: dict[str, Type]) -> int | None:
    """Return what it takes for a type to become another one; None: it does not."""
    if want.element is not None:
        return _cost(have.element, want.element, bound) if have.element else 0 if have == UNKNOWN else None
    if len(want.name) == 1:
        known = bound.setdefault(want.name, have)
        if known == UNKNOWN:
            bound[want.name] = have
        return 0 if have in (bound[want.name], UNKNOWN) else None
    if have in (want, UNKNOWN):
        return 0
    steps = {(BIGINT, DOUBLE): 1, (DATE, TIMESTAMP): 1, (BIGINT, TIMESTAMP): 2}
    return steps.get((have, want))


def _bind(kind: Type, bound: Mapping[str, Type], otherwise: Type) -> Type:
    if kind.element is not None:
        return array(_bind(kind.element, bound, otherwise))
    return bound.get(kind.name, otherwise) if len(kind.name) == 1 else kind
