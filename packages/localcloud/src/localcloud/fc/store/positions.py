"""The places in the shards of logstores up to which log triggers have invoked their functions: one JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path

from localcloud.kernel.documents import KeptDocument

Positions = Mapping[str, Mapping[str, int]]  # a cursor, by trigger's id and number of shard


class LogPositions:
    """The places of all log triggers, on disk.

    Args:
        path: the document.

    Raises:
        LocalCloudError: the document cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._kept: KeptDocument[Positions] = KeptDocument(path, parse=_read, record=dict, empty={})
        self._positions = self._kept.load()

    def get(self, trigger_id: str, shard: int) -> int:
        """Return the cursor of the first log group of a shard that a trigger has not done; 0: it has done none."""
        return self._positions.get(trigger_id, {}).get(str(shard), 0)

    def put(self, trigger_id: str, shard: int, cursor: int) -> None:
        """Keep that a trigger has done what is before a cursor; it is durable when this returns."""
        of_trigger = {**self._positions.get(trigger_id, {}), str(shard): cursor}
        self._save({**self._positions, trigger_id: of_trigger})

    def keep(self, trigger_ids: Set[str]) -> None:
        """Forget the places of all triggers but some."""
        if self._positions.keys() - trigger_ids:
            self._save({key: each for key, each in self._positions.items() if key in trigger_ids})

    def _save(self, positions: Positions) -> None:
        self._kept.save(positions)
        self._positions = positions


def _read(record: Positions) -> Positions:
    return {key: {shard: int(cursor) for shard, cursor in each.items()} for key, each in record.items()}
