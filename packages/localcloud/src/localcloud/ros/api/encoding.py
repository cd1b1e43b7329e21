"""Encode answers: pages of lists, and the values of parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from localcloud.kernel.actions import Answer
from localcloud.kernel.paging import page_at
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.ros.api.decoding import number
from localcloud.ros.model import Source

_Item = TypeVar("_Item")
PAGE_NUMBERS = range(1, 10**9)
PAGE_SIZES = range(1, 100 + 1)  # documented is 50; the vendor's command line asks for 100
DEFAULT_PAGE = 10
RESULTS, DEFAULT_RESULTS = range(1, 100 + 1), 50  # of MaxResults
HIDDEN = "******"  # the value of a NoEcho parameter


def page(call: Call, name: str, items: Sequence[_Item], render: Callable[[_Item], Answer]) -> Answer:
    """Return the page of a list that a call asks for.

    Args:
        call: with PageNumber and PageSize.
        name: of the list in the answer.
        items: the whole list.
        render: encodes one of them.

    Raises:
        RosError: there can be no such page.
    """
    which = number(call.parameters, "PageNumber", PAGE_NUMBERS) or 1
    size = number(call.parameters, "PageSize", PAGE_SIZES) or DEFAULT_PAGE
    shown = page_at(items, (which - 1) * size, size).items
    return {"PageNumber": which, "PageSize": size, "TotalCount": len(items), name: [render(each) for each in shown]}


def page_by_token(call: Call, name: str, items: Sequence[_Item], render: Callable[[_Item], Answer]) -> Answer:
    """Return the part of a list that a call asks for by NextToken, and the token of the next one.

    Args:
        call: with NextToken and MaxResults.
        name: of the list in the answer.
        items: the whole list.
        render: encodes one of them.

    Raises:
        RosError: there can be no such part.
    """
    size = number(call.parameters, "MaxResults", RESULTS) or DEFAULT_RESULTS
    begin = number(call.parameters, "NextToken") or 0
    part = page_at(items, begin, size)
    rest = {"NextToken": str(begin + size)} if part.rest else {}
    return {name: [render(each) for each in part.items], **rest}


def shown_parameters(values: Mapping[str, object], hidden: Collection[str]) -> list[Answer]:
    """Return the parameters of a stack as they are shown."""
    return [
        {"ParameterKey": key, "ParameterValue": HIDDEN if key in hidden else _text(value)}
        for key, value in values.items()
    ]


def parameters_of(source: Source) -> list[Answer]:
    """Return the parameters of a source; none of their values while nobody has read which are hidden."""
    values = source.values or source.parameters
    return shown_parameters(values, source.outline.hidden if source.outline else values)


def shown_tags(tags: Mapping[str, str]) -> list[Answer]:
    """Return tags as they are shown."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def shown_time(moment: float | None) -> str | None:
    """Return a moment as ROS writes it: in UTC without saying so, `2026-01-31T08:00:00`."""
    return None if moment is None else to_seconds(moment).removesuffix("Z")


def _text(value: object) -> str:
    """Return a value as a text, which is JSON unless it is one already; nothing is an empty one."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
