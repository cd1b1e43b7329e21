"""The checkpoints of consumer groups, in the database of the logs: a row for each shard that a group has come somewhere in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from localcloud.sls.model import ConsumerGroup
from localcloud.sls.store.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS checkpoints (consumer_group TEXT, shard INTEGER, cursor TEXT, updated INTEGER, consumer TEXT,
    PRIMARY KEY (consumer_group, shard)) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The place in a shard up to which a consumer group has read it."""

    shard: int
    cursor: str = ""  # as the consumer gave it; empty: none has given any
    updated: int = 0  # microseconds since the epoch
    consumer: str = ""


class CheckpointStorage:
    """The checkpoints of all consumer groups. Thread-safe.

    Args:
        database: where they lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, group: ConsumerGroup) -> dict[int, Checkpoint]:
        """Return the checkpoints of a group, by shard."""
        statement = "SELECT shard, cursor, updated, consumer FROM checkpoints WHERE consumer_group = ?"
        with self._database.read() as database:
            rows = database.execute(statement, (_name(group),)).fetchall()
        return {
            shard: Checkpoint(shard=shard, cursor=cursor, updated=updated, consumer=consumer)
            for shard, cursor, updated, consumer in rows
        }

    def put(self, group: ConsumerGroup, checkpoint: Checkpoint) -> None:
        """Set the checkpoint of a shard.

        Raises:
            SlsError: ServerBusy: there is no room on the disk.
        """
        values = (_name(group), checkpoint.shard, checkpoint.cursor, checkpoint.updated, checkpoint.consumer)
        with self._database.write() as database:
            database.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?)", values)

    def keep(self, groups: Callable[[], Collection[ConsumerGroup]]) -> None:
        """Remove the checkpoints of all other groups.

        Args:
            groups: returns those that there are; it is asked once it is known which have checkpoints.
        """
        if not self._database.exists:
            return
        with self._database.write() as database:
            kept = {name for (name,) in database.execute("SELECT DISTINCT consumer_group FROM checkpoints")}
            gone = kept - {_name(group) for group in groups()}
            database.executemany("DELETE FROM checkpoints WHERE consumer_group = ?", [(name,) for name in gone])


def _name(group: ConsumerGroup) -> str:
    """Return what tells a group from another one of its name that was there before."""
    return f"{group.project}/{group.logstore}/{group.name}/{group.created}"
