"""The actions on how users log on to the console."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.ram.api.calls import Calls, read_flag, reader
from localcloud.ram.model import Login

FIELDS = ("Password", "PasswordResetRequired", "MFABindRequired")


class LoginCalls(Calls):
    """The actions on login profiles."""

    def create(self, call: Call) -> Answer:
        """CreateLoginProfile."""
        reader.required(call, "Password")
        return self._put(call, new=True)

    def update(self, call: Call) -> Answer:
        """UpdateLoginProfile."""
        return self._put(call, new=False)

    def get(self, call: Call) -> Answer:
        """GetLoginProfile."""
        name = self.name(call, "User")
        return _write(name, self._ram.login_of(name))

    def delete(self, call: Call) -> Answer:
        """DeleteLoginProfile."""
        self._ram.delete_login(self.name(call, "User"))
        return {}

    def _put(self, call: Call, *, new: bool) -> Answer:
        name = self.name(call, "User")
        login = self._ram.put_login(
            name,
            call.parameters.get("Password"),
            reset_required=read_flag(call, "PasswordResetRequired", None),
            mfa_required=read_flag(call, "MFABindRequired", None),
            new=new,
        )
        return _write(name, login)


def _write(name: str, login: Login) -> Answer:
    return {
        "LoginProfile": {
            "UserName": name,
            "PasswordResetRequired": login.reset_required,
            "MFABindRequired": login.mfa_required,
            "CreateDate": to_seconds(login.created),
        }
    }
