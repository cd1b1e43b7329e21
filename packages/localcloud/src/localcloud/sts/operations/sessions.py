"""STS sessions: issued, found again after a restart, and forgotten a day after they expired.

A session whose role is deleted is forgotten at once (assumed). Expired ones are kept for a day, so that who uses one is
told that it expired and not that it never was.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Collection

from localcloud.kernel.identity import Credential, Identity
from localcloud.ram.model import Role, Session
from localcloud.ram.store import RamStore

KEPT = 24 * 3600  # seconds after expiry
_ALPHABET = string.ascii_letters + string.digits


class Sessions:
    """All sessions of the account. Not safe for threads: its owner locks."""

    def __init__(self, store: RamStore, *, clock: Callable[[], float], roles: Collection[Role]) -> None:
        """Load what was issued before, and forget what belongs to no role any more.

        Args:
            store: where sessions are kept.
            clock: seconds since the epoch.
            roles: the roles there are.
        """
        self._store = store
        self._clock = clock
        self._sessions = {session.credential.access_key_id: session for session in store.load_sessions()}
        role_ids = {role.role_id for role in roles}
        self._forget(lambda session: session.role_id not in role_ids)

    def find(self, access_key_id: str) -> Credential | None:
        """Return a session's credential, also an expired one."""
        session = self._sessions.get(access_key_id)
        return session.credential if session else None

    def issue(self, role: Role, identity: Identity, duration: int) -> Credential:
        """Return a new credential.

        Args:
            role: the role assumed.
            identity: who the credential's owner then is.
            duration: seconds that it lives.
        """
        now = self._clock()
        self._forget(lambda session: session.expires_at + KEPT <= now)
        credential = Credential(
            access_key_id=f"STS.{_random(25)}",
            access_key_secret=_random(44),
            security_token=secrets.token_urlsafe(192),
            expires_at=now + duration,
            identity=identity,
        )
        session = Session(credential=credential, role_id=role.role_id, expires_at=now + duration)
        self._store.save_session(session)
        self._sessions = {**self._sessions, credential.access_key_id: session}
        return credential

    def end(self, role: Role) -> None:
        """Forget all sessions of a role."""
        self._forget(lambda session: session.role_id == role.role_id)

    def _forget(self, gone: Callable[[Session], bool]) -> None:
        forgotten = [session for session in self._sessions.values() if gone(session)]
        self._sessions = {key: session for key, session in self._sessions.items() if not gone(session)}
        self._store.remove_sessions(forgotten)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
