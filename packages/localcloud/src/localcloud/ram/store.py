"""RAM's state on disk: `entities.json`, readable by its owner only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.kernel.documents import KeptDocument
from localcloud.ram.model import (
    AccessKey,
    AccountSettings,
    Attachment,
    Entities,
    Group,
    Login,
    ManagedPolicy,
    Membership,
    PasswordRules,
    PolicyVersion,
    Role,
    SecurityPreference,
    User,
)


def open_store(folder: Path) -> KeptDocument[Entities]:
    """Return what reads and writes RAM's state in a folder."""
    return KeptDocument(folder / "entities.json", parse=_entities, record=_record, empty=Entities())


def _record(entities: Entities) -> dict[str, object]:
    return {
        "roles": list(entities.roles.values()),
        "users": list(entities.users.values()),
        "groups": list(entities.groups.values()),
        "keys": list(entities.keys.values()),
        "policies": list(entities.policies.values()),
        "attachments": entities.attachments,
        "account": entities.account,
    }


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
        users={user["name"]: _user(user) for user in record.get("users", [])},
        groups={group["name"]: _group(group) for group in record.get("groups", [])},
        keys={key["access_key_id"]: AccessKey(**key) for key in record.get("keys", [])},
        account=_account(record.get("account", {})),
    )


def _account(record: Any) -> AccountSettings:  # noqa: ANN401 - likewise
    return AccountSettings(
        alias=record.get("alias", ""),
        passwords=PasswordRules(**record.get("passwords", {})),
        preference=SecurityPreference(**record.get("preference", {})),
    )


def _user(record: Any) -> User:  # noqa: ANN401 - likewise
    login = record.get("login")
    return User(**{**record, "login": Login(**login) if login else None})


def _attachment(record: Any) -> Attachment:  # noqa: ANN401 - likewise
    if "role" in record:  # likewise: of roles alone
        record = {"kind": "Role", "name": record["role"], **{key: record[key] for key in record if key != "role"}}
    return Attachment(**record)


def _group(record: Any) -> Group:  # noqa: ANN401 - likewise
    return Group(**{**record, "members": tuple(Membership(**one) for one in record["members"])})
