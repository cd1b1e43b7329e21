"""The template that a call means: in the call itself, at a URL, or kept by ROS."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.kernel.access import Caller
from localcloud.kernel.rpc import Call
from localcloud.ros.errors import RosError
from localcloud.ros.operations.policy import MAX_POLICY
from localcloud.ros.operations.service import RosService

PLACES = ("TemplateBody", "TemplateURL", "TemplateId")
POLICIES = ("StackPolicy", "StackPolicyDuringUpdate")
SOURCE = frozenset({*PLACES, "TemplateVersion"})  # the parameters that tell it


async def with_template(ros: RosService, call: Call) -> Mapping[str, str]:
    """Return the parameters of a call with the template, and its policies, in the call, wherever they lie.

    Raises:
        RosError: one is given twice, or cannot be read.
    """
    found = {
        "TemplateBody": await read_template(ros, call.parameters, call.caller),
        **{f"{name}Body": await read_policy(ros, call, name) for name in POLICIES},
    }
    moved = {*SOURCE, *(f"{name}URL" for name in POLICIES)}
    kept = {name: each for name, each in call.parameters.items() if name not in moved}
    return kept | {name: text for name, text in found.items() if text}


async def read_policy(ros: RosService, call: Call, name: str) -> str:
    """Return the policy that a call names: in the parameter `NAMEBody` or at `NAMEURL`; empty: it names none.

    Raises:
        RosError: it is given twice, or cannot be read.
    """
    body, url = (call.parameters.get(f"{name}{place}", "") for place in ("Body", "URL"))
    if body and url:
        raise RosError("InvalidParameter", f"Give only one of {name}Body, {name}URL.")
    return await ros.sources.read(url, call.caller, MAX_POLICY) if url else body


async def read_template(ros: RosService, given: Mapping[str, str], caller: Caller) -> str:
    """Return the template that parameters name, not decoded; empty: they name none.

    Raises:
        RosError: it is given twice, or cannot be read.
    """
    places = [name for name in PLACES if given.get(name)]
    if len(places) > 1:
        raise RosError("InvalidParameter", f"Give only one of {', '.join(places)}.")
    if places == ["TemplateURL"]:
        return await ros.sources.read(given["TemplateURL"], caller)
    if places == ["TemplateId"]:
        return ros.sources.stored(given["TemplateId"], given.get("TemplateVersion", ""), caller)
    return given.get("TemplateBody", "")
