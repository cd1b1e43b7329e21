"""The answers of the platform where a function gives none: it raised an exception, or its instance died."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from localcloud.fc.instances.instance import Instance
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.messages import Failure
from localcloud.fc.instances.wire import INITIALIZE, PRE_FREEZE, PRE_STOP
from localcloud.fc.model import Answer, EndReason
from localcloud.fc.platform import MAX_TASKS, MB


def describe_death(
    reason: EndReason | None, instance: Instance, *, operation: str, limit: float, duration: float
) -> str:
    """Describe the end of an instance before its answer, in the platform's words.

    Args:
        reason: why the platform ended it; None: it ended by itself.
        instance: the instance.
        operation: one of those of `messages`.
        limit: seconds that the operation might take.
        duration: seconds that it took.
    """
    memory = f"maxMemoryUsage: {instance.meter.peak_memory / MB:.2f}MB"
    exited = f"Process exited unexpectedly before completing request (duration: {duration * 1000:.0f}ms, {memory})"
    match reason:
        case None:
            return exited
        case EndReason.TIMEOUT:
            what = {
                INITIALIZE: "Function initializer",
                PRE_FREEZE: "Function PreFreeze hook",
                PRE_STOP: "Function PreStop hook",
            }.get(operation, "Function")
            return f"{what} timed out after {limit:.0f} seconds ({memory})"
        case EndReason.MEMORY:
            return f"{exited}: out of memory, the limit is {instance.function.memory} MB"
        case EndReason.DISK:
            return f"{exited}: the disk is full, its size is {instance.function.disk} MB"
        case EndReason.PROCESSES:
            return f"{exited}: more than {MAX_TASKS} processes and threads"
        case EndReason.REPLY:
            return f"{exited}: its answer to the platform was malformed"
        case EndReason.WATCH:
            return f"{exited}: what it uses could not be measured"
        case EndReason.HEALTH:
            return f"{exited}: its health checks failed"
        case EndReason.SHUTDOWN:
            return f"{exited}: the platform is shutting down"


def answer_failure(
    error_type: str,
    failure: Failure | str,
    instance: Instance,
    *,
    request_id: str,
    duration: float,
    log: InvocationLog,
) -> Answer:
    """Return the answer that tells a failure, and log it.

    Args:
        error_type: the platform's name for it.
        failure: of the function, or how its instance died.
        instance: the instance.
        request_id: the request's id.
        duration: seconds that it took.
        log: of the invocation.
    """
    if isinstance(failure, str):
        log.line(failure)
        described: dict[str, object] = {"errorMessage": failure}
    else:
        described = {"errorMessage": failure.message}
        if failure.kind:  # Node.js: what a function calls back with may be no exception
            described |= {"errorType": failure.kind, "stackTrace": failure.trace}
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        log.line(f"{moment}Z {request_id} [ERROR] {json.dumps(described)}")
    return Answer(
        body=json.dumps(described).encode(),  # ASCII, with what is no text escaped, as the platform's runtime writes it
        error_type=error_type,
        duration=duration,
        peak_memory=instance.meter.peak_memory,
        own_words=False,
    )
