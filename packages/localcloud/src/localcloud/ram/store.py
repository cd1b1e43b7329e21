"""RAM's state on disk: `entities.json`, and one file per session in `sessions/`. Readable by its owner only.

Each file is written durably and all at once, so a process that is killed leaves either the old or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from localcloud.kernel.documents import write_private
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Credential, Identity
from localcloud.ram.model import Attachment, Entities, ManagedPolicy, PolicyVersion, Role, Session


class RamStore:
    """Reads and writes RAM's folder."""

    def __init__(self, folder: Path) -> None:
        """Use the folder; it is made when missing."""
        self._entities = folder / "entities.json"
        self._sessions = folder / "sessions"
        self._sessions.mkdir(parents=True, exist_ok=True, mode=0o700)

    def load_entities(self) -> Entities:
        """Return what was saved last.

        Raises:
            LocalCloudError: the file cannot be read.
        """
        if not self._entities.exists():
            return Entities()
        try:
            record = json.loads(self._entities.read_bytes())
            policies = [
                ManagedPolicy(**{**policy, "versions": tuple(PolicyVersion(**one) for one in policy["versions"])})
                for policy in record["policies"]
            ]
            return Entities(
                roles={role["name"]: Role(**role) for role in record["roles"]},
                policies={policy.name: policy for policy in policies},
                attachments=tuple(Attachment(**attachment) for attachment in record["attachments"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _unreadable(self._entities, error) from error

    def save_entities(self, entities: Entities) -> None:
        """Replace what was saved."""
        record = {
            "roles": [asdict(role) for role in entities.roles.values()],
            "policies": [asdict(policy) for policy in entities.policies.values()],
            "attachments": [asdict(attachment) for attachment in entities.attachments],
        }
        write_private(self._entities, json.dumps(record, indent=1).encode())

    def load_sessions(self) -> list[Session]:
        """Return all saved sessions.

        Raises:
            LocalCloudError: a file cannot be read.
        """
        return [self._load_session(path) for path in sorted(self._sessions.glob("*.json"))]

    def _load_session(self, path: Path) -> Session:
        try:
            record = json.loads(path.read_bytes())
            credential = record["credential"]
            identity = Identity(**credential.pop("identity"))
            return Session(**{**record, "credential": Credential(**credential, identity=identity)})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _unreadable(path, error) from error

    def save_session(self, session: Session) -> None:
        """Add a session."""
        write_private(self._session_path(session), json.dumps(asdict(session)).encode())

    def remove_sessions(self, sessions: Iterable[Session]) -> None:
        """Forget sessions; those already gone are no error."""
        for session in sessions:
            self._session_path(session).unlink(missing_ok=True)

    def _session_path(self, session: Session) -> Path:
        return self._sessions / f"{session.credential.access_key_id}.json"


def _unreadable(path: Path, error: Exception) -> LocalCloudError:
    return LocalCloudError(
        f"{path} cannot be read ({type(error).__name__}); restore it, or remove the data folder to start anew"
    )
