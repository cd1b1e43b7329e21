"""Decode the parameters of a call: texts, numbers, flags, lists, records, and what creating and updating have in common."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

from localcloud.kernel.access import Caller
from localcloud.kernel.paging import read_number
from localcloud.kernel.rpc import Call
from localcloud.ros.errors import RosError
from localcloud.ros.model import Source
from localcloud.ros.operations.requests import Request
from localcloud.ros.template.bounds import MAX_SIZE

ENCODED = re.compile(r"@Base64Encoded:\s*")  # a template may come so, which keeps firewalls from misreading it
MAX_PARAMETERS = 200
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
    tags = {each.get("Key", ""): each.get("Value", "") for each in records(given, "Tags")}
    return Request(
        source=Source(template=template, parameters=_template_parameters(given)),
        caller=caller,
        use_previous=flag(given, "UsePreviousParameters"),
        timeout=number(given, "TimeoutInMinutes"),
        disable_rollback=flag(given, "DisableRollback") if "DisableRollback" in given else None,
        replacement=given.get("ReplacementOption") == "Enabled",
        protected=given["DeletionProtection"] == "Enabled" if "DeletionProtection" in given else None,
        tags=tags or None,
        token=given.get("ClientToken", ""),
        raw=given,
    )


def _template_parameters(given: Mapping[str, str]) -> dict[str, str]:
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


def records(given: Mapping[str, str], name: str) -> Iterable[dict[str, str]]:
    """Return the records of `Name.1.Field`, `Name.2.Field`, …, in their order."""
    found: dict[int, dict[str, str]] = {}
    for key, value in given.items():
        match = NUMBERED.fullmatch(key)
        if match and match[1] == name and match[3]:
            found.setdefault(int(match[2]), {})[match[3]] = value
    return [found[number] for number in sorted(found)]
