"""Decisions: what an identity may do, and who may assume a role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from localcloud.kernel.identity import Identity, account_of
from localcloud.kernel.times import to_seconds
from localcloud.ram.model import Attachment, Entities, Role
from localcloud.ram.operations.entities import EntityKeeper, attached_policy
from localcloud.ram.policy import (
    Request,
    Statement,
    is_allowed,
    is_denied,
    is_trusted,
    parse_policy,
    parse_trust_policy,
)


class Decisions(EntityKeeper):
    """The decisions that follow from the account's policies. Implements `identity.Authorizer`.

    To the conditions of a request, `acs:CurrentTime` is added.
    """

    def is_allowed(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """Return True if the identity's policies allow the action on what is the account's own (see `identity.Authorizer`)."""
        owner = account_of(resource)  # `*` and `system` are nobody's
        if owner.isdigit() and owner != self._account_id:
            return False
        return self.is_granted(identity, action=action, resource=resource, conditions=conditions)

    def is_granted(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """Return True if the identity's policies allow the action; another account's resource needs its owner's permission, too.

        A role may do what its policies allow, a user what its own and its groups' allow; a session policy limits that further.
        """
        if identity.account_id != self._account_id:
            return False
        if identity.is_account:
            return True
        request = Request(action=action, resource=resource, conditions=self._with_time(conditions))
        allowed = identity.acts_for_account or is_allowed(self._statements(identity), request)
        return allowed and _session_allows(identity, request)

    def is_denied(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """Return True if the identity may not do the action, whoever else allows it (see `identity.Authorizer`)."""
        if identity.account_id != self._account_id or identity.is_account:
            return False
        request = Request(action=action, resource=resource, conditions=self._with_time(conditions))
        return is_denied(self._statements(identity), request) or not _session_allows(identity, request)

    def is_trusted(self, role: Role, principals: Iterable[tuple[str, str]], conditions: Mapping[str, str]) -> bool:
        """Return True if a role's trust policy lets one of the principals assume the role (see `policy.is_trusted`)."""
        return is_trusted(parse_trust_policy(role.trust_policy), principals, self._with_time(conditions))

    def _statements(self, identity: Identity) -> list[Statement]:
        """Return the statements of all policies of a user or role; the account has none."""
        entities = self._kept  # one moment's, whatever other threads do
        policies = [attached_policy(entities, attachment) for attachment in _attachments(entities, identity)]
        return [statement for policy in policies for statement in parse_policy(policy.default.document)]

    def _with_time(self, conditions: Mapping[str, str]) -> dict[str, str]:
        return {"acs:CurrentTime": to_seconds(self._clock()), **conditions}


def _session_allows(identity: Identity, request: Request) -> bool:
    return identity.session_policy is None or is_allowed(parse_policy(identity.session_policy), request)


def _attachments(entities: Entities, identity: Identity) -> list[Attachment]:
    kind, _, name = identity.principal.rpartition(":")[2].partition("/")
    if kind == "role":
        return entities.attached_to("Role", name)
    groups = (entities.attached_to("Group", group.name) for group in entities.groups_of(name))
    return [*entities.attached_to("User", name), *chain.from_iterable(groups)]
