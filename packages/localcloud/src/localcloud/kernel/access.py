"""The question that every service asks before it acts: may this caller do that?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from localcloud.kernel.identity import Authorizer, Identity

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The sender of a request, and the conditions that policies may ask of it."""

    identity: Identity
    conditions: Mapping[str, str] = field(default_factory=dict)  # condition keys and their values

    @classmethod
    def of_request(cls, identity: Identity, *, source_ip: str | None, secure: bool) -> Caller:
        """Return the caller of an HTTP request.

        Args:
            identity: who signed it.
            source_ip: the address that it came from.
            secure: it came over TLS.
        """
        conditions = {"acs:SourceIp": source_ip or "", "acs:SecureTransport": str(secure).lower()}
        return cls(identity=identity, conditions=conditions)

    @property
    def principal(self) -> str:
        """See `Identity.principal`."""
        return self.identity.principal


@dataclass(frozen=True, kw_only=True, slots=True)
class Denial:
    """An action that a caller may not do."""

    caller: Caller
    action: str
    resource: str
    is_explicit: bool = False  # a policy denies it, rather than none allows it


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets callers do what their policies allow.

    Attributes:
        authorizer: decides.
        refuse: makes the service's own error of a denial.
    """

    authorizer: Authorizer
    refuse: Callable[[Denial], Exception]

    def require(self, caller: Caller, action: str, resource: str, more: Mapping[str, str] = NOTHING) -> None:
        """Refuse a caller that is not allowed to do something.

        Args:
            caller: who asks.
            action: the RAM action, `oss:GetObject`.
            resource: the RAM resource, `acs:oss:REGION:ACCOUNT:BUCKET/KEY`.
            more: condition keys that the action has beside the request's.

        Raises:
            Exception: the one that `refuse` makes of the denial.
        """
        conditions = {**caller.conditions, **more}
        if not self.authorizer.is_allowed(caller.identity, action=action, resource=resource, conditions=conditions):
            raise self.refuse(Denial(caller=caller, action=action, resource=resource))

    def check(self, caller: Caller, action: str, resource: str, more: Mapping[str, str] = NOTHING) -> None:
        """Refuse a caller whose own policies deny something that somebody else may have allowed; see `require`."""
        conditions = {**caller.conditions, **more}
        if self.authorizer.is_denied(caller.identity, action=action, resource=resource, conditions=conditions):
            raise self.refuse(Denial(caller=caller, action=action, resource=resource, is_explicit=True))
