"""The actions of the RAM and STS APIs: parse parameters, ask the service, render the answer.

Each action checks that the caller may do it, on the resource that RAM documents for it.
Sources: RAM API reference 2015-05-01, STS API reference 2015-04-01; the models of alibabacloud_ram20150501 and
alibabacloud_sts20150401.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from localcloud.kernel.rpc import Action, Call
from localcloud.kernel.values import read_whole
from localcloud.ram.errors import RamError
from localcloud.ram.model import Attachment, ManagedPolicy, PolicyType, PolicyVersion, Role
from localcloud.ram.service import DEFAULT_SESSION, RamService, find_version

Answer = dict[str, object]
_Item = TypeVar("_Item")

MAX_ITEMS = range(1, 1000 + 1)  # of a page (ListRoles, ListPolicies)
DEFAULT_ITEMS = 100
MAX_NAME = 128  # characters of the longest name, a policy's (CreatePolicy); patterns are matched with no more


def ram_actions(ram: RamService) -> dict[str, Action]:
    """Return the actions of the RAM API, by name."""
    handlers = _RamHandlers(ram)
    return {
        "CreateRole": _action(
            handlers.create_role, "RoleName", "AssumeRolePolicyDocument", "Description", "MaxSessionDuration"
        ),
        "GetRole": _action(handlers.get_role, "RoleName"),
        "ListRoles": _action(handlers.list_roles, "Marker", "MaxItems"),
        "UpdateRole": _action(
            handlers.update_role, "RoleName", "NewAssumeRolePolicyDocument", "NewDescription", "NewMaxSessionDuration"
        ),
        "DeleteRole": _action(handlers.delete_role, "RoleName"),
        "CreatePolicy": _action(handlers.create_policy, "PolicyName", "PolicyDocument", "Description"),
        "GetPolicy": _action(handlers.get_policy, "PolicyName", "PolicyType"),
        "ListPolicies": _action(handlers.list_policies, "PolicyType", "Marker", "MaxItems"),
        "DeletePolicy": _action(handlers.delete_policy, "PolicyName"),
        "CreatePolicyVersion": _action(
            handlers.create_policy_version, "PolicyName", "PolicyDocument", "SetAsDefault", "RotateStrategy"
        ),
        "GetPolicyVersion": _action(handlers.get_policy_version, "PolicyName", "PolicyType", "VersionId"),
        "ListPolicyVersions": _action(handlers.list_policy_versions, "PolicyName", "PolicyType"),
        "DeletePolicyVersion": _action(handlers.delete_policy_version, "PolicyName", "VersionId"),
        "AttachPolicyToRole": _action(handlers.attach_policy_to_role, "RoleName", "PolicyName", "PolicyType"),
        "DetachPolicyFromRole": _action(handlers.detach_policy_from_role, "RoleName", "PolicyName", "PolicyType"),
        "ListPoliciesForRole": _action(handlers.list_policies_for_role, "RoleName"),
        "ListEntitiesForPolicy": _action(handlers.list_entities_for_policy, "PolicyName", "PolicyType"),
    }


def sts_actions(ram: RamService) -> dict[str, Action]:
    """Return the actions of the STS API, by name."""
    handlers = _StsHandlers(ram)
    return {
        "AssumeRole": _action(handlers.assume_role, "RoleArn", "RoleSessionName", "DurationSeconds", "Policy"),
        "GetCallerIdentity": _action(handlers.get_caller_identity),
    }


def _action(handler: Callable[[Call], Answer], *parameters: str) -> Action:
    """Run a handler on a thread, for it may wait for the disk; a parameter that it would ignore is refused."""
    known = {*parameters, "RegionId"}  # older SDKs send their region to these global services, too

    async def run(call: Call) -> Mapping[str, object]:
        if ignored := sorted(set(call.parameters) - known):
            raise RamError(
                f"InvalidParameter.{ignored[0]}", f"not implemented: the parameter {ignored[0]} of {call.action}."
            )
        return await asyncio.to_thread(handler, call)

    return run


class _RamHandlers:
    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def create_role(self, call: Call) -> Answer:
        name = self._allow_role(call)
        role = self._ram.create_role(
            name,
            trust_policy=_required(call, "AssumeRolePolicyDocument"),
            description=call.parameters.get("Description", ""),
            max_session=_integer(call, "MaxSessionDuration", DEFAULT_SESSION),
        )
        return {"Role": self._role(role, document=True)}

    def get_role(self, call: Call) -> Answer:
        return {"Role": self._role(self._ram.get_role(self._allow_role(call)), document=True)}

    def list_roles(self, call: Call) -> Answer:
        self._allow(call, "role/*")
        page, rest = _page(call, self._ram.roles(), lambda role: role.name)
        return {"Roles": {"Role": [self._role(role, document=False) for role in page]}, **rest}

    def update_role(self, call: Call) -> Answer:
        name = self._allow_role(call)
        limit = call.parameters.get("NewMaxSessionDuration")
        role = self._ram.update_role(
            name,
            trust_policy=call.parameters.get("NewAssumeRolePolicyDocument"),
            description=call.parameters.get("NewDescription"),
            max_session=None if limit is None else _integer(call, "NewMaxSessionDuration", DEFAULT_SESSION),
        )
        return {"Role": self._role(role, document=True)}

    def delete_role(self, call: Call) -> Answer:
        self._ram.delete_role(self._allow_role(call))
        return {}

    def create_policy(self, call: Call) -> Answer:
        name = self._allow_policy(call, "Custom")
        policy = self._ram.create_policy(
            name,
            document=_required(call, "PolicyDocument"),
            description=call.parameters.get("Description", ""),
        )
        return {"Policy": _policy(policy)}

    def get_policy(self, call: Call) -> Answer:
        policy = self._policy_asked(call)
        attached = {"AttachmentCount": len(self._ram.attachments_of(policy))}
        return {"Policy": {**_policy(policy), **attached}, "DefaultPolicyVersion": _version(policy, policy.default)}

    def list_policies(self, call: Call) -> Answer:
        self._allow(call, "policy/*")
        wanted = call.parameters.get("PolicyType")
        found = [policy for policy in self._ram.policies() if wanted in (None, policy.type)]
        page, rest = _page(call, found, lambda policy: policy.name)
        items = [{**_policy(policy), "AttachmentCount": len(self._ram.attachments_of(policy))} for policy in page]
        return {"Policies": {"Policy": items}, **rest}

    def delete_policy(self, call: Call) -> Answer:
        self._ram.delete_policy(self._allow_policy(call, "Custom"))
        return {}

    def create_policy_version(self, call: Call) -> Answer:
        name = self._allow_policy(call, "Custom")
        version = self._ram.create_policy_version(
            name,
            document=_required(call, "PolicyDocument"),
            set_as_default=call.parameters.get("SetAsDefault", "").lower() == "true",
            drop_oldest=_choice(call, "RotateStrategy", ("None", _ROTATE), "None") == _ROTATE,
        )
        return {"PolicyVersion": _version(self._ram.get_policy(name, "Custom"), version)}

    def get_policy_version(self, call: Call) -> Answer:
        policy = self._policy_asked(call)
        return {"PolicyVersion": _version(policy, find_version(policy, _required(call, "VersionId")))}

    def list_policy_versions(self, call: Call) -> Answer:
        policy = self._policy_asked(call)
        return {"PolicyVersions": {"PolicyVersion": [_version(policy, version) for version in policy.versions]}}

    def delete_policy_version(self, call: Call) -> Answer:
        self._ram.delete_policy_version(self._allow_policy(call, "Custom"), _required(call, "VersionId"))
        return {}

    def attach_policy_to_role(self, call: Call) -> Answer:
        self._ram.attach_policy(self._allow_role(call), _required(call, "PolicyName"), _policy_type(call))
        return {}

    def detach_policy_from_role(self, call: Call) -> Answer:
        self._ram.detach_policy(self._allow_role(call), _required(call, "PolicyName"), _policy_type(call))
        return {}

    def list_policies_for_role(self, call: Call) -> Answer:
        name = self._allow_role(call)
        items = [
            {**_policy(policy), "AttachDate": _date(attachment.attached)}
            for policy in self._ram.policies_of(name)
            for attachment in self._ram.attachments_of(policy)
            if attachment.role == name
        ]
        return {"Policies": {"Policy": items}}

    def list_entities_for_policy(self, call: Call) -> Answer:
        attachments = self._ram.attachments_of(self._policy_asked(call))
        roles = [self._attached_role(attachment) for attachment in attachments]
        return {"Roles": {"Role": roles}, "Users": {"User": []}, "Groups": {"Group": []}}

    def _attached_role(self, attachment: Attachment) -> Answer:
        role = self._ram.get_role(attachment.role)
        return {
            "RoleName": role.name,
            "RoleId": role.role_id,
            "Arn": self._ram.role_arn(role.name),
            "Description": role.description,
            "AttachDate": _date(attachment.attached),
        }

    def _role(self, role: Role, *, document: bool) -> Answer:
        return {
            "RoleName": role.name,
            "RoleId": role.role_id,
            "Arn": self._ram.role_arn(role.name),
            "Description": role.description,
            "MaxSessionDuration": role.max_session,
            "CreateDate": _date(role.created),
            "UpdateDate": _date(role.updated),
            **({"AssumeRolePolicyDocument": role.trust_policy} if document else {}),
        }

    def _policy_asked(self, call: Call) -> ManagedPolicy:
        policy_type = _policy_type(call)
        return self._ram.get_policy(self._allow_policy(call, policy_type), policy_type)

    def _allow_role(self, call: Call) -> str:
        name = _name(call, "RoleName")
        self._allow(call, f"role/{name}")
        return name

    def _allow_policy(self, call: Call, policy_type: PolicyType) -> str:
        name = _name(call, "PolicyName")
        self._allow(call, f"policy/{name}", owner="system" if policy_type == "System" else None)
        return name

    def _allow(self, call: Call, resource: str, owner: str | None = None) -> None:
        arn = f"acs:ram::{owner or call.identity.account_id}:{resource}"
        action = f"ram:{call.action}"
        if not self._ram.is_allowed(call.identity, action=action, resource=arn, conditions=_conditions(call)):
            raise RamError(
                "NoPermission", f"You are not authorized to do this action. Resource: {arn} Action: {action}"
            )


class _StsHandlers:
    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def assume_role(self, call: Call) -> Answer:
        role_arn = _required(call, "RoleArn")
        credential = self._ram.assume_role(
            call.identity,
            role_arn,
            session_name=_required(call, "RoleSessionName"),
            duration=_integer(call, "DurationSeconds", DEFAULT_SESSION),
            session_policy=call.parameters.get("Policy") or None,
            conditions=_conditions(call),
        )
        assert credential.expires_at is not None, "a session's key always expires"
        return {
            "Credentials": {
                "AccessKeyId": credential.access_key_id,
                "AccessKeySecret": credential.access_key_secret,
                "SecurityToken": credential.security_token,
                "Expiration": _date(credential.expires_at),
            },
            "AssumedRoleUser": {
                "Arn": f"{role_arn}/{credential.identity.session_name}",
                "AssumedRoleId": f"{self._role_id(role_arn)}:{credential.identity.session_name}",
            },
        }

    def get_caller_identity(self, call: Call) -> Answer:
        identity = call.identity
        if identity.role_arn is None:
            return {
                "IdentityType": "Account",
                "AccountId": identity.account_id,
                "PrincipalId": identity.account_id,
                "UserId": identity.account_id,
                "Arn": f"acs:ram::{identity.account_id}:root",
            }
        role_id = self._role_id(identity.role_arn)
        return {
            "IdentityType": "AssumedRoleUser",
            "AccountId": identity.account_id,
            "PrincipalId": f"{role_id}:{identity.session_name}",
            "RoleId": role_id,
            "Arn": f"{identity.role_arn.replace(':role/', ':assumed-role/')}/{identity.session_name}",
        }

    def _role_id(self, role_arn: str) -> str:
        return self._ram.get_role(role_arn.removeprefix(self._ram.role_arn(""))).role_id


_ROTATE = "DeleteOldestNonDefaultVersionWhenLimitExceeded"


def _policy(policy: ManagedPolicy) -> Answer:
    return {
        "PolicyName": policy.name,
        "PolicyType": policy.type,
        "Description": policy.description,
        "DefaultVersion": policy.default_version,
        "CreateDate": _date(policy.created),
        "UpdateDate": _date(policy.updated),
    }


def _version(policy: ManagedPolicy, version: PolicyVersion) -> Answer:
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.version_id == policy.default_version,
        "PolicyDocument": version.document,
        "CreateDate": _date(version.created),
    }


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _conditions(call: Call) -> dict[str, str]:
    return {"acs:SourceIp": call.source_ip, "acs:SecureTransport": str(call.secure).lower()}


def _required(call: Call, name: str) -> str:
    value = call.parameters.get(name)
    if not value:
        raise RamError("MissingParameter", f'The input parameter "{name}" that {call.action} needs is not supplied.')
    return value


def _name(call: Call, name: str) -> str:
    value = _required(call, name)
    if len(value) > MAX_NAME:
        raise RamError(
            f"InvalidParameter.{name}.Length", f'The parameter "{name}" has more than {MAX_NAME} characters.'
        )
    return value


def _integer(call: Call, name: str, default: int) -> int:
    try:
        return read_whole(call.parameters.get(name, str(default)))
    except ValueError as error:
        raise RamError(f"InvalidParameter.{name}", f'The parameter "{name}" is wrong: {error}.') from error


def _choice(call: Call, name: str, choices: Sequence[str], default: str) -> str:
    value = call.parameters.get(name, default)
    if value not in choices:
        raise RamError(f"InvalidParameter.{name}", f'The parameter "{name}" must be {" or ".join(choices)}.')
    return value


def _policy_type(call: Call) -> PolicyType:
    _required(call, "PolicyType")
    return "System" if _choice(call, "PolicyType", ("System", "Custom"), "") == "System" else "Custom"


def _page(call: Call, items: Sequence[_Item], name: Callable[[_Item], str]) -> tuple[list[_Item], Answer]:
    """Cut a page out of items that are sorted by name; the marker is the last name of the page before (assumed)."""
    limit = _integer(call, "MaxItems", DEFAULT_ITEMS)
    if limit not in MAX_ITEMS:
        raise RamError("InvalidParameter.MaxItems", f"MaxItems must be {MAX_ITEMS.start} to {MAX_ITEMS.stop - 1}.")
    marker = call.parameters.get("Marker", "")
    after = [item for item in items if name(item) > marker]
    page = after[:limit]
    if len(after) <= limit:
        return page, {"IsTruncated": False}
    return page, {"IsTruncated": True, "Marker": name(page[-1])}
