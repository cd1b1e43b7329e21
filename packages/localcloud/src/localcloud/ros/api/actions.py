"""An action of the API: what every one of them checks before it does anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from localcloud.kernel.access import Gate
from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Action, Call
from localcloud.ros.api.decoding import NUMBERED
from localcloud.ros.errors import RosError
from localcloud.ros.model import Owner

OF_TEMPLATES = frozenset(
    {"CreateTemplate", "UpdateTemplate", "DeleteTemplate", "ListTemplates", "ListTemplateVersions"}
)
Handler = Callable[[Call], Answer | Awaitable[Answer]]


def make_action(owner: Owner, gate: Gate, handler: Handler, parameters: set[str]) -> Action:
    """Return an action that checks what every action checks; a parameter that it would ignore is refused.

    Args:
        owner: whose stacks these are.
        gate: asks whether the caller may, on the stack that the call names.
        handler: answers a call that may be answered.
        parameters: the names that it knows.
    """

    async def run(call: Call) -> Mapping[str, object]:
        if odd := [name for name in call.parameters if "." in name and not NUMBERED.fullmatch(name)]:
            raise RosError("InvalidParameter", f"{min(odd)[:80]}: not a name such as Tags.1.Key.")
        ignored = {name.partition(".")[0] for name in call.parameters} - parameters - {"RegionId"}
        if ignored:
            name = min(ignored)
            raise RosError("InvalidParameter", f"not implemented: the parameter {name} of {call.action}.")
        region = call.parameters.get("RegionId", owner.region)
        if region != owner.region:
            raise RosError(
                "InvalidRegionId", f"not implemented: the region {region}; this embedded cloud is {owner.region}."
            )
        resource = f"acs:ros:{owner.region}:{owner.account_id}:{_target(call)}"
        gate.require(call.caller, f"ros:{call.action}", resource)
        answer = handler(call)
        return await answer if isinstance(answer, Awaitable) else answer

    return run


def _target(call: Call) -> str:
    """Return what a call acts on, as policies name it: a stack, a template that ROS keeps, or groups of stacks."""
    given = call.parameters
    if call.action in OF_TEMPLATES or (call.action == "GetTemplate" and "TemplateId" in given):
        return f"template/{given.get('TemplateId', '*')}"
    if call.action == "ListStackGroups":
        return "stackgroup/*"
    return f"stack/{given.get('StackId', '*')}"
