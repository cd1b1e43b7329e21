"""The names in the calls of all actions, and the right to the entities that they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from localcloud.kernel.access import Denial, Gate
from localcloud.kernel.actions import Answer
from localcloud.kernel.paging import page_after
from localcloud.kernel.parameters import Reader
from localcloud.kernel.rpc import Call
from localcloud.ram.errors import RamError
from localcloud.ram.model import Kind, PolicyType
from localcloud.ram.operations.service import RamService

PAGE_SIZES = range(1, 1000 + 1)  # items of a page (ListRoles, ListPolicies)
DEFAULT_PAGE = 100
MAX_NAME = 128  # characters of the longest name, a policy's (CreatePolicy); patterns are matched with no more
_Item = TypeVar("_Item")

reader = Reader(RamError)


class Calls:
    """The actions of one kind of entity."""

    def __init__(self, ram: RamService) -> None:
        self._ram = ram
        self._gate = Gate(ram, _refuse)

    def allow(self, call: Call, resource: str, owner: str | None = None) -> None:
        """Refuse a caller that may not do the call's action on a resource (`role/NAME`) of the account, or of another owner.

        Raises:
            RamError: NoPermission.
        """
        arn = f"acs:ram::{owner or call.identity.account_id}:{resource}"
        self._gate.require(call.caller, f"ram:{call.action}", arn)

    def name(self, call: Call, kind: Kind) -> str:
        """Return the name of the role, user or group that a call is about; its caller has the right to it.

        Raises:
            RamError: the name is missing or too long; NoPermission.
        """
        name = reader.name(call, f"{kind}Name", MAX_NAME)
        self.allow(call, f"{kind.lower()}/{name}")
        return name

    def policy_name(self, call: Call, policy_type: PolicyType) -> str:
        """Return the name of the policy that a call is about; its caller has the right to it.

        Raises:
            RamError: the name is missing or too long; NoPermission.
        """
        name = reader.name(call, "PolicyName", MAX_NAME)
        self.allow(call, f"policy/{name}", owner="system" if policy_type == "System" else None)
        return name


_Default = TypeVar("_Default", bool, None)


def read_flag(call: Call, name: str, default: _Default) -> bool | _Default:
    """Return True or False as a call gives it; `default`: it does not.

    Raises:
        RamError: InvalidParameter.NAME.
    """
    text = call.parameters.get(name)
    return (
        default if text is None else reader.choice(call, name, ("true", "false", "True", "False"), "").lower() == "true"
    )


def read_policy_type(call: Call) -> PolicyType:
    """Return the type of policy that a call names.

    Raises:
        RamError: it is missing, or no type.
    """
    reader.required(call, "PolicyType")
    return "System" if reader.choice(call, "PolicyType", ("System", "Custom"), "") == "System" else "Custom"


def cut_page(call: Call, items: Sequence[_Item], name: Callable[[_Item], str]) -> tuple[Sequence[_Item], Answer]:
    """Return the page that a call asks for, and what the answer says of it; the marker is a page's last name (assumed).

    Raises:
        RamError: InvalidParameter.MaxItems.
    """
    limit = reader.whole(call, "MaxItems", DEFAULT_PAGE, PAGE_SIZES)
    page = page_after(items, call.parameters.get("Marker", ""), limit, name=name)
    if not page.rest:
        return page.items, {"IsTruncated": False}
    return page.items, {"IsTruncated": True, "Marker": name(page.items[-1])}


def _refuse(denial: Denial) -> RamError:
    return RamError(
        "NoPermission",
        f"You are not authorized to do this action. Resource: {denial.resource} Action: {denial.action}",
    )
