"""Decode the parameters of a call: texts, numbers, flags, lists, records, and what creating and updating have in common."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping

from localcloud.kernel.access import Caller
from localcloud.kernel.paging import read_number
from localcloud.kernel.rpc import Call
from localcloud.kernel.values import read_json
from localcloud.ros.errors import RosError
from localcloud.ros.model import Source
from localcloud.ros.operations.labels import MAX_TAGS
from localcloud.ros.operations.requests import Request
from localcloud.ros.template.bounds import MAX_SIZE

ENCODED = re.compile(r"@Base64Encoded:\s*")  # a template may come so, which keeps firewalls from misreading it
MAX_PARAMETERS = 200
MAX_TAG = 128  # characters of a tag's key or value; ROS API, "TagResources"
RESERVED_TAGS = ("aliyun", "acs:")  # that no key or value begins with; likewise
NUMBERS = range(10**9)
NUMBERED = re.compile(r"([A-Za-z]+)\.([0-9]{1,9})(?:\.([A-Za-z]+))?")


def read_request(given: Mapping[str, str], caller: Caller, *, updates: bool = False) -> Request:
    """Return the request of CreateStack, UpdateStack, PreviewStack or CreateChangeSet.

    Args:
        given: the parameters of the call.
        caller: the one who calls.
        updates: the stack exists, so that its template need not be given.

    Raises:
        RosError: a parameter is missing, or is not what it must be.
    """
    template = decode_template(given.get("TemplateBody", ""))
    if not template and not updates:
        raise RosError("InvalidParameter", "TemplateBody is required: a template as JSON or YAML.")
    tags = read_tags(given)
    return Request(
        source=Source(template=template, parameters=template_parameters(given)),
        caller=caller,
        use_previous=flag(given, "UsePreviousParameters"),
        timeout=number(given, "TimeoutInMinutes"),
        disable_rollback=flag(given, "DisableRollback") if "DisableRollback" in given else None,
        replacement=bool(switch(given, "ReplacementOption")),
        protected=switch(given, "DeletionProtection"),
        tags=tags or None,
        resource_group=given.get("ResourceGroupId"),
        policy=given.get("StackPolicyBody"),
        policy_once=given.get("StackPolicyDuringUpdateBody", ""),
        token=given.get("ClientToken", ""),
        raw=given,
    )


def read_tags(given: Mapping[str, str], name: str = "Tags") -> dict[str, str]:
    """Return the tags that a call gives.

    Raises:
        RosError: one is not complete or not allowed, or there are too many.
    """
    tags = {each.get("Key", ""): each.get("Value", "") for each in records(given, name)}
    if "" in tags or len(tags) > MAX_TAGS:
        raise RosError("InvalidParameter", f"{name}: at most {MAX_TAGS}, each with a Key.")
    for text in (*tags, *tags.values()):
        if len(text) > MAX_TAG or text.startswith(RESERVED_TAGS) or "http://" in text or "https://" in text:
            raise RosError(
                "InvalidParameter",
                f"{name}: `{text[:MAX_TAG]}` is not allowed: up to {MAX_TAG} characters, not beginning with "
                f"{' or '.join(RESERVED_TAGS)}, and without http:// and https://.",
            )
    return tags


def tag_filter(given: Mapping[str, str]) -> Callable[[Mapping[str, str]], bool]:
    """Return a test of tags: whether those that a call asks for are among them; one without a value may have any."""
    wanted = [(each.get("Key", ""), each.get("Value")) for each in records(given, "Tag")]
    return lambda tags: all(key in tags and value in (None, tags[key]) for key, value in wanted)


def template_parameters(given: Mapping[str, str]) -> dict[str, str]:
    """Return the values that a call gives for the parameters of its template.

    Raises:
        RosError: one of them is not complete, or there are too many.
    """
    parameters = {}
    for each in records(given, "Parameters"):
        if "ParameterKey" not in each or "ParameterValue" not in each:
            raise RosError("InvalidParameter", "Parameters: each needs ParameterKey and ParameterValue.")
        parameters[each["ParameterKey"]] = each["ParameterValue"]
    if len(parameters) > MAX_PARAMETERS:
        raise RosError("InvalidParameter", f"Parameters: {len(parameters)} are more than {MAX_PARAMETERS}.")
    if (size := sum(map(len, parameters.values()))) > MAX_SIZE:  # assumed: as large as a template
        raise RosError("InvalidParameter", f"Parameters: {size:,} characters in all, at most {MAX_SIZE:,} are allowed.")
    return parameters


def decode_template(body: str) -> str:
    """Return a template, which may be in base64.

    Raises:
        RosError: it says so, and is not.
    """
    match = ENCODED.match(body)
    if not match:
        return body
    try:
        return base64.b64decode(body[match.end() :], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RosError("InvalidParameter", "TemplateBody begins with @Base64Encoded: and is not base64.") from error


def required(call: Call, name: str) -> str:
    """Return a parameter that must be given.

    Raises:
        RosError: it is not given, or empty.
    """
    value = call.parameters.get(name, "")
    if not value:
        raise RosError(f"Missing{name}", f"{name} is mandatory for {call.action}.")
    return value


def flag(given: Mapping[str, str], name: str) -> bool:
    """Return a parameter that is true or false; false when it is not given.

    Raises:
        RosError: it is neither.
    """
    value = given.get(name, "false").lower()
    if value not in {"true", "false"}:
        raise RosError("InvalidParameter", f"{name}: `{given[name]}` is neither true nor false.")
    return value == "true"


def choice(name: str, value: str, *choices: str) -> str:
    """Return a value that must be one of a few.

    Raises:
        RosError: naming the parameter.
    """
    if value not in choices:
        raise RosError("InvalidParameter", f"{name}: not implemented: {value}; there is {', '.join(choices)}.")
    return value


def switch(given: Mapping[str, str], name: str) -> bool | None:
    """Return a parameter that is Enabled or Disabled; None when it is not given.

    Raises:
        RosError: it is neither.
    """
    return choice(name, given[name], "Enabled", "Disabled") == "Enabled" if name in given else None


def number(given: Mapping[str, str], name: str, allowed: range = NUMBERS) -> int | None:
    """Return a parameter that is a whole number; None when it is not given.

    Raises:
        RosError: it is none, or not an allowed one.
    """
    try:
        return read_number(given.get(name), default=None, allowed=allowed)
    except ValueError as error:
        raise RosError("InvalidParameter", f"{name}: {error}.") from error


def numbered(given: Mapping[str, str], name: str) -> list[str]:
    """Return the values of `Name.1`, `Name.2`, …, in their order."""
    found = [(match, value) for key, value in given.items() if (match := NUMBERED.fullmatch(key)) and match[1] == name]
    return [value for match, value in sorted(found, key=lambda each: int(each[0][2])) if not match[3]]


def listed(given: Mapping[str, str], name: str) -> list[str]:
    """Return the texts of a list that is written as JSON; empty when it is not given.

    Raises:
        RosError: it is none.
    """
    try:
        texts = read_json(given.get(name, "[]"))
    except ValueError as error:
        raise RosError("InvalidParameter", f"{name}: not JSON.") from error
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise RosError("InvalidParameter", f"{name}: must be a list of texts.")
    return texts


def records(given: Mapping[str, str], name: str) -> Iterable[dict[str, str]]:
    """Return the records of `Name.1.Field`, `Name.2.Field`, …, in their order."""
    found: dict[int, dict[str, str]] = {}
    for key, value in given.items():
        match = NUMBERED.fullmatch(key)
        if match and match[1] == name and match[3]:
            found.setdefault(int(match[2]), {})[match[3]] = value
    return [found[number] for number in sorted(found)]
