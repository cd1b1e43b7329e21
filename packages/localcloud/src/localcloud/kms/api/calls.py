"""The keys in the calls of all actions, and the right to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from localcloud.kernel.access import Denial, Gate
from localcloud.kernel.actions import Answer
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.parameters import Reader
from localcloud.kernel.rpc import Call
from localcloud.kernel.values import read_json
from localcloud.kms.errors import KmsError
from localcloud.kms.model import EncryptionContext
from localcloud.kms.operations.aliases import alias_not_found
from localcloud.kms.operations.service import KmsService

MAX_NAME = 512  # characters of an alias, an id or an ARN
PAGE_SIZES = range(1, 100 + 1)  # items of a page (ListKeys, ListAliases)
DEFAULT_PAGE = 10
_Item = TypeVar("_Item")

reader = Reader(KmsError)


class Calls:
    """The actions of one kind.

    Args:
        kms: the domain.
        authorizer: says what callers may.
        region: the region that the embedded cloud plays.
        account_id: the account.
    """

    def __init__(self, kms: KmsService, authorizer: Authorizer, *, region: str, account_id: str) -> None:
        self._kms = kms
        self._gate = Gate(authorizer, _refuse)
        self._owner = f"acs:kms:{region}:{account_id}"

    def arn(self, resource: str) -> str:
        """Return the ARN of `key/ID` or `alias/NAME`."""
        return f"{self._owner}:{resource}"

    def allow(self, call: Call, resource: str) -> None:
        """Refuse a caller that may not do the call's action on a resource (`key/ID`, `alias/NAME`, or all: `key`, `alias`).

        Raises:
            KmsError: Forbidden.NoPermission.
        """
        self._gate.require(call.caller, f"kms:{call.action}", self.arn(resource))

    def key_id(self, call: Call) -> str:
        """Return the id of the key that a call names by its id, ARN or alias; its caller has the right to it.

        Raises:
            KmsError: it is missing or too long; Forbidden.NoPermission, Forbidden.AliasNotFound.
        """
        name = reader.name(call, "KeyId", MAX_NAME)
        if name.startswith(f"{self._owner}:"):
            name = name.removeprefix(f"{self._owner}:").removeprefix("key/")
        found = self._kms.resolve(name)
        self.allow(call, f"key/{found or '*'}")
        if found is None:
            raise alias_not_found()
        return found


def read_context(call: Call) -> EncryptionContext:
    """Return the EncryptionContext of a call, a JSON object of texts; empty: it has none.

    Raises:
        KmsError: InvalidParameter.
    """
    text = call.parameters.get("EncryptionContext")
    if not text:
        return {}
    try:
        context = read_json(text)
    except ValueError as error:
        raise _no_context(str(error)) from error
    if not isinstance(context, dict) or not all(isinstance(value, str) for value in context.values()):
        raise _no_context("it must be a JSON object of texts")
    return context


def cut_page(call: Call, items: Sequence[_Item], write: Callable[[_Item], Answer]) -> tuple[list[Answer], Answer]:
    """Return the page that a call asks for, and what the answer says of it.

    Raises:
        KmsError: InvalidParameter.
    """
    shown, page = reader.page(call, items, sizes=PAGE_SIZES, default=DEFAULT_PAGE)
    return [write(item) for item in shown], page


def _no_context(why: str) -> KmsError:
    return KmsError("InvalidParameter", f"The specified parameter EncryptionContext is not valid: {why}.")


def _refuse(denial: Denial) -> KmsError:
    return KmsError(
        "Forbidden.NoPermission",
        f"This operation is forbidden by permission system: {denial.action} on {denial.resource}.",
    )
