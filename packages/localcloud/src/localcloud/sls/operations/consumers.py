"""Consumer groups: consumers that share the shards of a logstore, and the place in each shard up to which they have read it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Collection
from dataclasses import replace

from localcloud.kernel.documents import KeptDocument
from localcloud.sls.cursors import read_cursor
from localcloud.sls.errors import SlsError
from localcloud.sls.model import CONSUMER_NAME, CONSUMER_NAME_RULE, ConsumerGroup, Contents, Shard
from localcloud.sls.operations.assignment import Assignment
from localcloud.sls.operations.contents import ProjectNames
from localcloud.sls.operations.logs import Logs
from localcloud.sls.store.checkpoints import Checkpoint, CheckpointStorage
from localcloud.sls.store.logs import LogStorage

MAX_GROUPS = 30  # of a logstore (CreateConsumerGroup)
TIMEOUTS = range(1, 86_400 + 1)  # seconds (assumed)
MAX_CHECKPOINT = 1024  # characters; the embedded cloud's own limit
_MICROSECONDS = 10**6  # of a second


class Consumers(Logs):
    """The consumer groups of logstores.

    Args:
        store: where contents are kept.
        logs: where logs are kept.
        checkpoints: where checkpoints are kept.
        clock: seconds since the epoch.
        names: those of all accounts' projects.

    Raises:
        LocalCloudError: the state on disk cannot be read.
    """

    def __init__(
        self,
        store: KeptDocument[Contents],
        logs: LogStorage,
        checkpoints: CheckpointStorage,
        *,
        clock: Callable[[], float],
        names: ProjectNames,
    ) -> None:
        super().__init__(store, logs, clock=clock, names=names)
        self._checkpoints = checkpoints
        self._assignments: dict[ConsumerGroup, Assignment] = {}
        self._beating = threading.Lock()  # held while an assignment is looked at

    def tidy(self) -> None:
        """See `Shards`."""
        super().tidy()
        self._checkpoints.keep(lambda: [*self._kept.groups.values()])

    def create_consumer_group(
        self, project: str, logstore: str, name: str, *, timeout: int, in_order: bool
    ) -> ConsumerGroup:
        """Make a consumer group.

        Raises:
            SlsError: JsonInfoInvalid, ProjectNotExist, LogStoreNotExist, ConsumerGroupAlreadyExist or ConsumerGroupQuotaExceed.
        """
        if not CONSUMER_NAME.fullmatch(name):
            raise SlsError(
                "JsonInfoInvalid", f"the name of consumer group {name[:80]!r} is invalid: use {CONSUMER_NAME_RULE}"
            )
        _check(timeout)
        with self._lock:
            groups = self.consumer_groups(project, logstore)
            if any(group.name == name for group in groups):
                raise SlsError("ConsumerGroupAlreadyExist", f"consumer group {name} already exist")
            if len(groups) >= MAX_GROUPS:
                raise SlsError("ConsumerGroupQuotaExceed", f"a logstore has {MAX_GROUPS} consumer groups at most")
            group = ConsumerGroup(
                project=project,
                logstore=logstore,
                name=name,
                timeout=timeout,
                in_order=in_order,
                created=self._clock(),
            )
            self._put_group(group)
        return group

    def consumer_groups(self, project: str, logstore: str) -> list[ConsumerGroup]:
        """Return the consumer groups of a logstore, by name.

        Raises:
            SlsError: ProjectNotExist or LogStoreNotExist.
        """
        self.logstore(project, logstore)
        return [group for key, group in sorted(self._kept.groups.items()) if key[:2] == (project, logstore)]

    def consumer_group(self, project: str, logstore: str, name: str) -> ConsumerGroup:
        """Return a consumer group.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist or ConsumerGroupNotExist.
        """
        self.logstore(project, logstore)
        group = self._kept.groups.get((project, logstore, name))
        if group is None:
            raise SlsError("ConsumerGroupNotExist", "consumer group not exist")
        return group

    def update_consumer_group(
        self, project: str, logstore: str, name: str, *, timeout: int | None, in_order: bool | None
    ) -> None:
        """Change a consumer group; None leaves a setting as it is. See `create_consumer_group` and `consumer_group`."""
        if timeout is not None:
            _check(timeout)
        with self._lock:
            group = self.consumer_group(project, logstore, name)
            changed = replace(
                group,
                timeout=group.timeout if timeout is None else timeout,
                in_order=group.in_order if in_order is None else in_order,
            )
            self._put_group(changed)
        with self._beating:
            if (assignment := self._assignments.pop(group, None)) is not None:
                self._assignments[changed] = assignment

    def delete_consumer_group(self, project: str, logstore: str, name: str) -> None:
        """Remove a consumer group and its checkpoints; see `consumer_group`."""
        with self._lock:
            self.consumer_group(project, logstore, name)
            old = self._kept
            kept = {key: each for key, each in old.groups.items() if key != (project, logstore, name)}
            self._save(replace(old, groups=kept))
        self._checkpoints.keep(lambda: [*self._kept.groups.values()])

    def checkpoints(self, project: str, logstore: str, name: str) -> list[Checkpoint]:
        """Return the checkpoint of each shard; see `consumer_group`."""
        known = self._checkpoints.of(self.consumer_group(project, logstore, name))
        return [known.get(shard.number, Checkpoint(shard=shard.number)) for shard in self.shards(project, logstore)]

    def put_checkpoint(
        self, project: str, logstore: str, name: str, shard: int, cursor: str, *, consumer: str, force: bool
    ) -> None:
        """Note the place in a shard up to which a consumer group has read it.

        Args:
            project: the project.
            logstore: the logstore.
            name: the name of the group.
            shard: the number of the shard.
            cursor: as clients get it.
            consumer: the name of the consumer.
            force: it need not be a consumer that holds the shard.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist, ConsumerGroupNotExist, ShardNotExist, InvalidShardCheckPoint,
                ConsumerNotMatch or ServerBusy (the disk is full).
        """
        group = self.consumer_group(project, logstore, name)
        if all(each.number != shard for each in self.shards(project, logstore)):
            raise SlsError("ShardNotExist", "shard not exist", 404)
        try:
            base64.b64decode(cursor, validate=True)
        except ValueError as error:
            raise SlsError("InvalidShardCheckPoint", "shard checkpoint not encoded by base64") from error
        if len(cursor) > MAX_CHECKPOINT:
            raise SlsError("InvalidShardCheckPoint", f"a checkpoint has {MAX_CHECKPOINT} characters at most")
        with self._beating:
            held = (assignment := self._assignments.get(group)) is not None and assignment.holds(consumer, shard)
        if not (force or held):
            raise SlsError("ConsumerNotMatch", f"shard {shard} is not held by consumer {consumer[:80]!r}")
        updated = int(self._clock() * _MICROSECONDS)
        self._checkpoints.put(group, Checkpoint(shard=shard, cursor=cursor, updated=updated, consumer=consumer))

    def beat(self, project: str, logstore: str, name: str, consumer: str, reads: Collection[int]) -> list[int]:
        """Take the heartbeat of a consumer, and return the numbers of the shards that it is to read.

        Args:
            project: the project.
            logstore: the logstore.
            name: the name of the group.
            consumer: the name of the consumer.
            reads: the numbers of the shards that it reads.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist, ConsumerGroupNotExist, ParameterInvalid (the name, or too many), or
                NotExistConsumerWithBody: it is not known, or has been gone for too long, and reads nevertheless.
        """
        group = self.consumer_group(project, logstore, name)
        if not CONSUMER_NAME.fullmatch(consumer):
            raise SlsError("ParameterInvalid", f"consumer {consumer[:80]!r} is invalid: use {CONSUMER_NAME_RULE}")
        shards = [shard.number for shard in self._shards_for(group)]
        with self._beating:
            living = {*self._kept.groups.values()}
            self._assignments = {each: kept for each, kept in self._assignments.items() if each in living}
            assignment = self._assignments.setdefault(group, Assignment())
            try:
                return assignment.beat(consumer, reads, shards, now=self._clock(), timeout=group.timeout)
            except KeyError as error:
                raise SlsError(
                    "NotExistConsumerWithBody", "non-exist consumer with non-empty body of heartbeat message"
                ) from error
            except OverflowError as error:
                raise SlsError("ParameterInvalid", str(error)) from error

    def _shards_for(self, group: ConsumerGroup) -> list[Shard]:
        """Return the shards that a group may read: in order, none before those that it has taken the place of are read."""
        shards = self.shards(group.project, group.logstore)
        if not group.in_order or all(shard.closed is None for shard in shards):
            return shards
        known = self._checkpoints.of(group)
        unread = {
            shard.number for shard in shards if shard.closed is not None and not self._is_read(group, shard, known)
        }
        return [shard for shard in shards if unread.isdisjoint(shard.parents)]

    def _is_read(self, group: ConsumerGroup, shard: Shard, known: dict[int, Checkpoint]) -> bool:
        place = (group.project, group.logstore, shard.number)
        first, following = self.begin_cursor(*place), self.end_cursor(*place)
        checkpoint = known.get(shard.number)
        try:
            reached = read_cursor(checkpoint.cursor) if checkpoint and checkpoint.cursor else first
        except SlsError:
            return False  # the consumer gave something else in base64
        return reached >= following

    def _put_group(self, group: ConsumerGroup) -> None:
        key = (group.project, group.logstore, group.name)
        self._save(replace(self._kept, groups={**self._kept.groups, key: group}))


def _check(timeout: int) -> None:
    if timeout not in TIMEOUTS:
        raise SlsError(
            "JsonInfoInvalid", f"timeout is {timeout}; it must be {TIMEOUTS.start} to {TIMEOUTS.stop - 1} seconds"
        )
