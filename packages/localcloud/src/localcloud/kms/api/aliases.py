"""The actions on aliases.

Sources: KMS API reference 2016-01-20; the models of alibabacloud_kms20160120.
"""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kms.api.calls import MAX_NAME, Calls, cut_page, reader


class AliasCalls(Calls):
    """The actions on aliases."""

    def create(self, call: Call) -> Answer:
        """CreateAlias."""
        name = self._name(call)
        self._kms.create_alias(name, self.key_id(call))
        return {}

    def update(self, call: Call) -> Answer:
        """UpdateAlias."""
        name = self._name(call)
        self._kms.update_alias(name, self.key_id(call))
        return {}

    def delete(self, call: Call) -> Answer:
        """DeleteAlias."""
        self._kms.delete_alias(self._name(call))
        return {}

    def list(self, call: Call) -> Answer:
        """ListAliases."""
        self.allow(call, "alias")
        return self._page(call, self._kms.aliases())

    def list_of_key(self, call: Call) -> Answer:
        """ListAliasesByKeyId."""
        key_id = self._kms.key(self.key_id(call)).key_id
        return self._page(call, [each for each in self._kms.aliases() if each[1] == key_id])

    def _name(self, call: Call) -> str:
        """Return the alias that a call is about; its caller has the right to it."""
        name = reader.name(call, "AliasName", MAX_NAME)
        self.allow(call, name if name.startswith("alias/") else f"alias/{name}")
        return name

    def _page(self, call: Call, aliases: Sequence[tuple[str, str]]) -> Answer:
        page, rest = cut_page(
            call, aliases, lambda each: {"AliasName": each[0], "AliasArn": self.arn(each[0]), "KeyId": each[1]}
        )
        return {"Aliases": {"Alias": page}, **rest}
