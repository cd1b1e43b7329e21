"""Triggers of functions."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from localcloud.fc.errors import FcError
from localcloud.fc.model import TRIGGER_TYPES, Trigger
from localcloud.fc.operations.aliases import AliasOperations
from localcloud.fc.operations.functions import FunctionOperations
from localcloud.fc.operations.http_triggers import check_http_trigger
from localcloud.fc.operations.log_triggers import Logstores, check_logstore, read_job
from localcloud.fc.operations.oss_triggers import bucket_of, check_conflicts, check_oss_trigger, fires, from_oss
from localcloud.fc.operations.rules import check_name
from localcloud.fc.operations.timers import check_timer
from localcloud.fc.operations.uploads import Buckets
from localcloud.fc.releases import LATEST
from localcloud.fc.store.resources import FcStore
from localcloud.oss.model import ObjectEvent

CHECKS: Mapping[str, Callable[[Trigger], object]] = {  # of configurations, by the kind of trigger
    "oss": check_oss_trigger,
    "http": check_http_trigger,
    "timer": check_timer,
    "log": read_job,
}


class TriggerOperations:
    """The triggers of the account, by their functions' paths.

    Args:
        store: keeps them.
        functions: they belong to one.
        aliases: they may name a version or an alias of it.
        buckets: objects in them fire some.
        region: of the functions, and of the buckets.
        logstores: logs in them fire some.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        store: FcStore,
        *,
        functions: FunctionOperations,
        aliases: AliasOperations,
        buckets: Buckets,
        region: str,
        logstores: Logstores,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._functions = functions
        self._aliases = aliases
        self._buckets = buckets
        self._region = region
        self._logstores = logstores
        self._clock = clock

    def create(self, trigger: Trigger) -> Trigger:
        """Create a trigger.

        Raises:
            FcError: FunctionNotFound, TriggerAlreadyExists, InvalidArgument, NotImplemented, OSSInvalidRequest.
        """
        self._functions.get(trigger.function)
        check_name("triggerName", trigger.name)
        if (trigger.function, trigger.name) in self._store.triggers:
            raise FcError("TriggerAlreadyExists", f"trigger '{trigger.name}' already exists")
        return self._put(replace(trigger, trigger_id=str(uuid.uuid4()), created=self._clock()))

    def get(self, function: str, name: str) -> Trigger:
        """Return a trigger.

        Raises:
            FcError: FunctionNotFound, TriggerNotFound.
        """
        self._functions.get(function)
        if (function, name) not in self._store.triggers:
            raise FcError("TriggerNotFound", f"trigger '{name}' does not exist")
        return self._store.triggers[function, name]

    def all(self, function: str) -> list[Trigger]:
        """Return a function's triggers in order of their names.

        Raises:
            FcError: FunctionNotFound.
        """
        self._functions.get(function)
        return self._store.triggers_of(function)

    def everywhere(self) -> list[Trigger]:
        """Return the triggers of all functions."""
        return list(self._store.triggers.values())

    def by_id(self, trigger_id: str) -> Trigger:
        """Return the HTTP trigger with an id.

        Raises:
            FcError: TriggerNotFound.
        """
        for trigger in self._store.triggers.values():
            if trigger.kind == "http" and trigger.trigger_id == trigger_id:
                return trigger
        raise FcError("TriggerNotFound", f"no HTTP trigger has the id {trigger_id[:100]!r}")

    def http_of(self, function: str, qualifier: str) -> Trigger:
        """Return a function's HTTP trigger for a version or an alias; empty, or LATEST: what is not published.

        Raises:
            FcError: FunctionNotFound, TriggerNotFound.
        """
        for trigger in self.all(function):
            if trigger.kind == "http" and (trigger.qualifier or LATEST) == (qualifier or LATEST):
                return trigger
        raise FcError("TriggerNotFound", f"the function has no HTTP trigger for {qualifier[:100] or LATEST}")

    def fired_by(self, event: ObjectEvent) -> list[Trigger]:
        """Return the triggers that an object's event fires."""
        return [trigger for trigger in self._store.triggers.values() if fires(trigger, event)]

    def update(self, trigger: Trigger) -> Trigger:
        """Replace a trigger's settings.

        Raises:
            FcError: FunctionNotFound, TriggerNotFound, InvalidArgument, OSSInvalidRequest.
        """
        self.get(trigger.function, trigger.name)
        return self._put(trigger)

    def delete(self, function: str, name: str) -> None:
        """Delete a trigger.

        Raises:
            FcError: FunctionNotFound, TriggerNotFound.
        """
        self.get(function, name)
        del self._store.triggers[function, name]
        self._store.save()

    def _put(self, trigger: Trigger) -> Trigger:
        self._aliases.release(trigger.function, trigger.qualifier)
        if trigger.kind not in TRIGGER_TYPES:
            raise FcError("NotImplemented", f"not implemented: triggers of type {trigger.kind!r}")
        CHECKS[trigger.kind](trigger)
        if trigger.kind == "oss":
            self._check_bucket(trigger)
        if trigger.kind == "log":
            check_logstore(trigger, self._logstores)
        trigger = replace(trigger, modified=self._clock())
        self._store.triggers[trigger.function, trigger.name] = trigger
        self._store.save()
        return trigger

    def _check_bucket(self, trigger: Trigger) -> None:
        bucket = self._buckets.find(bucket_of(trigger))
        if bucket is None:
            raise from_oss("The specified bucket does not exist.")
        if bucket.region != self._region:  # "OSS triggers": both are in one region; the words are assumed
            raise from_oss(f"The bucket is in {bucket.region}, not in the function's region {self._region}.")
        check_conflicts(trigger, [each for key, each in self._store.triggers.items() if key != trigger.key])
