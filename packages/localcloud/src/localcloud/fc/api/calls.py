"""One request on its way to an operation, and the pages of lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from aiohttp import web

from localcloud.fc.api.bodies import Body
from localcloud.fc.api.paths import Target
from localcloud.fc.errors import FcError
from localcloud.fc.model import Permit
from localcloud.kernel.paging import page_at, read_number

PAGE_SIZES = range(1, 100 + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request that was authenticated and authorized; an operation looks at nothing else of it."""

    target: Target
    request_id: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # by lower-case name
    payload: bytes  # the body as sent
    body: Body  # the body as JSON; empty for an invocation, whose body is the function's
    permit_code: Permit  # refuses an object as code package that the caller may not read

    def header(self, name: str, allowed: Sequence[str]) -> str:
        """Return the value of a header, one of those allowed; the first of them when it is not given.

        Raises:
            FcError: InvalidArgument.
        """
        value = self.headers.get(name) or allowed[0]
        if value not in allowed:
            raise FcError("InvalidArgument", f"{name} is {value!r}; expected one of {', '.join(allowed)}")
        return value


class Named(Protocol):
    """An item of a list."""

    @property
    def name(self) -> str:
        """Its name, by which lists are ordered."""


Item = TypeVar("Item", bound=Named)


def page(call: Call, name: str, items: Sequence[Item], write: Callable[[Item], dict[str, Any]]) -> web.Response:
    """Return one page of a list: `limit`, `prefix`, `startKey`, `nextToken` (which is the next item's name)."""
    try:
        limit = read_number(call.query.get("limit"), default=20, allowed=PAGE_SIZES)
    except ValueError as error:
        raise FcError("InvalidArgument", f"limit: {error}") from error
    start = call.query.get("nextToken") or call.query.get("startKey") or ""
    prefix = call.query.get("prefix", "")
    found = [item for item in items if item.name.startswith(prefix) and item.name >= start]
    shown = page_at(found, 0, limit)
    body: dict[str, Any] = {name: [write(item) for item in shown.items]}
    if shown.rest:
        body["nextToken"] = shown.rest[0].name
    return web.json_response(body)
