"""Parameters of RPC calls, read strictly: what an action would ignore, or cannot read, is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeVar

from localcloud.kernel.errors import ApiError
from localcloud.kernel.paging import page_at, read_number
from localcloud.kernel.rpc import Action, Call
from localcloud.kernel.values import MAX_DIGITS

Answer = dict[str, object]
ANY = range(10**MAX_DIGITS)
MakeError = Callable[[str, str], ApiError]  # of code and message
_Item = TypeVar("_Item")
Route = tuple[Callable[[Call], Answer], Sequence[str]]  # what runs, and the parameters that it reads


def blocking_action(handler: Callable[[Call], Answer], parameters: Sequence[str], error: MakeError) -> Action:
    """Return an action that runs on a thread, for its handler may wait for the disk.

    Args:
        handler: does it.
        parameters: the parameters that it reads; others are refused.
        error: makes the service's errors.
    """
    known = {*parameters, "RegionId"}  # older SDKs send their region to global services, too

    async def run(call: Call) -> Mapping[str, object]:
        if ignored := sorted(set(call.parameters) - known):
            name = ignored[0]
            raise error(f"InvalidParameter.{name}", f"not implemented: the parameter {name} of {call.action}.")
        return await asyncio.to_thread(handler, call)

    return run


def actions_of_accounts(
    routes_of: Callable[[str], Mapping[str, Route]], account_id: str, error: MakeError
) -> Mapping[str, Action]:
    """Return blocking actions, each of which does what that of the caller's account does.

    Args:
        routes_of: returns the routes of an account, by its id; all accounts have the same actions.
        account_id: of any account.
        error: makes the service's errors.
    """

    @cache
    def actions_of(account_id: str) -> Mapping[str, Action]:
        routes = routes_of(account_id).items()
        return {name: blocking_action(handler, parameters, error) for name, (handler, parameters) in routes}

    async def run(call: Call) -> Mapping[str, object]:
        return await actions_of(call.identity.account_id)[call.action](call)

    return dict.fromkeys(actions_of(account_id), run)


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
