"""Shards: the parts of a logstore, and the reading of one from a cursor on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.kernel.documents import KeptDocument
from localcloud.sls.errors import SlsError
from localcloud.sls.model import DAY, FOR_EVER, Contents, Log, Logstore, Shard
from localcloud.sls.operations.contents import ProjectNames
from localcloud.sls.operations.indexes import Indexes
from localcloud.sls.store.logs import LogStorage
from localcloud.sls.wire import add_logs, write_list, write_log

KEYS = 2**128  # hash keys that there are
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
        logs.keep([*self._contents.logstores.values()])  # a killed process may have left some of others

    def shards(self, project: str, logstore: str) -> list[Shard]:
        """Return the shards of a logstore, which divide the hash keys evenly.

        Raises:
            SlsError: ProjectNotExist or LogStoreNotExist.
        """
        count = self.logstore(project, logstore).settings.shard_count
        bounds = [f"{KEYS * number // count:032x}" for number in range(count)] + [f"{KEYS - 1:032x}"]
        return [Shard(number=number, begin=bounds[number], end=bounds[number + 1]) for number in range(count)]

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

    def _save(self, contents: Contents) -> None:
        gone = self._contents.logstores.keys() - contents.logstores.keys()
        super()._save(contents)
        if gone:
            self._logs.keep([*contents.logstores.values()])

    def _with_shard(self, project: str, logstore: str, shard: int) -> Logstore:
        found = self.logstore(project, logstore)
        if shard not in range(found.settings.shard_count):
            raise SlsError("ShardNotExist", f"shard {shard} does not exist")
        return found

    def _live(self, logstore: Logstore) -> int:
        """Return the moment before which a logstore's logs have expired, in seconds since the epoch."""
        ttl = logstore.settings.ttl
        return 0 if ttl == FOR_EVER else int(self._clock()) - ttl * DAY


def _write_log(kept: tuple[int, str]) -> bytes:
    time, contents = kept
    return write_log(Log(time=time, contents=json.loads(contents)))


def invalid_cursor(cursor: str) -> SlsError:
    """Return the error of a cursor that is none of the shard's."""
    return SlsError("InvalidCursor", f"Invalid Cursor {cursor[:80]}")
