"""The actions on users and their access keys."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.ram.api.calls import Calls, cut_page, reader
from localcloud.ram.errors import RamError
from localcloud.ram.model import AccessKey, User

FIELDS = ("DisplayName", "Comments", "Email", "MobilePhone")  # of a user, which CreateUser and UpdateUser set


class UserCalls(Calls):
    """The actions on users."""

    def create(self, call: Call) -> Answer:
        """CreateUser."""
        name = self.name(call, "User")
        display_name, comments, email, mobile_phone = (call.parameters.get(field, "") for field in FIELDS)
        user = self._ram.create_user(
            name, display_name=display_name, comments=comments, email=email, mobile_phone=mobile_phone
        )
        return {"User": self._write(user)}

    def get(self, call: Call) -> Answer:
        """GetUser."""
        return {"User": self._write(self._ram.get_user(self.name(call, "User")))}

    def list(self, call: Call) -> Answer:
        """ListUsers."""
        self.allow(call, "user/*")
        page, rest = cut_page(call, self._ram.users(), lambda user: user.name)
        return {"Users": {"User": [self._write(user) for user in page]}, **rest}

    def update(self, call: Call) -> Answer:
        """UpdateUser."""
        name = self.name(call, "User")
        display_name, comments, email, mobile_phone = (call.parameters.get(f"New{field}") for field in FIELDS)
        user = self._ram.update_user(
            name,
            new_name=self._new_name(call),
            display_name=display_name,
            comments=comments,
            email=email,
            mobile_phone=mobile_phone,
        )
        return {"User": self._write(user)}

    def delete(self, call: Call) -> Answer:
        """DeleteUser."""
        self._ram.delete_user(self.name(call, "User"))
        return {}

    def _new_name(self, call: Call) -> str | None:
        name = call.parameters.get("NewUserName")
        if name is not None:
            self.allow(call, f"user/{name}")
        return name

    def _write(self, user: User) -> Answer:
        return {
            "UserName": user.name,
            "UserId": user.user_id,
            "DisplayName": user.display_name,
            "Comments": user.comments,
            "Email": user.email,
            "MobilePhone": user.mobile_phone,
            "CreateDate": to_seconds(user.created),
            "UpdateDate": to_seconds(user.updated),
        }


class AccessKeyCalls(Calls):
    """The actions on access keys; without a name they are about the keys of the user who calls."""

    def create(self, call: Call) -> Answer:
        """CreateAccessKey."""
        key = self._ram.create_access_key(self._user(call))
        return {"AccessKey": {**_write_key(key), "AccessKeySecret": key.access_key_secret}}

    def list(self, call: Call) -> Answer:
        """ListAccessKeys."""
        keys = self._ram.access_keys(self._user(call))
        return {"AccessKeys": {"AccessKey": [_write_key(key) for key in keys]}}

    def update(self, call: Call) -> Answer:
        """UpdateAccessKey."""
        user, key = self._user(call), reader.required(call, "UserAccessKeyId")
        reader.required(call, "Status")
        active = reader.choice(call, "Status", ("Active", "Inactive"), "") == "Active"
        self._ram.set_access_key_status(user, key, "Active" if active else "Inactive")
        return {}

    def delete(self, call: Call) -> Answer:
        """DeleteAccessKey."""
        self._ram.delete_access_key(self._user(call), reader.required(call, "UserAccessKeyId"))
        return {}

    def _user(self, call: Call) -> str:
        if "UserName" in call.parameters:
            return self.name(call, "User")
        if call.identity.user_arn is None:
            raise RamError("MissingParameter.UserName", "The parameter UserName is missing: the caller is no user.")
        name = call.identity.user_arn.partition("/")[2]
        self.allow(call, f"user/{name}")
        return name


def _write_key(key: AccessKey) -> Answer:
    return {"AccessKeyId": key.access_key_id, "Status": key.status, "CreateDate": to_seconds(key.created)}
