"""The rows of what rules of replication have still to do: a version of a key of which something has changed.

A row is written with the change itself, and goes with the change that it causes in the target: neither is lost, whatever happens in
between. It says which version it is about, not what: that is looked at when its turn comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from localcloud.oss.model import Bucket
from localcloud.oss.settings.replication import rules_of
from localcloud.oss.store.database import Database, decode_key, encode_key

_INSERT = (
    "INSERT OR IGNORE INTO replications (bucket, rule, key, version, changed, historical) VALUES (?, ?, ?, ?, ?, ?)"
)


def _no_one() -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """A version that a rule has to look at."""

    number: int
    key: str
    version: str


class ReplicationRows:
    """What is to be done for the rules of a store's buckets. Each call is a part of the caller's transaction.

    Args:
        database: of the store.

    Attributes:
        told: called when there is something to do.
        clock: seconds since the epoch.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.told: Callable[[], object] = _no_one
        self.clock: Callable[[], float] = time.time

    def note(self, bucket: Bucket, key: str, version: str) -> None:
        """Note that something of a version has changed, for each rule that wants its key."""
        for rule in rules_of(bucket):
            if rule.wants(key):
                self._database.run(_INSERT, bucket.name, rule.rule_id, encode_key(key), version, self.clock(), 0)
                self.told()

    def note_all(self, bucket: str, rule: str, versions: Iterable[tuple[str, str]]) -> None:
        """Note versions, each a key and its id, that were there before a rule."""
        now = self.clock()
        for key, version in versions:
            self._database.run(_INSERT, bucket, rule, encode_key(key), version, now, 1)
        self.told()

    def first(self, bucket: str, rule: str, behind: int, count: int) -> list[Pending]:
        """Return what a rule has to look at first, in order.

        Args:
            bucket: the bucket's name.
            rule: the rule's id.
            behind: the number of the row behind which to begin.
            count: rows at most.
        """
        rows = self._database.run(
            "SELECT number, key, version FROM replications WHERE bucket = ? AND rule = ? AND number > ? ORDER BY number LIMIT ?",
            *(bucket, rule, behind, count),
        )
        return [Pending(number=row[0], key=decode_key(row[1]), version=row[2]) for row in rows]

    def remove(self, number: int) -> None:
        """Remove a row."""
        self._database.run("DELETE FROM replications WHERE number = ?", number)

    def drop(self, bucket: str, rule: str) -> None:
        """Remove all rows of a rule."""
        self._database.run("DELETE FROM replications WHERE bucket = ? AND rule = ?", bucket, rule)

    def left(self, bucket: str, rule: str) -> tuple[int, float | None]:
        """Return how many versions of before its time a rule has still to copy, and since when the oldest change waits.

        The latter is in seconds since the epoch; None: none waits.
        """
        ((historical, oldest),) = self._database.run(
            "SELECT coalesce(sum(historical), 0), min(CASE historical WHEN 0 THEN changed END) FROM replications "
            "WHERE bucket = ? AND rule = ?",
            *(bucket, rule),
        )
        return historical, oldest
