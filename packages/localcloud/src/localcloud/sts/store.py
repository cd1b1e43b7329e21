"""STS's state on disk: one file for each session, readable by its owner only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localcloud.kernel.documents import read_document, write_document
from localcloud.kernel.identity import Credential, Identity
from localcloud.sts.model import Session


class SessionStore:
    """Reads and writes a folder of sessions, which is made when missing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    def load(self) -> list[Session]:
        """Return all saved sessions.

        Raises:
            LocalCloudError: a file cannot be read.
        """
        return [read_document(path, _session) for path in sorted(self._folder.glob("*.json"))]

    def save(self, session: Session) -> None:
        """Add a session."""
        write_document(self._path(session), session)

    def remove(self, sessions: Iterable[Session]) -> None:
        """Forget sessions; those already gone are no error."""
        for session in sessions:
            self._path(session).unlink(missing_ok=True)

    def _path(self, session: Session) -> Path:
        return self._folder / f"{session.credential.access_key_id}.json"


def _session(record: Any) -> Session:  # noqa: ANN401 - what the file holds
    credential = record.pop("credential")
    identity = Identity(**credential.pop("identity"))
    return Session(**record, credential=Credential(**credential, identity=identity))
