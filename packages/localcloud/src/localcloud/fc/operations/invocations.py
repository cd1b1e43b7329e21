"""Invocations: one whose answer is waited for, and asynchronous ones, which triggers make too and which survive a restart."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid

from localcloud.fc.errors import FcError
from localcloud.fc.instances.fleet import Fleet
from localcloud.fc.instances.logs import Logs
from localcloud.fc.model import Invocation, Pending, Settings
from localcloud.fc.operations.aliases import AliasOperations
from localcloud.fc.operations.oss_triggers import make_event
from localcloud.fc.operations.tasks import Tasks
from localcloud.fc.operations.triggers import TriggerOperations
from localcloud.fc.platform import MAX_ASYNC_PAYLOAD, MAX_SYNC_PAYLOAD
from localcloud.fc.store.pending import PendingInvocations
from localcloud.oss.model import ObjectEvent

logger = logging.getLogger(__name__)


def new_request_id() -> str:
    """Return a fresh request id in the platform's form."""
    return f"1-{int(time.time()):x}-{uuid.uuid4().hex[:24]}"


class InvocationOperations:
    """The invocations of the account's functions.

    Args:
        aliases: lead to the functions.
        triggers: invoke some of them.
        fleet: runs them.
        logs: get what they print.
        pending: keeps the asynchronous invocations that are not done.
        settings: how these are tried again.
    """

    def __init__(
        self,
        *,
        aliases: AliasOperations,
        triggers: TriggerOperations,
        fleet: Fleet,
        logs: Logs,
        pending: PendingInvocations,
        settings: Settings,
    ) -> None:
        self._aliases = aliases
        self._triggers = triggers
        self._fleet = fleet
        self._logs = logs
        self._pending = pending
        self._settings = settings
        self._tasks = Tasks()

    async def invoke(self, path: str, payload: bytes, *, request_id: str = "", qualifier: str = "") -> Invocation:
        """Invoke a function and wait for its answer.

        Args:
            path: the function's path.
            payload: the event.
            request_id: the request's id; empty: a fresh one.
            qualifier: a version or an alias; empty: what is not published.

        Raises:
            FcError: FunctionNotFound, VersionNotFound, AliasNotFound, ResourceExhausted, EntityTooLarge, AccessDenied (the role
                cannot be assumed).
        """
        release = self._aliases.release(path, qualifier)
        if len(payload) > MAX_SYNC_PAYLOAD:
            raise FcError(
                "EntityTooLarge", f"the event has {len(payload)} bytes; at most {MAX_SYNC_PAYLOAD} are allowed"
            )
        request_id = request_id or new_request_id()
        log = self._logs.begin(path)
        answer, instance = await self._fleet.run(release, payload, request_id=request_id, log=log)
        return Invocation(
            request_id=request_id,
            instance_id=instance.id,
            code_checksum=instance.function.code_checksum,
            answer=answer,
            log_tail=log.tail,
        )

    def invoke_async(self, path: str, payload: bytes, *, request_id: str, qualifier: str = "") -> None:
        """Accept an invocation that is done later; a failure is tried again.

        Raises:
            FcError: FunctionNotFound, VersionNotFound, AliasNotFound, EntityTooLarge.
        """
        self._aliases.release(path, qualifier)
        if len(payload) > MAX_ASYNC_PAYLOAD:
            raise FcError(
                "EntityTooLarge",
                f"the event has {len(payload)} bytes; at most {MAX_ASYNC_PAYLOAD} are allowed for an asynchronous invocation",
            )
        self._accept(Pending(request_id=request_id, function=path, payload=payload, qualifier=qualifier))

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

    def resume(self) -> None:
        """Go on with the invocations that were accepted before a restart.

        Raises:
            LocalCloudError: one of them cannot be read.
        """
        for pending in self._pending.all():
            self._tasks.begin(self._invoke_until_done(pending))

    async def close(self) -> None:
        """Leave the invocations that are not done to the next start."""
        await self._tasks.cancel()

    def _accept(self, pending: Pending) -> None:
        self._pending.add(pending)
        self._tasks.begin(self._invoke_until_done(pending))

    async def _invoke_until_done(self, pending: Pending) -> None:
        """Try an invocation until it succeeds or all tries have failed, whatever the failure; then forget it."""
        retries, failures = self._settings.retries, 0
        while failures < retries.tries:
            if failures:
                await asyncio.sleep(retries.backoff * 2 ** (failures - 1))
            try:
                why = await self._try(pending)
            except FcError as error:
                if error.code == "ResourceExhausted":  # the function has not run: this is no try
                    await asyncio.sleep(retries.backoff)
                    continue
                why = str(error)
            except Exception as error:
                logger.exception("asynchronous invocation %s of %s failed", pending.request_id, pending.function)
                why = f"InternalServerError: {type(error).__name__}"
            if why is None:
                break
            failures += 1
            self._logs.begin(pending.function).line(
                f"FC Async Attempt {failures} of {retries.tries} failed RequestId: {pending.request_id} {why}"
            )
        else:
            logger.warning(
                "asynchronous invocation %s of %s failed %d times", pending.request_id, pending.function, retries.tries
            )
        self._pending.remove(pending.request_id)

    async def _try(self, pending: Pending) -> str | None:
        """Invoke the function once; return its failure, if it failed."""
        done = await self.invoke(
            pending.function, pending.payload, request_id=pending.request_id, qualifier=pending.qualifier
        )
        if done.answer.error_type is None:
            return None
        return f"{done.answer.error_type}: {done.answer.body[:500].decode(errors='replace')}"
