"""Parameters of RPC calls, read strictly: what cannot be read is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from localcloud.kernel.actions import MakeError
from localcloud.kernel.paging import page_at, read_number
from localcloud.kernel.rpc import Call
from localcloud.kernel.values import MAX_DIGITS

ANY = range(10**MAX_DIGITS)
_Item = TypeVar("_Item")


class Reader:
    """Reads the parameters of calls.

    Args:
        error: makes the service's errors; it knows MissingParameter and InvalidParameter.
    """

    def __init__(self, error: MakeError) -> None:
        self._error = error

    def required(self, call: Call, name: str) -> str:
        """Return a parameter that must be given.

        Raises:
            ApiError: MissingParameter.
        """
        value = call.parameters.get(name)
        if not value:
            raise self._error(
                "MissingParameter", f'The input parameter "{name}" that {call.action} needs is not supplied.'
            )
        return value

    def name(self, call: Call, name: str, limit: int) -> str:
        """Return a name that must be given, and that has at most `limit` characters.

        Raises:
            ApiError: MissingParameter or InvalidParameter.NAME.Length.
        """
        value = self.required(call, name)
        if len(value) > limit:
            raise self._error(
                f"InvalidParameter.{name}.Length", f'The parameter "{name}" has more than {limit} characters.'
            )
        return value

    def whole(self, call: Call, name: str, default: int, allowed: range = ANY) -> int:
        """Return a whole number.

        Args:
            call: the call.
            name: of the parameter.
            default: when it is not given.
            allowed: the numbers allowed.

        Raises:
            ApiError: InvalidParameter.NAME.
        """
        try:
            return read_number(call.parameters.get(name), default=default, allowed=allowed)
        except ValueError as error:
            raise self._error(f"InvalidParameter.{name}", f'The parameter "{name}" is wrong: {error}.') from error

    def page(
        self, call: Call, items: Sequence[_Item], *, sizes: range, default: int
    ) -> tuple[Sequence[_Item], dict[str, object]]:
        """Return the page that a call asks for by PageNumber and PageSize, and what the answer says of it.

        Args:
            call: the call.
            items: the whole list.
            sizes: that a page may have.
            default: size, when it is not given.

        Raises:
            ApiError: InvalidParameter.NAME.
        """
        number = self.whole(call, "PageNumber", 1, range(1, 10**9))
        size = self.whole(call, "PageSize", default, sizes)
        shown = page_at(items, (number - 1) * size, size).items
        return shown, {"PageNumber": number, "PageSize": size, "TotalCount": len(items)}

    def choice(self, call: Call, name: str, choices: Sequence[str], default: str) -> str:
        """Return one of a few values.

        Raises:
            ApiError: InvalidParameter.NAME.
        """
        value = call.parameters.get(name, default)
        if value not in choices:
            raise self._error(f"InvalidParameter.{name}", f'The parameter "{name}" must be {" or ".join(choices)}.')
        return value
