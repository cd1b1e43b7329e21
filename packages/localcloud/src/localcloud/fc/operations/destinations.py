"""Destinations of asynchronous invocations: the functions that get their results. Pure.

Source: Function Compute, "Result callback": the content of the event that a destination gets.
"""

from __future__ import annotations

import json
import re

from localcloud.fc.errors import FcError
from localcloud.fc.model import Answer, Pending

_FUNCTION = re.compile(
    r"(?:services/([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9_-]+))?/)?functions/([A-Za-z0-9_-]+)(?:/([A-Za-z0-9_-]+))?", re.ASCII
)


def read_destination(arn: str) -> tuple[str, str]:
    """Return the path and the qualifier of the function that an ARN names.

    Raises:
        FcError: NotImplemented: it names something else; InvalidArgument: it is no ARN.
    """
    parts = arn.split(":", 4)
    if len(parts) < 5 or parts[0] != "acs":
        raise FcError("InvalidArgument", f"destination is {arn[:200]!r}; expected acs:fc:REGION:ACCOUNT:functions/NAME")
    if parts[1] != "fc":
        raise FcError(
            "NotImplemented", f"not implemented: destinations of type {parts[1][:200]!r}; a function can be one"
        )
    match = _FUNCTION.fullmatch(parts[4])
    if match is None:
        raise FcError("InvalidArgument", f"destination is {arn[:200]!r}; it names no function")
    service, qualifier, name, own = match.groups()
    path = f"services/{service}/functions/{name}" if service else f"functions/{name}"
    return path, qualifier or own or ""


def make_result(
    pending: Pending, answer: Answer | None, *, why: str, tries: int, region: str, account_id: str, now: float
) -> bytes:
    """Return the event that a destination gets.

    Args:
        pending: the invocation.
        answer: its last answer; None: there was none.
        why: it failed; empty: it did not.
        tries: the number of invocations.
        region: of the function.
        account_id: of the function.
        now: seconds since the epoch.
    """
    payload, result = (each.decode(errors="replace") for each in (pending.payload, answer.body if answer else b""))
    event = {
        "timestamp": int(now * 1000),
        "requestContext": {
            "requestId": pending.request_id,
            "functionArn": f"acs:fc:{region}:{account_id}:{pending.function}",
            "condition": why,
            "approximateInvokeCount": tries,
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "functionError": why},
        "responsePayload": result,
    }
    return json.dumps(event, ensure_ascii=False).encode()
