"""Signals: messages to a handle's URL, for which wait conditions wait.

Sources: ROS, "ALIYUN::ROS::WaitConditionHandle" and "ALIYUN::ROS::WaitCondition". What a signal may hold beside `status`, `id` and
`data` is that of OpenStack Heat's, whose resource this one was; the bounds are assumed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace

from localcloud.kernel.values import same_secret
from localcloud.ros.errors import RosError
from localcloud.ros.model import Handle, Signal
from localcloud.ros.store import RosStore

MAX_SIGNALS, MAX_ID, MAX_REASON = 1000, 255, 4096
KEYS = {"status", "id", "data", "reason"}


class Signals:
    """The handles of one account.

    Args:
        store: what is kept of them.
    """

    def __init__(self, store: RosStore) -> None:
        self._store = store
        self._news: dict[str, asyncio.Event] = {}  # of the handles that somebody waits at
        self.base = ""  # the listener's URL

    def find(self, handle_id: str) -> Handle | None:
        """Return a handle; None: there is none."""
        return self._store.handles.get(handle_id)

    def create(self, handle_id: str) -> Handle:
        """Make a handle, or return the one there is."""
        handle = self._store.handles.get(handle_id) or Handle(id=handle_id, secret=secrets.token_urlsafe(32))
        self._store.save_handle(handle)
        return handle

    def forget(self, handle_id: str, *, above: int) -> None:
        """Forget the signals whose ids are numbers above one; all of them if it is negative.

        Raises:
            RosError: one of the ids is no number.
        """
        handle = self._store.handles[handle_id]
        if above >= 0 and (odd := [each for each in handle.signals if not each.isdecimal()]):
            raise RosError(
                "StackValidationFailed", f"the signal {odd[0]} has no number for an id, so that none is above {above}"
            )
        kept = {name: each for name, each in handle.signals.items() if above >= 0 and int(name) <= above}
        self._store.save_handle(replace(handle, signals=kept))

    def drop(self, handle_id: str) -> None:
        """Forget a handle: its URL takes no signals any more."""
        self._store.drop_handle(handle_id)
        if news := self._news.pop(handle_id, None):
            news.set()

    def opened_by(self, secret: str) -> Handle | None:
        """Return the handle of a secret; takes the same time whichever it is."""
        found = [each for each in self._store.handles.values() if same_secret(each.secret, secret)]
        return found[0] if found else None

    def receive(self, handle: Handle, record: Mapping[str, object]) -> str:
        """Take a signal, and return its id.

        Raises:
            RosError: it is not one, or there are too many.
        """
        status = str(record.get("status", "SUCCESS")).strip().upper()
        numbers = [int(each) for each in handle.signals if each.isdecimal()]
        name = str(record.get("id") or max(numbers, default=0) + 1)
        if record.keys() - KEYS or status not in {"SUCCESS", "FAILURE"} or len(name) > MAX_ID:
            raise RosError("InvalidParameter", "give status SUCCESS or FAILURE, and at will id, data and reason")
        if len(handle.signals) >= MAX_SIGNALS and name not in handle.signals:
            raise RosError("InvalidParameter", f"the handle has {MAX_SIGNALS} signals, as many as allowed")
        signal = Signal(
            succeeded=status == "SUCCESS",
            reason=str(record.get("reason") or f"Signal {name} received")[:MAX_REASON],
            data=record.get("data"),
        )
        self._store.save_handle(replace(handle, signals={**handle.signals, name: signal}))
        if handle.id in self._news:
            self._news[handle.id].set()
        return name

    async def next(self, handle_id: str) -> None:
        """Wait until a handle has got a signal, or is gone."""
        news = self._news.setdefault(handle_id, asyncio.Event())
        news.clear()
        await news.wait()
