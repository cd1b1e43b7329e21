"""The answer to ROS: sent again until it arrives, and never longer than ROS takes.

Source: ROS, "Custom resources", "Response objects".
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from heavylift.runtime.retries import RetryPolicy

MAX_ANSWER = 4096  # bytes
MAX_REASON = 1000  # characters; with every one escaped the answer is long still
POLICY = RetryPolicy(attempts=5, base=0.5)
TIMEOUT = 5  # seconds of one attempt


def make(request: dict[str, Any], failure: str) -> bytes:
    """Return the answer's body.

    Args:
        request: of ROS.
        failure: why it failed; empty: it did not.
    """
    record = {
        "Status": "FAILED" if failure else "SUCCESS",
        "RequestId": request["RequestId"],
        "LogicalResourceId": request["LogicalResourceId"],
        "StackId": request["StackId"],
        "PhysicalResourceId": request.get("PhysicalResourceId") or request["LogicalResourceId"],
    }
    if failure:
        record["Reason"] = failure[:MAX_REASON]
    body = json.dumps(record).encode()
    return body if len(body) <= MAX_ANSWER else json.dumps({**record, "Reason": failure[: MAX_REASON // 4]}).encode()


def send(request: dict[str, Any], failure: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Send the answer to the request's URL.

    Args:
        request: of ROS.
        failure: why it failed; empty: it did not.
        sleep: waits between attempts.

    Raises:
        OSError: no attempt arrived.
    """
    body = make(request, failure)
    print(body.decode())  # noqa: T201 - the log
    for failures in range(1, POLICY.attempts + 1):
        headers = {"Content-type": "application/json", "Date": formatdate(usegmt=True)}
        message = urllib.request.Request(request["ResponseURL"], body, headers, method="POST")  # noqa: S310 - from ROS
        try:
            with urllib.request.urlopen(message, timeout=TIMEOUT):  # noqa: S310 - likewise
                return
        except OSError as error:
            if failures == POLICY.attempts or (isinstance(error, urllib.error.HTTPError) and error.code < 500):
                raise
            sleep(POLICY.longest_pause(failures))
