"""The actions on attachments of policies to roles."""

from __future__ import annotations

from localcloud.kernel.parameters import Answer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.ram.api.calls import Calls, read_policy_type, reader
from localcloud.ram.api.policies import write_policy
from localcloud.ram.model import Attachment


class AttachmentCalls(Calls):
    """The actions on attachments of policies to roles."""

    def attach(self, call: Call) -> Answer:
        """AttachPolicyToRole."""
        self._ram.attach_policy(self.role_name(call), reader.required(call, "PolicyName"), read_policy_type(call))
        return {}

    def detach(self, call: Call) -> Answer:
        """DetachPolicyFromRole."""
        self._ram.detach_policy(self.role_name(call), reader.required(call, "PolicyName"), read_policy_type(call))
        return {}

    def list_policies(self, call: Call) -> Answer:
        """ListPoliciesForRole."""
        name = self.role_name(call)
        items = [
            {**write_policy(policy), "AttachDate": to_seconds(attachment.attached)}
            for policy in self._ram.policies_of(name)
            for attachment in self._ram.attachments_of(policy)
            if attachment.role == name
        ]
        return {"Policies": {"Policy": items}}

    def list_entities(self, call: Call) -> Answer:
        """ListEntitiesForPolicy."""
        policy_type = read_policy_type(call)
        policy = self._ram.get_policy(self.policy_name(call, policy_type), policy_type)
        roles = [self._write_role(attachment) for attachment in self._ram.attachments_of(policy)]
        return {"Roles": {"Role": roles}, "Users": {"User": []}, "Groups": {"Group": []}}

    def _write_role(self, attachment: Attachment) -> Answer:
        role = self._ram.get_role(attachment.role)
        return {
            "RoleName": role.name,
            "RoleId": role.role_id,
            "Arn": self._ram.role_arn(role.name),
            "Description": role.description,
            "AttachDate": to_seconds(attachment.attached),
        }
