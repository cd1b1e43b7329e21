"""Requests to create and to update a stack, as clients make them: once, or again with the same token."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from localcloud.kernel.access import Caller
from localcloud.ros.errors import RosError
from localcloud.ros.model import Source, Stack

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request of CreateStack, UpdateStack, PreviewStack or CreateChangeSet; None: as it is."""

    source: Source
    caller: Caller
    use_previous: bool = False  # parameters that are not given keep their last values
    timeout: int | None = None  # minutes
    disable_rollback: bool | None = None
    replacement: bool = False
    protected: bool | None = None
    tags: Mapping[str, str] | None = None
    resource_group: str | None = None
    policy: str | None = None  # of the changes that updates may make
    policy_once: str = ""  # in its place during this update
    token: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)  # the parameters of the API's request

    @property
    def digest(self) -> str:
        """The digest by which a repeated request is known."""
        return hashlib.sha256(json.dumps(sorted(self.raw.items())).encode()).hexdigest()


def find_repeated(stacks: Iterable[Stack], request: Request) -> Stack | None:
    """Return the stack of an earlier request with the same ClientToken: a repeated request is answered, not done again.

    Raises:
        RosError: the token is not valid, or the earlier request was another.
    """
    if not request.token:
        return None
    if not TOKEN.fullmatch(request.token):
        raise RosError("InvalidParameter", "ClientToken: up to 64 letters, digits, hyphens and underscores.")
    for stack in stacks:
        if request.token in stack.tokens:
            if stack.tokens[request.token] != request.digest:
                raise RosError(
                    "IdempotentParameterMismatch",
                    "The request uses the same ClientToken as an earlier one, but other parameters.",
                )
            return stack
    return None


def check_name(parameter: str, name: str) -> None:
    """Refuse a name that a stack or change set cannot have.

    Raises:
        RosError: naming the parameter.
    """
    if not NAME.fullmatch(name):
        raise RosError(
            "InvalidParameter",
            f"{parameter}: `{name}` is not valid: up to 255 letters, digits, hyphens and underscores, a letter or digit first.",
        )


def changed_meanwhile(name: str) -> RosError:
    """Return the error for a stack that changed while a request for it was checked."""
    return RosError("ActionInProgress", f"Stack {name} was changed while this request was checked: try again.")
