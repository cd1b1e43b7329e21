"""RAM's state on disk: `entities.json`, readable by its owner only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.kernel.documents import read_document, write_document
from localcloud.ram.model import (
    AccessKey,
    Attachment,
    Entities,
    Group,
    ManagedPolicy,
    Membership,
    PolicyVersion,
    Role,
    User,
)


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
            "users": list(entities.users.values()),
            "groups": list(entities.groups.values()),
            "keys": list(entities.keys.values()),
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
        attachments=tuple(_attachment(attachment) for attachment in record["attachments"]),
        # What an embedded cloud without users has written has none of these.
        users={user["name"]: User(**user) for user in record.get("users", [])},
        groups={group["name"]: _group(group) for group in record.get("groups", [])},
        keys={key["access_key_id"]: AccessKey(**key) for key in record.get("keys", [])},
    )


def _attachment(record: Any) -> Attachment:  # noqa: ANN401 - likewise
    if "role" in record:  # likewise: of roles alone
        record = {"kind": "Role", "name": record["role"], **{key: record[key] for key in record if key != "role"}}
    return Attachment(**record)


def _group(record: Any) -> Group:  # noqa: ANN401 - likewise
    return Group(**{**record, "members": tuple(Membership(**one) for one in record["members"])})
