"""Roles. Names and ARNs follow RAM, "Terms" and "API reference"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from localcloud.kernel.documents import KeptDocument
from localcloud.ram.errors import RamError
from localcloud.ram.model import DEFAULT_SESSION, Entities, Role
from localcloud.ram.operations.entities import (
    MAX_DESCRIPTION,
    NO_TAGS,
    EntityKeeper,
    by_name,
    check_document,
    check_free,
    check_name,
    check_tags,
    check_text,
    find_entity,
    new_id,
    without,
)
from localcloud.ram.policy import parse_trust_policy

ROLE_SESSION = range(3600, 43200 + 1)  # seconds that a role's MaxSessionDuration may be (CreateRole)
_ROLE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Roles(EntityKeeper):
    """The roles of the account."""

    def __init__(self, store: KeptDocument[Entities], *, account_id: str, clock: Callable[[], float]) -> None:
        super().__init__(store, account_id=account_id, clock=clock)
        self._subscribers: list[Callable[[Role], None]] = []

    def subscribe(self, tell: Callable[[Role], None]) -> None:
        """Have a function called with each role that was deleted, before another change of an entity."""
        self._subscribers.append(tell)

    def create_role(
        self,
        name: str,
        *,
        trust_policy: str,
        description: str = "",
        max_session: int = DEFAULT_SESSION,
        tags: Mapping[str, str] = NO_TAGS,
    ) -> Role:
        """Make a role.

        Args:
            name: letters, digits, `.`, `_` and `-`, at most 64.
            trust_policy: JSON document that says who may assume it.
            description: free text.
            max_session: longest session, in seconds, 3600 to 43200.
            tags: its tags.

        Raises:
            RamError: EntityAlreadyExists.Role, MalformedPolicyDocument or InvalidParameter.
        """
        check_name("RoleName", name, _ROLE_NAME)
        check_document(trust_policy, parse_trust_policy)
        check_text("Description", description, MAX_DESCRIPTION)
        _check_max_session(max_session)
        check_tags(tags)
        with self._lock:
            check_free(self._kept.roles, "Role", name)
            now = self._clock()
            role = Role(
                name=name,
                role_id=new_id("3"),
                description=description,
                trust_policy=trust_policy,
                max_session=max_session,
                created=now,
                updated=now,
                tags=dict(tags),
            )
            self._save(replace(self._kept, roles={**self._kept.roles, name: role}))
        return role

    def get_role(self, name: str) -> Role:
        """Return a role.

        Raises:
            RamError: EntityNotExist.Role.
        """
        return find_entity(self._kept.roles, "Role", name)

    def roles(self) -> list[Role]:
        """Return all roles, by name."""
        return by_name(self._kept.roles)

    def update_role(
        self,
        name: str,
        *,
        trust_policy: str | None = None,
        description: str | None = None,
        max_session: int | None = None,
    ) -> Role:
        """Change what is given of a role; None leaves it.

        Raises:
            RamError: EntityNotExist.Role, MalformedPolicyDocument or InvalidParameter.
        """
        check_text("NewDescription", description, MAX_DESCRIPTION)
        if trust_policy is not None:
            check_document(trust_policy, parse_trust_policy)
        if max_session is not None:
            _check_max_session(max_session)
        with self._lock:
            old = self.get_role(name)
            role = replace(
                old,
                trust_policy=old.trust_policy if trust_policy is None else trust_policy,
                description=old.description if description is None else description,
                max_session=old.max_session if max_session is None else max_session,
                updated=self._clock(),
            )
            self._save(replace(self._kept, roles={**self._kept.roles, name: role}))
        return role

    def delete_role(self, name: str) -> None:
        """Remove a role that has no policies, and tell the subscribers.

        Raises:
            RamError: EntityNotExist.Role or DeleteConflict.Role.Policy.
        """
        with self._lock:
            role = self.get_role(name)
            if self._kept.attached_to("Role", name):
                raise RamError(
                    "DeleteConflict.Role.Policy", f"The role {name} has policies attached to it; detach them first."
                )
            self._save(replace(self._kept, roles=without(self._kept.roles, name)))
            for tell in self._subscribers:
                tell(role)

    def find_role(self, arn: str) -> Role | None:
        """Return the role of an ARN; None: there is none."""
        role = self._kept.roles.get(arn.removeprefix(self.role_arn("")))
        return role if role is not None and arn == self.role_arn(role.name) else None


def _check_max_session(seconds: int) -> None:
    if seconds not in ROLE_SESSION:
        raise RamError(
            "InvalidParameter.MaxSessionDuration",
            f"MaxSessionDuration is {seconds}; it must be {ROLE_SESSION.start} to {ROLE_SESSION.stop - 1} seconds.",
        )
