"""The consumers of a consumer group, and which shards each of them holds.

A consumer tells by its heartbeats that it lives, and which shards it reads; the answer says which it is to hold. Shards are shared
out evenly. One that is to go from a consumer to another is left out of the first one's answers, and given to the other once the
first no longer reads it, or is gone: no shard is read by two. Nothing of this is on disk.

Sources: SLS API reference, "ConsumerGroupHeartBeat"; `heart_beat.py` of aliyun-log-python-sdk, `heart_beat.go` of that for Go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

MAX_CONSUMERS = 1000  # of a group; the embedded cloud's own limit


@dataclass(slots=True)
class _Consumer:
    beat: float  # the moment of its last heartbeat
    held: set[int] = field(default_factory=set)  # the shards that it is to read
    leaving: set[int] = field(default_factory=set)  # those that it is to leave, and still reads


class Assignment:
    """The consumers of one group; not safe for threads."""

    def __init__(self) -> None:
        self._consumers: dict[str, _Consumer] = {}

    def holds(self, consumer: str, shard: int) -> bool:
        """Return True if a consumer is to read a shard, or still does."""
        known = self._consumers.get(consumer)
        return known is not None and shard in known.held | known.leaving

    def beat(
        self, consumer: str, reads: Collection[int], shards: Sequence[int], *, now: float, timeout: float
    ) -> list[int]:
        """Take a heartbeat, and return the shards that the consumer is to read.

        Args:
            consumer: its name.
            reads: the shards that it says it reads.
            shards: those that there are for the group.
            now: seconds, on any clock.
            timeout: seconds without a heartbeat, after which a consumer is taken for gone.

        Raises:
            KeyError: the consumer is not known, and reads shards nevertheless.
            OverflowError: there are too many consumers.
        """
        self._consumers = {name: each for name, each in self._consumers.items() if now - each.beat <= timeout}
        if consumer not in self._consumers:
            if reads:
                raise KeyError(consumer)
            if len(self._consumers) == MAX_CONSUMERS:
                raise OverflowError(f"a consumer group has {MAX_CONSUMERS} consumers at most")
            self._consumers[consumer] = _Consumer(beat=now)
        own = self._consumers[consumer]
        own.beat = now
        own.leaving &= {*reads}
        for each in self._consumers.values():
            each.held &= {*shards}
        share = self._share(consumer, len(shards))
        for shard in sorted(own.held)[share:]:
            own.held.discard(shard)
            own.leaving.add(shard)
        taken = set[int]().union(*(each.held | each.leaving for each in self._consumers.values()))
        free = [*sorted(own.leaving & {*shards}), *(shard for shard in shards if shard not in taken)]
        for shard in free[: max(0, share - len(own.held))]:
            own.held.add(shard)
            own.leaving.discard(shard)
        return sorted(own.held)

    def _share(self, consumer: str, shards: int) -> int:
        """Return the number of shards that a consumer is to hold: the first ones by name hold what is left over."""
        each, over = divmod(shards, len(self._consumers))
        return each + (sorted(self._consumers).index(consumer) < over)
