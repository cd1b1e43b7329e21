"""One request on one instance, and the hooks of its life, logged as the platform logs them."""

from __future__ import annotations

import math
import time
import uuid
from dataclasses import dataclass, replace

from localcloud.fc.instances.answers import answer_failure, describe_death
from localcloud.fc.instances.instance import Instance, InstanceDiedError
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.messages import Failure
from localcloud.fc.instances.wire import INITIALIZE, PRE_FREEZE, PRE_STOP
from localcloud.fc.model import Answer, Parts
from localcloud.fc.platform import MB


def new_request_id() -> str:
    """Return a fresh request id in the platform's form."""
    drawn = uuid.uuid4().hex
    return f"1-{int(time.time()):08x}-{drawn[:8]}-{drawn[-12:]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outcome:
    """The outcome of the initializer or the handler."""

    duration: float  # seconds
    failure: Failure | str | None  # of the function, or how its instance died; None: success
    result: bytes = b""  # of a failure: what the program of a custom runtime has said, which is passed on


async def initialize(instance: Instance, request_id: str, log: InvocationLog) -> Answer | None:
    """Run the initializer unless it has run; return an answer only when it failed."""
    function = instance.function
    if instance.initialized or not function.initializer:
        return None
    log.line(f"FC Initialize Start RequestId: {request_id}")
    outcome = await _call(instance, INITIALIZE, b"", request_id, function.initialization_timeout, log)
    instance.initializer_seconds = outcome.duration
    if outcome.failure is None:
        instance.initialized = True
        log.line(f"FC Initialize End RequestId: {request_id}")
        return None
    instance.kill()
    answer = answer_failure(
        "InitializationError", outcome.failure, instance, request_id=request_id, duration=outcome.duration, log=log
    )
    log.line(f"FC Initialize End RequestId: {request_id}{_suffix(outcome.failure)}")
    return answer


async def invoke(
    instance: Instance,
    payload: bytes,
    *,
    request_id: str,
    log: InvocationLog,
    operation: str,
    parts: Parts | None = None,
) -> Answer:
    """Run the handler.

    Args:
        instance: the instance, whose initializer has run.
        payload: the event.
        request_id: the request's id.
        log: of the invocation.
        operation: `wire.INVOKE` or `wire.HTTP`.
        parts: gets a response that comes in parts; None: it has to come whole.
    """
    log.line(f"FC Invoke Start RequestId: {request_id}")
    instance.requests += 1
    outcome = await _call(instance, operation, payload, request_id, instance.function.timeout, log, parts)
    match outcome.failure:
        case None:
            peak = instance.meter.peak_memory
            answer = Answer(body=outcome.result, error_type=None, duration=outcome.duration, peak_memory=peak)
        case failure:
            handled = isinstance(failure, Failure) and failure.handled
            kind = "HandledInvocationError" if handled else "UnhandledInvocationError"
            answer = answer_failure(kind, failure, instance, request_id=request_id, duration=outcome.duration, log=log)
            if outcome.result:
                answer = replace(answer, body=outcome.result, own_words=True)
    log.line(f"FC Invoke End RequestId: {request_id}{_suffix(outcome.failure)}")
    log.report(_describe_use(answer, instance.function.memory))
    return answer


def _suffix(failure: Failure | str | None) -> str:
    """Return what follows in the log's last line when the function has failed, as the platform's runtimes write it."""
    if not isinstance(failure, Failure):
        return ""
    return f", Error: {'Handled' if failure.handled else 'Unhandled'} function error"


def _describe_use(answer: Answer, memory: int) -> str:
    """Return the sentence on an invocation's use, as the tail of its log has it (test of aliyun/fc-java-sdk: LogTypeSyncTail)."""
    milliseconds = answer.duration * 1000
    return (
        f"Duration: {milliseconds:.2f} ms, Billed Duration: {math.ceil(milliseconds)} ms, Memory Size: {memory} MB, "
        f"Max Memory Used: {answer.peak_memory / MB:.2f} MB"
    )


async def run_hook(instance: Instance, operation: str, log: InvocationLog) -> None:
    """Run a hook of an instance's life, if its function has it; a failure is logged.

    Args:
        instance: the instance; a hook that takes too long ends it.
        operation: `wire.PRE_FREEZE` or `wire.PRE_STOP`.
        log: gets what the hook prints.
    """
    function = instance.function
    handler, limit, name = {
        PRE_FREEZE: (function.pre_freeze, function.pre_freeze_timeout, "PreFreeze"),
        PRE_STOP: (function.pre_stop, function.pre_stop_timeout, "PreStop"),
    }[operation]
    if not handler:
        return
    request_id = new_request_id()
    log.line(f"FC {name} Start RequestId: {request_id}")
    outcome = await _call(instance, operation, b"", request_id, limit, log)
    if outcome.failure is not None:
        answer_failure(
            f"{name}Error", outcome.failure, instance, request_id=request_id, duration=outcome.duration, log=log
        )
    log.line(f"FC {name} End RequestId: {request_id}{_suffix(outcome.failure)}")


async def _call(
    instance: Instance,
    operation: str,
    payload: bytes,
    request_id: str,
    limit: float,
    log: InvocationLog,
    parts: Parts | None = None,
) -> _Outcome:
    begin = time.monotonic()
    try:
        reply, result = await instance.call(
            operation, payload, request_id=request_id, limit=limit, log=log, parts=parts
        )
    except InstanceDiedError as died:
        duration = time.monotonic() - begin
        death = describe_death(died.reason, instance, operation=operation, limit=limit, duration=duration)
        return _Outcome(duration=duration, failure=death)
    return _Outcome(duration=time.monotonic() - begin, failure=reply.failure, result=result)
