"""Calls of a function's construct with arguments that it does not have: told with its other problems, not as Python's TypeError."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from heavylift.cdk.errors import InfraError
from heavylift.cdk.values import nearest, shown, unknown

P = ParamSpec("P")
R = TypeVar("R")


def tells_arguments(method: Callable[P, R]) -> Callable[P, R]:
    """Return a method that is called without the arguments that it does not have, and notes these by `tell`.

    Raises:
        InfraError: an argument is missing that it needs.
    """
    parameters = inspect.signature(method).parameters
    places = [name for name, each in parameters.items() if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    named = [name for name in parameters if name != places[0]]
    needed = [name for name, each in parameters.items() if each.default is inspect.Parameter.empty]
    what = "" if method.__name__ == "__init__" else f"{method.__name__}: "

    @functools.wraps(method)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        given: dict[str, Any] = dict(zip(places, args, strict=False))
        given |= {name: value for name, value in kwargs.items() if name in named}
        for name, value in kwargs.items():  # a misspelled one counts, lest its absence is taken for another mistake
            if name not in named and (near := nearest(name, named)):
                given.setdefault(near, value)
        if missing := [name for name in needed if name not in given]:
            owner = type(args[0]).__name__
            raise InfraError(f"{owner}: {what}the argument {missing[0]} is missing, of ({', '.join(named)})")
        result = cast("Callable[..., R]", method)(**given)
        problems = [unknown(name, named, "argument") for name in kwargs if name not in named]
        problems += [
            f"{shown(value)} is one argument too many: name the one that it is, of {', '.join(named[len(places) - 1 :])}"
            for value in args[len(places) :]
        ]
        cast(Any, args[0]).tell(f"{what}{problem}" for problem in problems)
        return result

    return checked
