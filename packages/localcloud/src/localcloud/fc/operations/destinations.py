"""Destinations of asynchronous invocations: the functions that get their results. Pure; the composition of the service delivers.

Source: Function Compute, "Result callback": the content of the event that a destination gets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from localcloud.fc.configs import qualified
from localcloud.fc.errors import FcError
from localcloud.fc.model import Answer, Pending

_FUNCTION = re.compile(
    r"(?:services/([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9_-]+))?/)?functions/([A-Za-z0-9_-]+)(?:/([A-Za-z0-9_-]+))?", re.ASCII
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """A resource that gets results.

    Attributes:
        kind: its service, as ARNs name it.
        name: of it, for that service: a function's path.
        qualifier: a function's version or alias; empty: what is not published.
        right: the action and the resource that whoever names it as a destination must be allowed.
    """

    kind: str
    name: str
    qualifier: str = ""
    right: tuple[str, str]


Deliver = Callable[[Destination, bytes], None]  # hands a result over; raises FcError


def read_destination(arn: str) -> Destination:
    """Return the destination that an ARN names.

    Raises:
        FcError: NotImplemented: it is of another kind; InvalidArgument: it is no ARN.
    """
    parts = arn.split(":", 4)
    if len(parts) < 5 or parts[0] != "acs":
        raise FcError("InvalidArgument", f"destination is {arn[:200]!r}; expected acs:fc:REGION:ACCOUNT:functions/NAME")
    read = _READERS.get(parts[1])
    if read is None:
        raise FcError(
            "NotImplemented", f"not implemented: destinations of type {parts[1][:200]!r}; a function can be one"
        )
    found = read(parts[4])
    if found is None:
        raise FcError("InvalidArgument", f"destination is {arn[:200]!r}; it names no function")
    return found


def _read_function(resource: str) -> Destination | None:
    match = _FUNCTION.fullmatch(resource)
    if match is None:
        return None
    service, qualifier, function, own = match.groups()
    path = f"services/{service}/functions/{function}" if service else f"functions/{function}"
    qualifier = qualifier or own or ""
    # Whoever names a function as a destination invokes it.
    return Destination(
        kind="fc", name=path, qualifier=qualifier, right=("fc:InvokeFunction", qualified(path, qualifier))
    )


_READERS: Mapping[str, Callable[[str], Destination | None]] = {"fc": _read_function}


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
