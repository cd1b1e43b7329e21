"""Invocations: one whose answer is waited for, and asynchronous ones, which triggers make too and which survive a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from localcloud.fc.configs import DONE, AsyncConfig, Task, TaskState
from localcloud.fc.errors import FcError
from localcloud.fc.instances.fleet import Fleet
from localcloud.fc.instances.instance import Instance
from localcloud.fc.instances.logs import Logs
from localcloud.fc.instances.requests import new_request_id
from localcloud.fc.instances.wire import INVOKE
from localcloud.fc.model import Answer, Invocation, Parts, Pending, Settings, Trigger
from localcloud.fc.operations.aliases import AliasOperations
from localcloud.fc.operations.async_tasks import AsyncTaskOperations
from localcloud.fc.operations.configs import ConfigOperations
from localcloud.fc.operations.destinations import Deliver, make_result, read_destination
from localcloud.fc.operations.oss_triggers import make_event
from localcloud.fc.operations.tasks import Tasks
from localcloud.fc.operations.throttle import Throttle
from localcloud.fc.operations.triggers import TriggerOperations
from localcloud.fc.platform import DEFAULT_ASYNC_AGE, MAX_ASYNC_PAYLOAD, MAX_SYNC_PAYLOAD, MB
from localcloud.fc.releases import Release
from localcloud.fc.store.pending import PendingInvocations
from localcloud.kernel.hourly import LOOK
from localcloud.oss.model import ObjectEvent

logger = logging.getLogger(__name__)


class InvocationOperations:
    """The invocations of the account's functions.

    Args:
        aliases: lead to the functions.
        triggers: invoke some of them.
        fleet: runs them.
        logs: get what they print.
        pending: keeps the asynchronous invocations that are not done.
        configs: limit the functions, and say how asynchronous invocations are tried again.
        tasks: keep the course of some.
        deliver: hands results to each kind of destination.
        settings: how asynchronous invocations are tried again otherwise.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        aliases: AliasOperations,
        triggers: TriggerOperations,
        fleet: Fleet,
        logs: Logs,
        pending: PendingInvocations,
        configs: ConfigOperations,
        tasks: AsyncTaskOperations,
        deliver: Mapping[str, Deliver],
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._aliases = aliases
        self._triggers = triggers
        self._fleet = fleet
        self._logs = logs
        self._pending = pending
        self._configs = configs
        self._kept = tasks
        self._deliver = deliver
        self._settings = settings
        self._clock = clock
        self._throttle = Throttle(configs)
        self._tasks = Tasks()
        self._running: dict[str, asyncio.Task[None]] = {}  # by request id

    async def invoke(
        self,
        path: str,
        payload: bytes,
        *,
        request_id: str = "",
        qualifier: str = "",
        operation: str = INVOKE,
        parts: Parts | None = None,
        asynchronous: bool = False,
    ) -> Invocation:
        """Invoke a function and wait for its answer.

        Args:
            path: the function's path.
            payload: the event.
            request_id: the request's id; empty: a fresh one.
            qualifier: a version or an alias; empty: what is not published.
            operation: `wire.INVOKE`, or `wire.HTTP` for a handler that is a WSGI application.
            parts: gets the response of a custom runtime that comes in parts; None: it has to come whole.
            asynchronous: it was accepted before.

        Raises:
            FcError: FunctionNotFound, VersionNotFound, AliasNotFound, ResourceExhausted, EntityTooLarge, AccessDenied (invocations
                are disabled, or the role cannot be assumed).
        """
        release = self._aliases.invoked(path, qualifier)
        if len(payload) > MAX_SYNC_PAYLOAD:
            raise FcError(
                "EntityTooLarge", f"the event has {len(payload)} bytes; at most {MAX_SYNC_PAYLOAD} are allowed"
            )
        request_id = request_id or new_request_id()
        log = self._logs.begin(release, request_id)
        with self._throttle.admit(release):
            answer, instance = await self._fleet.run(
                release, payload, request_id=request_id, log=log, operation=operation, parts=parts
            )
        self._logs.tell_use(release, request_id, _metrics(release, answer, instance, asynchronous=asynchronous))
        return Invocation(
            request_id=request_id,
            instance_id=instance.id,
            code_checksum=instance.function.code_checksum,
            answer=answer,
            log_tail=log.tail if release.function.concurrency == 1 else b"",  # several requests share a log
        )

    def invoke_async(
        self, path: str, payload: bytes, *, request_id: str = "", qualifier: str = "", task: str = "", delay: int = 0
    ) -> str:
        """Accept an invocation that is done later; a failure is tried again.

        Args:
            path: the function's path.
            payload: the event.
            request_id: the request's id; empty: a fresh one.
            qualifier: a version or an alias; empty: what is not published.
            task: the id under which its course is kept; empty: a configuration says whether it is.
            delay: seconds for which it is put off.

        Returns:
            The request's id.

        Raises:
            FcError: FunctionNotFound, VersionNotFound, AliasNotFound, AccessDenied, EntityTooLarge,
                StatefulAsyncInvocationAlreadyExists.
        """
        self._aliases.invoked(path, qualifier)
        if len(payload) > MAX_ASYNC_PAYLOAD:
            raise FcError(
                "EntityTooLarge",
                f"the event has {len(payload)} bytes; at most {MAX_ASYNC_PAYLOAD} are allowed for an asynchronous invocation",
            )
        request_id = request_id or new_request_id()
        self._accept(
            Pending(request_id=request_id, function=path, payload=payload, qualifier=qualifier, task=task), delay
        )
        return request_id

    def fire(self, event: ObjectEvent) -> None:
        """Invoke the functions whose triggers an object's event fires."""
        for trigger in self._triggers.fired_by(event):
            request_id = new_request_id()
            payload = make_event(
                event,
                trigger,
                region=self._settings.region,
                account_id=self._settings.account_id,
                request_id=request_id,
            )
            self._accept(
                Pending(request_id=request_id, function=trigger.function, payload=payload, qualifier=trigger.qualifier)
            )

    def fire_timer(self, trigger: Trigger, payload: bytes) -> None:
        """Invoke the function of a timer that is due."""
        self.invoke_async(trigger.function, payload, qualifier=trigger.qualifier)

    async def invoke_by(self, trigger: Trigger, payload: bytes) -> str:
        """Invoke the function of a trigger that waits for it; return why that failed, empty: it did not."""
        try:
            done = await self.invoke(trigger.function, payload, qualifier=trigger.qualifier)
        except FcError as error:
            return str(error)
        return _failure(done.answer)

    def resume(self) -> None:
        """Go on with the invocations that were accepted before a restart.

        Raises:
            LocalCloudError: one of them cannot be read.
        """
        for pending in self._pending.all():
            self._begin(pending)

    async def stop(self, task: Task) -> None:
        """Stop a task: it is not invoked any more, and the instance that it runs on ends.

        Raises:
            FcError: InvalidArgument: it is done.
        """
        if task.state in DONE:
            raise FcError("InvalidArgument", f"task '{task.id}' is done: {task.state.value}")
        if running := self._running.get(task.request_id):
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        pending = Pending(request_id=task.request_id, function=task.function, payload=b"", task=task.id)
        self._kept.move(pending, TaskState.STOPPED)
        self._pending.remove(task.request_id)

    async def close(self) -> None:
        """Leave the invocations that are not done to the next start."""
        await self._tasks.cancel()

    def _accept(self, pending: Pending, delay: int = 0) -> None:
        config = self._configs.find_async(pending.function, pending.qualifier)
        task = pending.task or (pending.request_id if config and config.stateful else "")
        now = self._clock()
        pending = replace(pending, accepted=now, due=now + delay if delay else 0.0, task=task)
        if task:
            self._kept.accept(pending)
        self._pending.add(pending)
        self._begin(pending)

    def _begin(self, pending: Pending) -> None:
        task = self._tasks.begin(self._invoke_until_done(pending))
        self._running[pending.request_id] = task
        task.add_done_callback(lambda _: self._running.pop(pending.request_id, None))

    async def _invoke_until_done(self, pending: Pending) -> None:
        """Try an invocation until it succeeds, has waited for too long, or all tries have failed; then forget it.

        That the time of one that was put off counts from when it is due is assumed.
        """
        while (left := pending.due - self._clock()) > 0:  # the clock may be moved meanwhile
            await asyncio.sleep(min(left, LOOK))
        waits_since = max(pending.accepted, pending.due)
        config = self._configs.find_async(pending.function, pending.qualifier) or AsyncConfig(
            function=pending.function, qualifier=pending.qualifier
        )
        retries, failures = self._settings.retries, 0
        tries = retries.tries if config.retries is None else config.retries + 1
        done: Invocation | None = None
        while True:
            if waits_since and self._clock() - waits_since > (config.max_age or DEFAULT_ASYNC_AGE):
                state, why = TaskState.EXPIRED, "the invocation has waited for too long"
                break
            self._kept.move(pending, TaskState.RUNNING)
            try:
                done = await self.invoke(
                    pending.function,
                    pending.payload,
                    request_id=pending.request_id,
                    qualifier=pending.qualifier,
                    asynchronous=True,
                )
                why = _failure(done.answer)
            except FcError as error:
                if error.code == "ResourceExhausted":  # the function has not run: this is no try
                    await asyncio.sleep(retries.backoff)
                    continue
                done, why = None, str(error)
            except Exception as error:
                logger.exception("asynchronous invocation %s of %s failed", pending.request_id, pending.function)
                done, why = None, f"InternalServerError: {type(error).__name__}"
            if not why:
                state = TaskState.SUCCEEDED
                break
            failures += 1
            self._logs.note(
                pending.function,
                f"FC Async Attempt {failures} of {tries} failed RequestId: {pending.request_id} {why}",
            )
            if failures >= tries:
                state = TaskState.FAILED
                logger.warning(
                    "asynchronous invocation %s of %s failed %d times", pending.request_id, pending.function, tries
                )
                break
            self._kept.move(pending, TaskState.RETRYING, detail=why)
            await asyncio.sleep(retries.backoff * 2 ** (failures - 1))
        result = done.answer.body if done else b""
        self._kept.move(pending, state, detail=why, result=result, instance=done.instance_id if done else "")
        self._tell_destination(config, pending, done.answer if done else None, state, tries=failures + (not why))
        self._pending.remove(pending.request_id)

    def _tell_destination(
        self, config: AsyncConfig, pending: Pending, answer: Answer | None, state: TaskState, *, tries: int
    ) -> None:
        """Hand the result to the destination, if there is one."""
        arn = config.on_success if state is TaskState.SUCCEEDED else config.on_failure
        if not arn:
            return
        why = "" if state is TaskState.SUCCEEDED else (answer and answer.error_type) or state.value
        payload = make_result(
            pending,
            answer,
            why=why,
            tries=tries,
            region=self._settings.region,
            account_id=self._settings.account_id,
            now=self._clock(),
        )
        destination = read_destination(arn)
        try:
            self._deliver[destination.kind](destination, payload)
        except FcError as error:
            self._logs.note(
                pending.function, f"FC Error: destination {arn} got no result RequestId: {pending.request_id} {error}"
            )


def _metrics(release: Release, answer: Answer, instance: Instance, *, asynchronous: bool) -> Sequence[tuple[str, str]]:
    """Return what an invocation took, as far as it is known here ("Request-level metric logs")."""
    failed = answer.error_type is not None
    metrics = [
        ("operation", "InvokeFunction"),
        ("invocationType", "Async" if asynchronous else "Sync"),
        ("durationMs", f"{answer.duration * 1000:.2f}"),
        ("memoryMB", str(release.function.memory)),
        ("memoryUsageMB", f"{answer.peak_memory / MB:.2f}"),
        ("isColdStart", str(instance.requests == 1).lower()),
        ("hasFunctionError", str(failed).lower()),
        ("instanceID", instance.id),
        ("resourceMode", "OnDemand"),
    ]
    return [*metrics, ("errorType", "FunctionUnhandledError")] if failed else metrics


def _failure(answer: Answer) -> str:
    """Describe the failure that an answer tells; empty: success."""
    if answer.error_type is None:
        return ""
    return f"{answer.error_type}: {answer.body[:500].decode(errors='replace')}"
