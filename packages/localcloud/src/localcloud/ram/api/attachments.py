"""The actions on attachments of policies to roles, users and groups."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.ram.api.calls import Calls, read_policy_type, reader
from localcloud.ram.api.policies import write_policy
from localcloud.ram.model import Attachment, Kind
from localcloud.ram.operations.service import RamService


class AttachmentCalls(Calls):
    """The actions on attachments of policies to one kind of entity."""

    def __init__(self, ram: RamService, kind: Kind) -> None:
        super().__init__(ram)
        self._kind = kind

    def attach(self, call: Call) -> Answer:
        """AttachPolicyToRole and the like."""
        policy = reader.required(call, "PolicyName")
        self._ram.attach_policy(self.name(call, self._kind), policy, read_policy_type(call), kind=self._kind)
        return {}

    def detach(self, call: Call) -> Answer:
        """DetachPolicyFromRole and the like."""
        policy = reader.required(call, "PolicyName")
        self._ram.detach_policy(self.name(call, self._kind), policy, read_policy_type(call), kind=self._kind)
        return {}

    def list_policies(self, call: Call) -> Answer:
        """ListPoliciesForRole and the like."""
        name = self.name(call, self._kind)
        items = [
            {**write_policy(policy), "AttachDate": to_seconds(attachment.attached)}
            for policy in self._ram.policies_of(name, kind=self._kind)
            for attachment in self._ram.attachments_of(policy)
            if (attachment.kind, attachment.name) == (self._kind, name)
        ]
        return {"Policies": {"Policy": items}}


class EntityCalls(Calls):
    """The action that lists what a policy is attached to."""

    def list_entities(self, call: Call) -> Answer:
        """ListEntitiesForPolicy."""
        policy_type = read_policy_type(call)
        policy = self._ram.get_policy(self.policy_name(call, policy_type), policy_type)
        found = {
            kind: [self._write(one) for one in self._ram.attachments_of(policy) if one.kind == kind] for kind in KINDS
        }
        return {f"{kind}s": {kind: entities} for kind, entities in found.items()}

    def _write(self, attachment: Attachment) -> Answer:
        attached: Answer = {"AttachDate": to_seconds(attachment.attached)}
        match attachment.kind:
            case "Role":
                role = self._ram.get_role(attachment.name)
                arn = self._ram.role_arn(role.name)
                return {
                    **attached,
                    "RoleName": role.name,
                    "RoleId": role.role_id,
                    "Arn": arn,
                    "Description": role.description,
                }
            case "User":
                user = self._ram.get_user(attachment.name)
                return {**attached, "UserName": user.name, "UserId": user.user_id, "DisplayName": user.display_name}
            case "Group":
                group = self._ram.get_group(attachment.name)
                return {**attached, "GroupName": group.name, "Comments": group.comments}


KINDS: tuple[Kind, ...] = ("Group", "Role", "User")
