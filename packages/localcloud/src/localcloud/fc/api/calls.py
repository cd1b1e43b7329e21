"""One request on its way to an operation, the documents that answer it, and the pages of lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from aiohttp import web

from localcloud.fc.api.bodies import Body
from localcloud.fc.api.paths import Target
from localcloud.fc.errors import FcError
from localcloud.fc.model import Permit
from localcloud.kernel.paging import page_at, read_number

NOTHING: Mapping[str, object] = MappingProxyType({})
PAGE_SIZES = range(1, 100 + 1)


class PackageKind(StrEnum):
    """The kind of thing that a package is of, as its address names it."""

    FUNCTION = "code"
    LAYER = "layers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request that was authenticated and authorized; an operation looks at nothing else of it."""

    target: Target
    request_id: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # by lower-case name
    payload: bytes  # the body as sent
    body: Body  # the body as JSON; empty for an invocation, whose body is the function's
    endpoint: str  # the URL that it came to, when that is an address of loopback; empty: it came to a name of the cloud
    package_address: Callable[[PackageKind, str], str]  # returns where a package can be fetched, by its kind and name
    permit: Callable[[str, str], None]  # refuses an action on a resource of the account that the caller may not do
    permit_code: Permit  # refuses an object as code package that the caller may not read

    def header(self, name: str, allowed: Sequence[str]) -> str:
        """Return the value of a header, one of those allowed; the first of them when it is not given.

        Raises:
            FcError: InvalidArgument.
        """
        value = self.headers.get(name) or allowed[0]
        if value not in allowed:
            title = "".join(part.capitalize() for part in name.removeprefix("x-fc-").split("-"))
            known = " | ".join(sorted(allowed, reverse=True))
            raise FcError(
                "InvalidArgument", f"{title} is set to an invalid value (allowed: {known}, actual: '{value[:100]}')"
            )
        return value

    def require_match(self, document: Mapping[str, Any]) -> None:
        """Refuse a change of what is not, or not any more, what the caller has seen: `If-Match` names its ETag.

        Args:
            document: what is there, as the API shows it.

        Raises:
            FcError: PreconditionFailed.
        """
        wanted = self.headers.get("if-match", "")
        if wanted and wanted.strip('"') != etag(document):
            raise FcError("PreconditionFailed", "the resource being modified has been changed")


def etag(document: Mapping[str, Any]) -> str:
    """Return the Etag of what the API shows."""
    return hashlib.md5(json.dumps(document, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def shown(document: Mapping[str, Any]) -> web.Response:
    """Answer with a document and its Etag."""
    return web.json_response(document, headers={"Etag": etag(document)})


class Named(Protocol):
    """An item of a list."""

    @property
    def name(self) -> str:
        """Its name, by which lists are ordered."""


Item = TypeVar("Item", bound=Named)


def page(
    call: Call,
    name: str,
    items: Sequence[Item],
    write: Callable[[Item], dict[str, Any]],
    more: Mapping[str, object] = NOTHING,
) -> web.Response:
    """Return one page of a list in the order of names: `limit`, `prefix`, `startKey`, `nextToken` (the next item's name)."""
    start = call.query.get("nextToken") or call.query.get("startKey") or ""
    prefix = call.query.get("prefix", "")
    found = [item for item in items if item.name.startswith(prefix) and item.name >= start]
    return page_of(call, name, found, write, more=more)


def page_of(
    call: Call,
    name: str,
    items: Sequence[Item],
    write: Callable[[Item], dict[str, Any]],
    *,
    marker: tuple[str, Callable[[Item], object]] = ("nextToken", lambda item: item.name),
    more: Mapping[str, object] = NOTHING,
) -> web.Response:
    """Return the first page of what is left of a list, of `limit` items.

    Args:
        call: the request.
        name: of the list in the answer.
        items: from the one that the page begins with.
        write: shows an item.
        marker: the member of the answer that tells where the next page begins, and its value for the first item there.
        more: members of the answer beside the list.
    """
    try:
        limit = read_number(call.query.get("limit") or None, default=20, allowed=PAGE_SIZES)
    except ValueError as error:
        raise FcError("InvalidArgument", f"limit: {error}") from error
    first = page_at(items, 0, limit)
    body: dict[str, Any] = {name: [write(item) for item in first.items], **more}
    if first.rest:
        body[marker[0]] = marker[1](first.rest[0])
    return web.json_response(body)
