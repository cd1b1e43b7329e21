"""The actions on resource groups."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.resourcemanager.api.calls import gate_of, reader
from localcloud.resourcemanager.model import ResourceGroup
from localcloud.resourcemanager.operations.service import ResourceManagerService

PAGE_SIZES = range(1, 100 + 1)
DEFAULT_PAGE = 10
MAX_ID = 64  # characters


class GroupCalls:
    """The actions on resource groups.

    Args:
        groups: the domain.
        authorizer: says what callers may.
        region: the region that the embedded cloud plays.
        account_id: the account.
    """

    def __init__(self, groups: ResourceManagerService, authorizer: Authorizer, *, region: str, account_id: str) -> None:
        self._groups = groups
        self._gate = gate_of(authorizer)
        self._region = region
        self._account_id = account_id

    def create(self, call: Call) -> Answer:
        """CreateResourceGroup."""
        self._allow(call, "*")
        name = reader.required(call, "Name")
        return {"ResourceGroup": self._write(self._groups.create(name, reader.required(call, "DisplayName")))}

    def get(self, call: Call) -> Answer:
        """GetResourceGroup."""
        return {"ResourceGroup": self._write(self._groups.get(self._id(call)))}

    def list(self, call: Call) -> Answer:
        """ListResourceGroups."""
        self._allow(call, "*")
        found = [
            group
            for group in self._groups.groups()
            if all(
                call.parameters.get(name) in (None, "", value)
                for name, value in (
                    ("Name", group.name),
                    ("DisplayName", group.display_name),
                    ("Status", group.status),
                    ("ResourceGroupId", group.id),
                )
            )
        ]
        shown, page = reader.page(call, found, sizes=PAGE_SIZES, default=DEFAULT_PAGE)
        return {"ResourceGroups": {"ResourceGroup": [self._write(group) for group in shown]}, **page}

    def update(self, call: Call) -> Answer:
        """UpdateResourceGroup."""
        group = self._groups.rename(self._id(call), reader.required(call, "NewDisplayName"))
        return {"ResourceGroup": self._write(group)}

    def delete(self, call: Call) -> Answer:
        """DeleteResourceGroup."""
        return {"ResourceGroup": self._write(self._groups.delete(self._id(call)))}

    def _id(self, call: Call) -> str:
        group_id = reader.name(call, "ResourceGroupId", MAX_ID)
        self._allow(call, group_id)
        return group_id

    def _allow(self, call: Call, group_id: str) -> None:
        """Refuse a caller that may not do the call's action on a group, or on all.

        Raises:
            ResourceManagerError: NoPermission.
        """
        resource = f"acs:resourcemanager:*:{self._account_id}:resourcegroup/{group_id}"
        self._gate.require(call.caller, f"resourcemanager:{call.action}", resource)

    def _write(self, group: ResourceGroup) -> Answer:
        return {
            "Id": group.id,
            "Name": group.name,
            "DisplayName": group.display_name,
            "AccountId": self._account_id,
            "Status": group.status,
            "CreateDate": to_seconds(group.created),
            "RegionStatuses": {"RegionStatus": [{"RegionId": self._region, "Status": group.status}]},
        }
