"""Actions of RPC-style APIs: each runs on a thread, knows its parameters, and does what it does for the caller's account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from localcloud.kernel.errors import ApiError
from localcloud.kernel.rpc import Action, Call

Answer = dict[str, object]
MakeError = Callable[[str, str], ApiError]  # of code and message
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
