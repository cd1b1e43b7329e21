"""The actions on policies and their versions."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.ram.api.calls import Calls, cut_page, read_policy_type, reader
from localcloud.ram.api.tags import read_tags
from localcloud.ram.model import ManagedPolicy, PolicyVersion
from localcloud.ram.operations.policies import find_version

ROTATE = "DeleteOldestNonDefaultVersionWhenLimitExceeded"  # the value of RotateStrategy that makes room


class PolicyCalls(Calls):
    """The actions on policies and their versions."""

    def create(self, call: Call) -> Answer:
        """CreatePolicy."""
        name = self.policy_name(call, "Custom")
        policy = self._ram.create_policy(
            name,
            document=reader.required(call, "PolicyDocument"),
            description=call.parameters.get("Description", ""),
            tags=read_tags(call),
        )
        return {"Policy": write_policy(policy)}

    def get(self, call: Call) -> Answer:
        """GetPolicy."""
        policy = self._policy(call)
        return {"Policy": self._with_count(policy), "DefaultPolicyVersion": _write_version(policy, policy.default)}

    def list(self, call: Call) -> Answer:
        """ListPolicies."""
        self.allow(call, "policy/*")
        wanted = call.parameters.get("PolicyType")
        found = [policy for policy in self._ram.policies() if wanted in (None, policy.type)]
        page, rest = cut_page(call, found, lambda policy: policy.name)
        return {"Policies": {"Policy": [self._with_count(policy) for policy in page]}, **rest}

    def delete(self, call: Call) -> Answer:
        """DeletePolicy."""
        self._ram.delete_policy(self.policy_name(call, "Custom"))
        return {}

    def create_version(self, call: Call) -> Answer:
        """CreatePolicyVersion."""
        name = self.policy_name(call, "Custom")
        version = self._ram.create_policy_version(
            name,
            document=reader.required(call, "PolicyDocument"),
            set_as_default=call.parameters.get("SetAsDefault", "").lower() == "true",
            drop_oldest=reader.choice(call, "RotateStrategy", ("None", ROTATE), "None") == ROTATE,
        )
        return {"PolicyVersion": _write_version(self._ram.get_policy(name, "Custom"), version)}

    def set_default_version(self, call: Call) -> Answer:
        """SetDefaultPolicyVersion."""
        self._ram.set_default_version(self.policy_name(call, "Custom"), reader.required(call, "VersionId"))
        return {}

    def update_description(self, call: Call) -> Answer:
        """UpdatePolicyDescription."""
        name = self.policy_name(call, "Custom")
        return {"Policy": write_policy(self._ram.describe_policy(name, reader.required(call, "NewDescription")))}

    def get_version(self, call: Call) -> Answer:
        """GetPolicyVersion."""
        policy = self._policy(call)
        version = find_version(policy, reader.required(call, "VersionId"))
        return {"PolicyVersion": _write_version(policy, version)}

    def list_versions(self, call: Call) -> Answer:
        """ListPolicyVersions."""
        policy = self._policy(call)
        return {"PolicyVersions": {"PolicyVersion": [_write_version(policy, version) for version in policy.versions]}}

    def delete_version(self, call: Call) -> Answer:
        """DeletePolicyVersion."""
        self._ram.delete_policy_version(self.policy_name(call, "Custom"), reader.required(call, "VersionId"))
        return {}

    def _policy(self, call: Call) -> ManagedPolicy:
        policy_type = read_policy_type(call)
        return self._ram.get_policy(self.policy_name(call, policy_type), policy_type)

    def _with_count(self, policy: ManagedPolicy) -> Answer:
        return {**write_policy(policy), "AttachmentCount": len(self._ram.attachments_of(policy))}


def write_policy(policy: ManagedPolicy) -> Answer:
    """Return a policy as answers have it."""
    return {
        "PolicyName": policy.name,
        "PolicyType": policy.type,
        "Description": policy.description,
        "DefaultVersion": policy.default_version,
        "CreateDate": to_seconds(policy.created),
        "UpdateDate": to_seconds(policy.updated),
    }


def _write_version(policy: ManagedPolicy, version: PolicyVersion) -> Answer:
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.version_id == policy.default_version,
        "PolicyDocument": version.document,
        "CreateDate": to_seconds(version.created),
    }
