"""The entities of an account at one moment, and what all kinds of them have in common."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from localcloud.kernel.documents import KeptDocument
from localcloud.kernel.keeper import Keeper
from localcloud.ram.errors import RamError
from localcloud.ram.model import Attachment, Entities, Kind, ManagedPolicy, PolicyType
from localcloud.ram.policy import MAX_DOCUMENT, MalformedPolicyError
from localcloud.ram.system_policies import SYSTEM_POLICIES

MAX_DESCRIPTION = 1024  # characters, of a role and of a policy; RAM API, "CreateRole", "CreatePolicy"
MAX_COMMENT = 128  # characters, also of a display name; RAM API, "CreateUser", "CreateGroup"
MAX_TAGS = 20  # of a role or policy; RAM API, "TagResources"
MAX_TAG_KEY = 128  # characters
MAX_TAG_VALUE = 256  # characters
NO_TAGS: Mapping[str, str] = MappingProxyType({})
_Value = TypeVar("_Value")


class EntityKeeper(Keeper[Entities]):
    """Keeps the entities of one account; see `Keeper`.

    Args:
        store: where entities are kept.
        account_id: the account.
        clock: seconds since the epoch.

    Raises:
        LocalCloudError: the state on disk cannot be read.
    """

    def __init__(self, store: KeptDocument[Entities], *, account_id: str, clock: Callable[[], float]) -> None:
        super().__init__(store, clock=clock)
        self._account_id = account_id

    @property
    def account_id(self) -> str:
        """The account."""
        return self._account_id

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role of this name."""
        return f"acs:ram::{self._account_id}:role/{name}"

    def _save_policy(self, policy: ManagedPolicy) -> None:
        self._save(replace(self._kept, policies={**self._kept.policies, policy.name: policy}))


def known_policies(entities: Entities, policy_type: PolicyType) -> Mapping[str, ManagedPolicy]:
    """Return the policies of a type by name."""
    return SYSTEM_POLICIES if policy_type == "System" else entities.policies


def attached_policy(entities: Entities, attachment: Attachment) -> ManagedPolicy:
    """Return the policy that an attachment names."""
    return known_policies(entities, attachment.policy_type)[attachment.policy]


def find_entity(entities: Mapping[str, _Value], kind: Kind, name: str) -> _Value:
    """Return the entity of a name.

    Args:
        entities: those of the kind, by name.
        kind: for the message.
        name: of the one that is wanted.

    Raises:
        RamError: EntityNotExist of that kind.
    """
    if name not in entities:
        raise RamError(f"EntityNotExist.{kind}", f"The {kind.lower()} not exists: {name}.")
    return entities[name]


def check_free(entities: Mapping[str, object], kind: Kind, name: str) -> None:
    """Refuse a name that an entity of the kind has.

    Raises:
        RamError: EntityAlreadyExists of that kind.
    """
    if name in entities:
        raise RamError(f"EntityAlreadyExists.{kind}", f"The {kind.lower()} already exists: {name}.")


def by_name(entities: Mapping[str, _Value]) -> list[_Value]:
    """Return entities in the order of their names."""
    return [entity for _, entity in sorted(entities.items())]


def rename_attached(attachments: Iterable[Attachment], kind: Kind, name: str, new_name: str) -> tuple[Attachment, ...]:
    """Return attachments in which an entity has another name."""
    return tuple(replace(one, name=new_name) if (one.kind, one.name) == (kind, name) else one for one in attachments)


def without(values: Mapping[str, _Value], name: str) -> dict[str, _Value]:
    """Return a mapping less one name."""
    return {key: value for key, value in values.items() if key != name}


def new_id(first: str) -> str:
    """Return the number of a new entity: 18 digits.

    Args:
        first: its first digit, by which kinds differ.
    """
    return first + "".join(secrets.choice(string.digits) for _ in range(17))


def check_name(parameter: str, name: str, pattern: re.Pattern[str]) -> None:
    """Refuse a name of another form.

    Raises:
        RamError: InvalidParameter.
    """
    if not pattern.fullmatch(name):
        raise RamError(
            f"InvalidParameter.{parameter}.InvalidChars",
            f'The parameter - "{parameter}" contains invalid chars or is too long: {name!r} must match {pattern.pattern}.',
        )


def check_text(parameter: str, text: str | None, most: int) -> None:
    """Refuse a free text of more than `most` characters.

    Raises:
        RamError: InvalidParameter.
    """
    if text is not None and len(text) > most:
        raise RamError(
            f"InvalidParameter.{parameter}.Length",
            f'The parameter - "{parameter}" has {len(text)} characters; the limit is {most}.',
        )


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags whose keys or values are too long.

    Raises:
        RamError: InvalidParameter.
    """
    for key, value in tags.items():
        check_text("Tag.Key", key, MAX_TAG_KEY)
        check_text("Tag.Value", value, MAX_TAG_VALUE)


def check_document(document: str, parse: Callable[[str], object]) -> None:
    """Refuse a policy document that is too long or malformed.

    Raises:
        RamError: InvalidParameter.PolicyDocument.Length or MalformedPolicyDocument.
    """
    if len(document) > MAX_DOCUMENT:
        raise RamError(
            "InvalidParameter.PolicyDocument.Length",
            f"The policy document has {len(document)} characters; the limit is {MAX_DOCUMENT}.",
        )
    try:
        parse(document)
    except MalformedPolicyError as error:
        raise RamError("MalformedPolicyDocument", f"The policy document is malformed: {error}.") from error
