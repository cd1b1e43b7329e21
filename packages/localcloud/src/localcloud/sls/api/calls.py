"""The call of any operation: the right to it, its JSON body, and the page that it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.kernel.access import Caller, Denial, Gate
from localcloud.kernel.paging import page_at, read_number
from localcloud.kernel.values import read_json
from localcloud.sls.errors import SlsError
from localcloud.sls.operations.service import SlsService

Document = Mapping[str, object] | Sequence[object]
PAGE_SIZES = range(500 + 1)  # names of a page (ListProject, ListLogStores)
DEFAULT_PAGE = 100
OFFSETS = range(10**9)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer that has more to it than a document."""

    content: bytes | Document
    headers: Mapping[str, str]


Answer = Document | Reply | None  # None: the answer has no body


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One authenticated request.

    Attributes:
        sls: the domain.
        gate: asks whether the caller may.
        caller: who sent it.
        region: the region that the embedded cloud plays.
        account_id: the account that the project is of, or will be; the caller's, where there is none.
        project: as the host names it; empty: it names none.
        logstore: as the path names it; empty: it names none.
        shard: its number, as the path names it; None: it names none.
        group: the consumer group, as the path names it; empty: it names none.
        item: what else of the project the path names; empty: nothing.
        applied: the configuration of Logtail that a path names behind its machine group; empty: none.
        query: its parameters.
        headers: by lower-case name.
        body: as sent.
    """

    sls: SlsService
    gate: Gate
    caller: Caller
    region: str
    account_id: str
    project: str
    logstore: str
    shard: int | None
    group: str
    item: str
    applied: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def allow(self, action: str, path: str) -> None:
        """Refuse a caller that may not do an action on what SLS has at a path.

        Raises:
            SlsError: Unauthorized.
        """
        self.gate.require(self.caller, f"log:{action}", f"acs:log:{self.region}:{self.account_id}:{path}")

    def may(self, action: str, path: str) -> bool:
        """Return True if the caller may do an action on what SLS has at a path."""
        try:
            self.allow(action, path)
        except SlsError:
            return False
        return True

    def allow_on_logstore(self, action: str, part: str = "") -> None:
        """Refuse a caller that may not do an action on the logstore, or on a part of it; see `allow`."""
        self.allow(action, f"project/{self.project}/logstore/{self.logstore}{part}")

    def read_body(self) -> dict[str, Any]:
        """Return the JSON object that the body is.

        Raises:
            SlsError: PostBodyInvalid.
        """
        try:
            body = read_json(self.body)
        except ValueError as error:
            raise SlsError("PostBodyInvalid", f"The request body is not valid JSON object: {error}.") from error
        if not isinstance(body, dict):
            raise SlsError("PostBodyInvalid", "The request body is not valid JSON object.")
        return body


def refuse(denial: Denial) -> SlsError:
    """Return SLS's error of a denial."""
    return SlsError("Unauthorized", f"denied by sts or ram, action: {denial.action}, resource: {denial.resource}")


def read_element(body: Mapping[str, Any], name: str, kind: type, code: str) -> Any:  # noqa: ANN401 - of that kind
    """Return an element of a body; None: it is not there.

    Args:
        body: the body.
        name: of the element.
        kind: of its value; a boolean is no number.
        code: of the error when it is of another kind.

    Raises:
        SlsError: it is of another kind.
    """
    value = body.get(name)
    if value is not None and type(value) is not kind:
        raise SlsError(code, f"{name} is not of the right type")
    return value


def only(body: Mapping[str, Any], known: set[str], code: str) -> None:
    """Refuse a body with elements that would be ignored.

    Raises:
        SlsError: with that code.
    """
    if ignored := sorted(body.keys() - known):
        raise SlsError(code, f"not implemented: the element {ignored[0][:80]}")


def cut_page(call: Call, key: str, items: list[Any], write: Callable[[Any], object]) -> Answer:
    """Return the page that a call asks for by `offset` and `size`, which @alicloud/log sends empty when they are not given.

    Raises:
        SlsError: ParameterInvalid.
    """
    numbers = {}
    for name, default, allowed in (("offset", 0, OFFSETS), ("size", DEFAULT_PAGE, PAGE_SIZES)):
        try:
            numbers[name] = read_number(call.query.get(name) or None, default=default, allowed=allowed)
        except ValueError as error:
            raise SlsError("ParameterInvalid", f"{name}: {error}") from error
    page = page_at(items, numbers["offset"], numbers["size"])
    return {"count": len(page.items), "total": len(items), key: [write(item) for item in page.items]}
