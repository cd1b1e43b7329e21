"""The actions on the account's settings, and on devices for a second factor, of which there are none."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.ram.api.calls import Calls, read_flag, reader
from localcloud.ram.errors import RamError
from localcloud.ram.model import PasswordRules, SecurityPreference
from localcloud.ram.operations.account import AGES, ATTEMPTS, HISTORY, LEAST, SESSIONS

EVERYTHING = "*"  # the resource of actions on the account
# The parameters of SetPasswordPolicy and of SetSecurityPreference, written as RAM writes them.
PASSWORDS = (
    *("MinimumPasswordLength", "RequireLowercaseCharacters", "RequireUppercaseCharacters", "RequireNumbers"),
    *("RequireSymbols", "HardExpiry", "MaxPasswordAge", "PasswordReusePrevention", "MaxLoginAttemps"),
)
PREFERENCE = (
    *("EnableSaveMFATicket", "AllowUserToChangePassword", "AllowUserToManageAccessKeys"),
    *("AllowUserToManageMFADevices", "LoginSessionDuration", "LoginNetworkMasks"),
)


class AccountCalls(Calls):
    """The actions on the account."""

    def get_alias(self, call: Call) -> Answer:
        """GetAccountAlias."""
        self.allow(call, EVERYTHING)
        return {"AccountAlias": self._ram.account.alias}

    def set_alias(self, call: Call) -> Answer:
        """SetAccountAlias."""
        self.allow(call, EVERYTHING)
        self._ram.set_alias(reader.required(call, "AccountAlias"))
        return {}

    def clear_alias(self, call: Call) -> Answer:
        """ClearAccountAlias."""
        self.allow(call, EVERYTHING)
        self._ram.set_alias("")
        return {}

    def get_password_policy(self, call: Call) -> Answer:
        """GetPasswordPolicy."""
        self.allow(call, EVERYTHING)
        return self._password_policy()

    def set_password_policy(self, call: Call) -> Answer:
        """SetPasswordPolicy; what is not given gets its default."""
        self.allow(call, EVERYTHING)
        usual = PasswordRules()
        self._ram.set_password_rules(
            PasswordRules(
                least=reader.whole(call, "MinimumPasswordLength", usual.least, LEAST),
                lower=read_flag(call, "RequireLowercaseCharacters", usual.lower),
                upper=read_flag(call, "RequireUppercaseCharacters", usual.upper),
                digits=read_flag(call, "RequireNumbers", usual.digits),
                symbols=read_flag(call, "RequireSymbols", usual.symbols),
                hard_expiry=read_flag(call, "HardExpiry", usual.hard_expiry),
                max_age=reader.whole(call, "MaxPasswordAge", usual.max_age, AGES),
                history=reader.whole(call, "PasswordReusePrevention", usual.history, HISTORY),
                attempts=reader.whole(call, "MaxLoginAttemps", usual.attempts, ATTEMPTS),
            )
        )
        return self._password_policy()

    def get_preference(self, call: Call) -> Answer:
        """GetSecurityPreference."""
        self.allow(call, EVERYTHING)
        return self._preference()

    def set_preference(self, call: Call) -> Answer:
        """SetSecurityPreference; what is not given stays."""
        self.allow(call, EVERYTHING)
        old = self._ram.account.preference
        self._ram.set_preference(
            SecurityPreference(
                save_mfa_ticket=read_flag(call, "EnableSaveMFATicket", old.save_mfa_ticket),
                change_password=read_flag(call, "AllowUserToChangePassword", old.change_password),
                manage_keys=read_flag(call, "AllowUserToManageAccessKeys", old.manage_keys),
                manage_mfa=read_flag(call, "AllowUserToManageMFADevices", old.manage_mfa),
                session_hours=reader.whole(call, "LoginSessionDuration", old.session_hours, SESSIONS),
                networks=call.parameters.get("LoginNetworkMasks", old.networks),
            )
        )
        return self._preference()

    def list_devices(self, call: Call) -> Answer:
        """ListVirtualMFADevices."""
        self.allow(call, "mfa/*")
        return {"VirtualMFADevices": {"VirtualMFADevice": []}}

    def find_device(self, call: Call) -> Answer:
        """GetUserMFAInfo, UnbindMFADevice."""
        user = self._ram.get_user(self.name(call, "User"))
        raise RamError("EntityNotExist.User.MFADevice", f"The user has not bound any MFA device: {user.name}.")

    def _password_policy(self) -> Answer:
        rules = self._ram.account.passwords
        values = (
            *(rules.least, rules.lower, rules.upper, rules.digits),
            *(rules.symbols, rules.hard_expiry, rules.max_age, rules.history, rules.attempts),
        )
        return {"PasswordPolicy": dict(zip(PASSWORDS, values, strict=True))}

    def _preference(self) -> Answer:
        found = self._ram.account.preference
        return {
            "SecurityPreference": {
                "LoginProfilePreference": {
                    "EnableSaveMFATicket": found.save_mfa_ticket,
                    "AllowUserToChangePassword": found.change_password,
                    "LoginSessionDuration": found.session_hours,
                    "LoginNetworkMasks": found.networks,
                },
                "AccessKeyPreference": {"AllowUserToManageAccessKeys": found.manage_keys},
                "MFAPreference": {"AllowUserToManageMFADevices": found.manage_mfa},
            }
        }
