"""The actions on roles."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.ram.api.calls import Calls, cut_page, reader
from localcloud.ram.api.tags import read_tags
from localcloud.ram.model import DEFAULT_SESSION, Role


class RoleCalls(Calls):
    """The actions on roles."""

    def create(self, call: Call) -> Answer:
        """CreateRole."""
        name = self.name(call, "Role")
        role = self._ram.create_role(
            name,
            trust_policy=reader.required(call, "AssumeRolePolicyDocument"),
            description=call.parameters.get("Description", ""),
            max_session=reader.whole(call, "MaxSessionDuration", DEFAULT_SESSION),
            tags=read_tags(call),
        )
        return {"Role": self._write(role, document=True)}

    def get(self, call: Call) -> Answer:
        """GetRole."""
        return {"Role": self._write(self._ram.get_role(self.name(call, "Role")), document=True)}

    def list(self, call: Call) -> Answer:
        """ListRoles."""
        self.allow(call, "role/*")
        page, rest = cut_page(call, self._ram.roles(), lambda role: role.name)
        return {"Roles": {"Role": [self._write(role, document=False) for role in page]}, **rest}

    def update(self, call: Call) -> Answer:
        """UpdateRole."""
        name = self.name(call, "Role")
        limit = call.parameters.get("NewMaxSessionDuration")
        role = self._ram.update_role(
            name,
            trust_policy=call.parameters.get("NewAssumeRolePolicyDocument"),
            description=call.parameters.get("NewDescription"),
            max_session=None if limit is None else reader.whole(call, "NewMaxSessionDuration", DEFAULT_SESSION),
        )
        return {"Role": self._write(role, document=True)}

    def delete(self, call: Call) -> Answer:
        """DeleteRole."""
        self._ram.delete_role(self.name(call, "Role"))
        return {}

    def _write(self, role: Role, *, document: bool) -> Answer:
        return {
            "RoleName": role.name,
            "RoleId": role.role_id,
            "Arn": self._ram.role_arn(role.name),
            "Description": role.description,
            "MaxSessionDuration": role.max_session,
            "CreateDate": to_seconds(role.created),
            "UpdateDate": to_seconds(role.updated),
            **({"AssumeRolePolicyDocument": role.trust_policy} if document else {}),
        }
