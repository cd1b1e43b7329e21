"""Shards: the parts of a logstore, how they are split and merged, and the reading of one from a cursor on.

A shard that others have taken the place of is read as long as its logs are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from localcloud.kernel.documents import KeptDocument
from localcloud.sls.cursors import invalid_cursor
from localcloud.sls.errors import SlsError
from localcloud.sls.model import DAY, FOR_EVER, SPLIT_SHARDS, Contents, Log, Logstore, Shard, divide
from localcloud.sls.operations.contents import ProjectNames
from localcloud.sls.operations.indexes import Indexes
from localcloud.sls.store.logs import LogStorage
from localcloud.sls.wire import add_logs, write_list, write_log

MAX_GROUPS = range(1, 1000 + 1)  # of one answer (PullLogs, count)
MAX_PULLED = 10 * 1024**2  # bytes of one answer, unless a single group has more


@dataclass(frozen=True, kw_only=True, slots=True)
class Pull:
    """Log groups of a shard that were read together."""

    content: bytes  # a message LogGroupList
    count: int  # of groups
    following: int  # the cursor to go on from
    last: int | None  # the cursor of the last group; None: there is none


class Shards(Indexes):
    """The shards of logstores.

    Args:
        store: where contents are kept.
        logs: where logs are kept.
        clock: seconds since the epoch.
        names: those of all accounts' projects.

    Raises:
        LocalCloudError: the state on disk cannot be read.
    """

    def __init__(
        self, store: KeptDocument[Contents], logs: LogStorage, *, clock: Callable[[], float], names: ProjectNames
    ) -> None:
        super().__init__(store, clock=clock, names=names)
        self._logs = logs

    def tidy(self) -> None:
        """Remove from the disk what has expired, and what belongs to nothing any more."""
        self._logs.keep(lambda: [*self._kept.logstores.values()])
        for logstore in self._kept.logstores.values():
            self._logs.expire(logstore, self._live(logstore))

    def delete_logstore(self, project: str, name: str) -> None:
        """See `Logstores`."""
        super().delete_logstore(project, name)
        self._logs.keep(lambda: [*self._kept.logstores.values()])

    def delete_project(self, name: str) -> None:
        """See `Projects`."""
        super().delete_project(name)
        self._logs.keep(lambda: [*self._kept.logstores.values()])

    def shards(self, project: str, logstore: str) -> list[Shard]:
        """Return the shards of a logstore that can be read, by number.

        Raises:
            SlsError: ProjectNotExist or LogStoreNotExist.
        """
        found = self.logstore(project, logstore)
        live = self._live(found)
        return [shard for shard in found.shards if shard.closed is None or shard.closed >= live]

    def split_shard(
        self, project: str, logstore: str, shard: int, *, key: int | None = None, count: int = 2
    ) -> list[Shard]:
        """Let new shards take the place of one.

        Args:
            project: the project.
            logstore: the logstore.
            shard: its number.
            key: the first hash key of the second of two shards; None: they divide the keys evenly.
            count: of the new shards.

        Returns:
            The shard, and the new ones.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist, or ParameterInvalid: the shard is none that takes logs, the key is not
                within it, or there are too many shards.
        """
        with self._lock:
            found, old = self._open_shard(project, logstore, shard)
            if count not in range(2, SPLIT_SHARDS.stop - len(found.open_shards) + 1):
                raise SlsError(
                    "ParameterInvalid", f"invalid shard count: at least 2, and {SPLIT_SHARDS.stop - 1} that take logs"
                )
            first, parents = found.shards[-1].number + 1, [old.number]
            if key is None:
                new = divide(old.begin, old.end, count, first=first, now=self._clock(), parents=parents)
            elif old.begin < key < old.end and count == 2:
                new = [
                    *divide(old.begin, key, 1, first=first, now=self._clock(), parents=parents),
                    *divide(key, old.end, 1, first=first + 1, now=self._clock(), parents=parents),
                ]
            else:
                raise SlsError("ParameterInvalid", "invalid mid hash")
            (closed,) = self._replace_shards(found, [old], new)
        return [closed, *new]

    def merge_shards(self, project: str, logstore: str, shard: int) -> list[Shard]:
        """Let a new shard take the place of one and of that with the hash keys behind its own.

        Returns:
            The new shard, and the two.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist, or ParameterInvalid: the shard is none that takes logs, or the last.
        """
        with self._lock:
            found, left = self._open_shard(project, logstore, shard)
            right = next((each for each in found.open_shards if each.begin == left.end), None)
            if right is None:
                raise SlsError("ParameterInvalid", f"invalid shard id: no shard follows shard {shard}")
            old = [left, right]
            (new,) = divide(
                left.begin,
                right.end,
                1,
                first=found.shards[-1].number + 1,
                now=self._clock(),
                parents=[each.number for each in old],
            )
            return [new, *self._replace_shards(found, old, [new])]

    def _open_shard(self, project: str, logstore: str, number: int) -> tuple[Logstore, Shard]:
        found = self.logstore(project, logstore)
        shard = next((each for each in found.open_shards if each.number == number), None)
        if shard is None:
            raise SlsError("ParameterInvalid", f"invalid shard id: shard {number} takes no logs")
        return found, shard

    def _replace_shards(self, logstore: Logstore, old: list[Shard], new: list[Shard]) -> list[Shard]:
        """Let shards take the place of others, which are returned as they are then."""
        closed = {shard.number: replace(shard, closed=self._clock()) for shard in old}
        readable = self.shards(logstore.project, logstore.name)
        kept = [closed.get(shard.number, shard) for shard in readable]
        self._put(replace(logstore, shards=[*kept, *new]))
        return [*closed.values()]

    def begin_cursor(self, project: str, logstore: str, shard: int) -> int:
        """Return the cursor of a shard's first log group.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist or ShardNotExist.
        """
        found = self._with_shard(project, logstore, shard)
        return self._logs.cursors(found, shard, live=self._live(found))[0]

    def end_cursor(self, project: str, logstore: str, shard: int) -> int:
        """Return the cursor of the log group that will be a shard's next; see `begin_cursor`."""
        found = self._with_shard(project, logstore, shard)
        return self._logs.cursors(found, shard, live=self._live(found))[1]

    def cursor_at(self, project: str, logstore: str, shard: int, time: int) -> int:
        """Return the cursor of a shard's first log group that was received at a time or later; see `begin_cursor`.

        Args:
            project: the project.
            logstore: the logstore.
            shard: its number.
            time: seconds since the epoch.
        """
        found = self._with_shard(project, logstore, shard)
        return self._logs.cursor_at(found, shard, max(time, self._live(found)))

    def cursor_time(self, project: str, logstore: str, shard: int, cursor: int) -> int:
        """Return the time at which a log group was received, in seconds since the epoch; of the next one, the present.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist, ShardNotExist or InvalidCursor.
        """
        found = self._with_shard(project, logstore, shard)
        first, following = self._logs.cursors(found, shard, live=self._live(found))
        if cursor == following:
            return int(self._clock())
        received = self._logs.received_at(found, shard, cursor) if first <= cursor < following else None
        if received is None:
            raise invalid_cursor(str(cursor))
        return received

    def pull(self, project: str, logstore: str, shard: int, *, begin: int, end: int | None, count: int) -> Pull:
        """Read log groups of a shard; those that have expired are passed over.

        Args:
            project: the project.
            logstore: the logstore.
            shard: its number.
            begin: the cursor of the first one.
            end: the cursor before which the reading stops; None: it does not.
            count: groups at most.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist, ShardNotExist or InvalidCursor.
        """
        found = self._with_shard(project, logstore, shard)
        first, following = self._logs.cursors(found, shard, live=self._live(found))
        if begin > following:
            raise invalid_cursor(str(begin))
        begin = max(begin, first)
        end = following if end is None else min(end, following)
        pulled = self._logs.pull(found, shard, begin, min(end, begin + count), most=MAX_PULLED)
        return Pull(
            content=write_list(add_logs(each.head, map(_write_log, each.logs)) for each in pulled),
            count=len(pulled),
            following=pulled[-1].cursor + 1 if pulled else begin,
            last=pulled[-1].cursor if pulled else None,
        )

    def _with_shard(self, project: str, logstore: str, shard: int) -> Logstore:
        if all(each.number != shard for each in self.shards(project, logstore)):
            raise SlsError("ShardNotExist", f"shard {shard} does not exist")
        return self.logstore(project, logstore)

    def _live(self, logstore: Logstore) -> int:
        """Return the moment before which a logstore's logs have expired, in seconds since the epoch."""
        ttl = logstore.settings.ttl
        return 0 if ttl == FOR_EVER else int(self._clock()) - ttl * DAY


def _write_log(kept: tuple[int, str]) -> bytes:
    time, contents = kept
    return write_log(Log(time=time, contents=json.loads(contents)))
