"""Sessions: a role is assumed, its credential found again after a restart, and forgotten a day after it expired.

A session whose role is deleted is forgotten at once (assumed). Expired ones are kept for a day, so that who uses one is
told that it expired and not that it never was.
"""

from __future__ import annotations

import re
import secrets
import string
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from localcloud.kernel.identity import Credential, Identity, account_of
from localcloud.ram.model import DEFAULT_SESSION, AssumableRoles, Role
from localcloud.ram.policy import MAX_DOCUMENT, MalformedPolicyError, parse_policy
from localcloud.sts.errors import StsError
from localcloud.sts.model import Session
from localcloud.sts.store import SessionStore

KEPT = 24 * 3600  # seconds after expiry
MIN_SESSION = 900  # seconds (AssumeRole, DurationSeconds)
_ALPHABET = string.ascii_letters + string.digits
_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")


class StsService:
    """The sessions of all accounts. Implements `identity.CredentialStore`; safe for threads.

    Args:
        folder: where sessions are kept; what is there is loaded, and what belongs to no role any more is forgotten.
        account_id: the account whose services of the cloud get credentials.
        roles: the roles of all accounts.
        clock: seconds since the epoch.

    Raises:
        LocalCloudError: a session on disk cannot be read.
    """

    def __init__(self, folder: Path, *, account_id: str, roles: AssumableRoles, clock: Callable[[], float]) -> None:
        self._account_id = account_id
        self._roles = roles
        self._clock = clock
        # Held from the look at a role to its session, and while sessions are forgotten: none outlives its role.
        self._lock = threading.Lock()
        self._store = SessionStore(folder)
        self._sessions = {session.credential.access_key_id: session for session in self._store.load()}
        role_ids = {role.role_id for role in roles.roles()}
        self._forget(lambda session: bool(session.role_id) and session.role_id not in role_ids)
        roles.subscribe(self.end)

    def find(self, access_key_id: str) -> Credential | None:
        """Return a session's credential, also an expired one."""
        session = self._sessions.get(access_key_id)
        return session.credential if session else None

    def role_id(self, role_arn: str) -> str:
        """Return the id of a role.

        Raises:
            StsError: EntityNotExist.Role.
        """
        return self._role(role_arn).role_id

    def assume_role(
        self,
        caller: Identity,
        role_arn: str,
        *,
        session_name: str,
        duration: int = DEFAULT_SESSION,
        session_policy: str | None = None,
        conditions: Mapping[str, str] | None = None,
    ) -> Credential:
        """Let an identity assume a role, of its own account or of one whose trust policy names it.

        The real STS refuses the account's own key and wants a RAM user's; here the account's key stands for an administrator, so
        that nobody has to make a user first.

        Args:
            caller: who asks.
            role_arn: the role.
            session_name: 2 to 64 of letters, digits, `.`, `@`, `_` and `-`.
            duration: seconds, from 900 to the role's longest session.
            session_policy: JSON document that limits the session further.
            conditions: condition keys of the request, for the trust policy.

        Raises:
            StsError: EntityNotExist.Role, NoPermission, or an InvalidParameter.
        """
        if session_policy is not None:
            _check_session_policy(session_policy)
        asked = conditions or {}
        with self._lock:
            role = self._assumable(role_arn, _principals(caller), asked)
            if not self._roles.is_granted(caller, action="sts:AssumeRole", resource=role_arn, conditions=asked):
                raise _not_assumable(role_arn, "the caller's policies do not allow sts:AssumeRole")
            if not MIN_SESSION <= duration <= role.max_session:
                raise StsError(
                    "InvalidParameter.DurationSeconds",
                    f"DurationSeconds is {duration}; it must be {MIN_SESSION} to {role.max_session} for {role.name}.",
                )
            return self._issue(role, role_arn, session_name, duration, session_policy)

    def assume_role_for_service(self, role_arn: str, *, service: str, session_name: str, duration: int) -> Credential:
        """Let a service of the cloud assume a role of the account on its user's behalf.

        Args:
            role_arn: the role.
            service: the service's principal, `fc.aliyuncs.com`.
            session_name: 2 to 64 of letters, digits, `.`, `@`, `_` and `-`.
            duration: seconds; the role's longest session does not bind services.

        Raises:
            StsError: EntityNotExist.Role; NoPermission when the trust policy does not name the service;
                InvalidParameter.RoleSessionName.
        """
        if account_of(role_arn) != self._account_id:
            raise _no_such_role(role_arn)
        with self._lock:
            role = self._assumable(role_arn, [("Service", service)], {})
            return self._issue(role, role_arn, session_name, duration)

    def lend(self, policy: str, *, session_name: str, duration: int) -> Credential:
        """Let whoever a service hands the credential to do what a policy says, and nothing else, for the account.

        Args:
            policy: JSON document.
            session_name: 2 to 64 of letters, digits, `.`, `@`, `_` and `-`.
            duration: seconds.

        Raises:
            StsError: InvalidParameter.PolicyGrammar, InvalidParameter.RoleSessionName.
        """
        _check_session_policy(policy)
        with self._lock:
            return self._issue(None, None, session_name, duration, policy)

    def end(self, role: Role) -> None:
        """Forget all sessions of a role."""
        with self._lock:
            self._forget(lambda session: session.role_id == role.role_id)

    def _role(self, role_arn: str) -> Role:
        role = self._roles.find_role(role_arn)
        if role is None:
            raise _no_such_role(role_arn)
        return role

    def _assumable(self, role_arn: str, names: Sequence[tuple[str, str]], conditions: Mapping[str, str]) -> Role:
        role = self._role(role_arn)
        if not self._roles.is_trusted(role, names, conditions):
            trusted = " or ".join(f"{kind} {name}" for kind, name in names)
            raise _not_assumable(role_arn, f"the role's trust policy does not name {trusted}")
        return role

    def _issue(
        self,
        role: Role | None,
        role_arn: str | None,
        session_name: str,
        duration: int,
        session_policy: str | None = None,
    ) -> Credential:
        if not _SESSION_NAME.fullmatch(session_name):
            raise StsError(
                "InvalidParameter.RoleSessionName",
                "The parameter RoleSessionName is wrongly formed: use 2 to 64 of letters, digits, . @ _ and -.",
            )
        now = self._clock()
        self._forget(lambda session: session.expires_at + KEPT <= now)
        credential = Credential(
            access_key_id=f"STS.{_random(25)}",
            access_key_secret=_random(44),
            security_token=secrets.token_urlsafe(192),
            expires_at=now + duration,
            identity=Identity(
                account_id=account_of(role_arn) if role_arn else self._account_id,
                role_arn=role_arn,
                session_name=session_name,
                session_policy=session_policy,
            ),
        )
        session = Session(credential=credential, role_id=role.role_id if role else "", expires_at=now + duration)
        self._store.save(session)
        self._sessions = {**self._sessions, credential.access_key_id: session}
        return credential

    def _forget(self, gone: Callable[[Session], bool]) -> None:
        forgotten = [session for session in self._sessions.values() if gone(session)]
        self._sessions = {key: session for key, session in self._sessions.items() if not gone(session)}
        self._store.remove(forgotten)


def _no_such_role(role_arn: str) -> StsError:
    return StsError("EntityNotExist.Role", f"The role not exists: {role_arn}.")


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _principals(caller: Identity) -> list[tuple[str, str]]:
    return [("RAM", name) for name in dict.fromkeys((f"acs:ram::{caller.account_id}:root", caller.principal))]


def _not_assumable(role_arn: str, reason: str) -> StsError:
    return StsError(
        "NoPermission", f"You are not authorized to do this action: sts:AssumeRole on {role_arn}: {reason}."
    )


def _check_session_policy(document: str) -> None:
    try:
        if len(document) > MAX_DOCUMENT:
            raise MalformedPolicyError(f"it has {len(document)} characters; the limit is {MAX_DOCUMENT}")
        parse_policy(document)
    except MalformedPolicyError as error:
        raise StsError(
            "InvalidParameter.PolicyGrammar", f"The parameter Policy has not passed grammar check: {error}."
        ) from error
