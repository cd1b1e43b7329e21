"""Aliases: names of keys, which can be given to other keys.

Sources: KMS API reference, "CreateAlias", "UpdateAlias", "DeleteAlias"; "Overview of aliases".
"""

from __future__ import annotations

from dataclasses import replace

from localcloud.kms.errors import KmsError
from localcloud.kms.model import ALIAS, MANAGED, SERVICES, default_key_id
from localcloud.kms.operations.keys import Keys

MOST = 10_000  # aliases of an account; assumed


class Aliases(Keys):
    """The aliases of the account's keys."""

    def create_alias(self, name: str, key_id: str) -> None:
        """Give a key an alias.

        Raises:
            KmsError: InvalidParameter (name), Forbidden.KeyNotFound, AliasAlreadyExists, Rejected.LimitExceeded.
        """
        _check_name(name)
        with self._lock:
            self.key(key_id)
            aliases = self._contents.aliases
            if name in aliases:
                raise KmsError("AliasAlreadyExists", "AliasName Already Exists.")
            if len(aliases) >= MOST:
                raise KmsError(
                    "Rejected.LimitExceeded",
                    "The request was rejected because user create resource limit was exceeded.",
                )
            self._save(replace(self._contents, aliases={**aliases, name: key_id}))

    def update_alias(self, name: str, key_id: str) -> None:
        """Give an alias to another key.

        Raises:
            KmsError: Forbidden.AliasNotFound, Forbidden.KeyNotFound.
        """
        with self._lock:
            self.alias(name)
            self.key(key_id)
            self._save(replace(self._contents, aliases={**self._contents.aliases, name: key_id}))

    def delete_alias(self, name: str) -> None:
        """Remove an alias; its key stays.

        Raises:
            KmsError: Forbidden.AliasNotFound.
        """
        with self._lock:
            self.alias(name)
            rest = {each: key_id for each, key_id in self._contents.aliases.items() if each != name}
            self._save(replace(self._contents, aliases=rest))

    def alias(self, name: str) -> str:
        """Return the id of the key that a user's alias names.

        Raises:
            KmsError: Forbidden.AliasNotFound.
        """
        if name not in self._contents.aliases:
            raise alias_not_found()
        return self._contents.aliases[name]

    def aliases(self) -> list[tuple[str, str]]:
        """Return all aliases and the ids of their keys, by name; those of services' keys that were used among them."""
        contents = self._contents
        managed = {f"{MANAGED}{service}": default_key_id(self._account_id, service) for service in SERVICES}
        used = {name: key_id for name, key_id in managed.items() if key_id in contents.keys}
        return sorted({**contents.aliases, **used}.items())


def alias_not_found() -> KmsError:
    """Return the error for an alias that is not there."""
    return KmsError("Forbidden.AliasNotFound", "The specified Alias is not found.")


def _check_name(name: str) -> None:
    if not ALIAS.fullmatch(name) or name.startswith(MANAGED):
        raise KmsError(
            "InvalidParameter",
            "The specified parameter AliasName is not valid: alias/ and up to 249 letters, digits, / _ and -, not alias/acs/….",
        )
