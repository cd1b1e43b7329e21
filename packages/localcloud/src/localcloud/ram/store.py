"""RAM's state on disk: `entities.json`, readable by its owner only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.kernel.documents import read_document, write_document
from localcloud.ram.model import Attachment, Entities, ManagedPolicy, PolicyVersion, Role


class RamStore:
    """Reads and writes RAM's folder, which is made when missing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "entities.json"

    def load(self) -> Entities:
        """Return the entities that were saved last.

        Raises:
            LocalCloudError: the file cannot be read.
        """
        return read_document(self._path, _entities) if self._path.exists() else Entities()

    def save(self, entities: Entities) -> None:
        """Replace the entities that were saved."""
        record = {
            "roles": list(entities.roles.values()),
            "policies": list(entities.policies.values()),
            "attachments": entities.attachments,
        }
        write_document(self._path, record)


def _entities(record: Any) -> Entities:  # noqa: ANN401 - what the file holds
    policies = [
        ManagedPolicy(**{**policy, "versions": tuple(PolicyVersion(**one) for one in policy["versions"])})
        for policy in record["policies"]
    ]
    return Entities(
        roles={role["name"]: Role(**role) for role in record["roles"]},
        policies={policy.name: policy for policy in policies},
        attachments=tuple(Attachment(**attachment) for attachment in record["attachments"]),
    )
