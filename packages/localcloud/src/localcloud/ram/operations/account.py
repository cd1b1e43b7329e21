"""The settings of the account: its alias, the rules for passwords, and what users may do in the console. Kept and told.

Source: RAM API, "SetAccountAlias", "SetPasswordPolicy", "SetSecurityPreference".
"""

from __future__ import annotations

import re
from dataclasses import replace

from localcloud.ram.errors import RamError
from localcloud.ram.model import AccountSettings, PasswordRules, SecurityPreference
from localcloud.ram.operations.entities import EntityKeeper, check_name

_ALIAS = re.compile(r"(?=.{3,32}\Z)[a-z0-9]+(-[a-z0-9]+)*")
LEAST = range(8, 32 + 1)  # characters of a password, at least
AGES = range(1095 + 1)  # days
HISTORY = range(24 + 1)
ATTEMPTS = range(32 + 1)
SESSIONS = range(1, 24 + 1)  # hours; assumed


class Preferences(EntityKeeper):
    """The settings of the account."""

    @property
    def account(self) -> AccountSettings:
        """The settings as they are."""
        return self._kept.account

    def set_alias(self, alias: str) -> None:
        """Give the account an alias; an empty one takes it away.

        Raises:
            RamError: InvalidParameter.
        """
        if alias:
            check_name("AccountAlias", alias, _ALIAS)
        with self._lock:
            self._save_account(replace(self.account, alias=alias))

    def set_password_rules(self, rules: PasswordRules) -> None:
        """Replace the rules for passwords."""
        with self._lock:
            self._save_account(replace(self.account, passwords=rules))

    def set_preference(self, preference: SecurityPreference) -> None:
        """Replace what users may do in the console."""
        with self._lock:
            self._save_account(replace(self.account, preference=preference))

    def _save_account(self, account: AccountSettings) -> None:
        self._save(replace(self._kept, account=account))


def check_password(password: str, rules: PasswordRules) -> None:
    """Refuse a password that does not keep the rules; its text is nowhere in the error.

    Raises:
        RamError: InvalidParameter.Password (the code is assumed).
    """
    for wanted, kept, what in (
        (True, len(password) >= rules.least, f"at least {rules.least} characters"),
        (rules.lower, any(map(str.islower, password)), "a lower-case letter"),
        (rules.upper, any(map(str.isupper, password)), "an upper-case letter"),
        (rules.digits, any(map(str.isdecimal, password)), "a digit"),
        (rules.symbols, not password.isalnum(), "a character that is neither letter nor digit"),
    ):
        if wanted and not kept:
            raise RamError(
                "InvalidParameter.Password", f"The password does not keep the password policy: it needs {what}."
            )
