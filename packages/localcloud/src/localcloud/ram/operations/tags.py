"""Tags of roles and of policies.

Source: RAM API, "TagResources", "UntagResources", "ListTagResources".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from localcloud.ram.errors import RamError
from localcloud.ram.model import ManagedPolicy, Role
from localcloud.ram.operations.entities import MAX_TAGS, check_tags
from localcloud.ram.operations.policies import Policies
from localcloud.ram.operations.roles import Roles

TaggedKind = Literal["role", "policy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tag:
    """One tag of a role or policy."""

    resource: str
    key: str
    value: str


class Tags(Roles, Policies):
    """The tags of the account's roles and custom policies."""

    def tag(self, kind: TaggedKind, names: Sequence[str], tags: Mapping[str, str]) -> None:
        """Add tags to roles or policies, or replace those of the same keys; all of them, or none.

        Raises:
            RamError: EntityNotExist, InvalidParameter or LimitExceeded.
        """
        check_tags(tags)
        self._retag(kind, names, lambda before: {**before, **tags})

    def untag(self, kind: TaggedKind, names: Sequence[str], keys: Collection[str] | None) -> None:
        """Remove tags of some keys, or with None all of them.

        Raises:
            RamError: EntityNotExist.
        """
        self._retag(
            kind,
            names,
            lambda before: {key: value for key, value in before.items() if keys is not None and key not in keys},
        )

    def tags(self, kind: TaggedKind) -> list[Tag]:
        """Return all tags of roles or policies, in the order of names and keys."""
        entities = self._kept
        holders: Mapping[str, Role | ManagedPolicy] = {**entities.roles} if kind == "role" else {**entities.policies}
        return [
            Tag(resource=name, key=key, value=value)
            for name, holder in sorted(holders.items())
            for key, value in sorted(holder.tags.items())
        ]

    def _retag(
        self, kind: TaggedKind, names: Sequence[str], change: Callable[[Mapping[str, str]], dict[str, str]]
    ) -> None:
        with self._lock:
            roles, policies = dict(self._kept.roles), dict(self._kept.policies)
            for name in names:
                tags = change((self.get_role(name) if kind == "role" else self.get_policy(name, "Custom")).tags)
                if len(tags) > MAX_TAGS:
                    raise RamError(
                        "LimitExceeded.Tag", f"The {kind} {name} would have {len(tags)} tags; the most are {MAX_TAGS}."
                    )
                if kind == "role":
                    roles[name] = replace(roles[name], tags=tags)
                else:
                    policies[name] = replace(policies[name], tags=tags)
            self._save(replace(self._kept, roles=roles, policies=policies))
