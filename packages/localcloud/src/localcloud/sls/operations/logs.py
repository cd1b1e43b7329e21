"""Logs: written to a shard, searched by their time and by the index, and counted over time.

Expiry counts from when a log was received, by whatever time it says of itself (assumed).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from localcloud.sls.errors import SlsError
from localcloud.sls.model import NANOSECONDS, TOPIC, LogGroup, Logstore
from localcloud.sls.operations.shards import Shards
from localcloud.sls.search.fields import fields_of
from localcloud.sls.search.index import Rules
from localcloud.sls.search.matching import Fields, Matches, compile_query
from localcloud.sls.search.parsing import Everything, parse
from localcloud.sls.store.logs import Found, Packet
from localcloud.sls.wire import write_group

MAX_TIME = 5.0  # seconds that a search may take; then its answer is incomplete. The embedded cloud's own limit
MAX_ANSWER = 10 * 1024**2  # bytes of logs in an answer, unless a single one has more; likewise
INTERVALS = 60  # of a histogram, at most (assumed)
LARGE = 64 * 1024  # characters of a log that may take as long to look at as many others


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """The logs that are looked for: those of a stretch of time, with one topic, that a query holds for."""

    begin: int  # nanoseconds since the epoch
    end: int  # likewise; logs of that moment do not belong to it
    topic: str = ""  # empty: any
    query: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Logs that were found."""

    logs: Sequence[tuple[int, Fields]]  # the time of each, in nanoseconds since the epoch, and its fields
    examined: int  # logs that were looked at
    complete: bool  # all that the search asked for was looked at, and is there


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """The number of logs of a stretch of time."""

    begin: int  # seconds since the epoch
    end: int  # likewise
    count: int
    complete: bool


class Logs(Shards):
    """The logs of logstores."""

    _turns = count()  # in which shards take what names no hash key (assumed: one after another)

    def put_logs(
        self, project: str, logstore: str, group: LogGroup, *, key: int | None = None, source: str = ""
    ) -> None:
        """Write a log group.

        Args:
            project: the project.
            logstore: the logstore.
            group: the group; an empty one is nothing.
            key: the hash key, whose shard takes it; None: any shard.
            source: the address that it was sent from, for logstores that note it.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist or ServerBusy (the disk is full).
        """
        found = self.logstore(project, logstore)
        if not group.logs:
            return
        now, shards = int(self._clock()), found.open_shards
        if found.settings.append_meta:
            meta = (("__receive_time__", str(now)), ("__client_ip__", source))
            group = replace(group, tags=(*group.tags, *meta))
        packet = Packet(
            head=write_group(replace(group, logs=())), logs=[(log.time, json.dumps(log.contents)) for log in group.logs]
        )
        if key is None:
            shard = shards[next(self._turns) % len(shards)]
        else:
            shard = next(each for each in shards if each.begin <= key < each.end)
        self._logs.append(found, shard.number, packet, now=now)

    def get_logs(self, project: str, logstore: str, search: Search, *, offset: int, line: int, reverse: bool) -> Page:
        """Return logs in the order of their times.

        Args:
            project: the project.
            logstore: the logstore.
            search: the logs that are looked for.
            offset: logs that are left out in front.
            line: logs at most.
            reverse: the latest come first.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist, IndexConfigNotExist, InvalidTimeRange, InvalidQueryString, ParameterInvalid
                or NotImplemented (an analytic statement).
        """
        matches = self._matches(project, logstore, search)
        found, logs, left = self.logstore(project, logstore), list[tuple[int, Fields]](), MAX_ANSWER
        examined, skipped = 0, offset if matches else 0
        deadline = time.monotonic() + MAX_TIME
        with closing(
            self._logs.find(
                found,
                search.begin,
                search.end,
                reverse=reverse,
                live=self._live(found),
                offset=0 if matches else offset,
            )
        ) as candidates:
            for candidate in candidates:
                if len(logs) == line:
                    break
                if left < 0 or time.monotonic() > deadline:
                    return Page(logs=logs, examined=examined, complete=False)
                examined += 1
                fields = fields_of(candidate.head, candidate.content)
                try:
                    if matches and not matches(_until(deadline, fields, candidate)):
                        continue
                except TimeoutError:
                    return Page(logs=logs, examined=examined, complete=False)
                if skipped:
                    skipped -= 1
                    continue
                left -= len(candidate.content) + len(candidate.head)
                logs.append((candidate.time, fields))
        return Page(logs=logs, examined=examined, complete=True)

    def histogram(self, project: str, logstore: str, search: Search, *, step: int = 0) -> list[Interval]:
        """Return the numbers of logs of equal parts of a search's time; see `get_logs`.

        Args:
            project: the project.
            logstore: the logstore.
            search: the logs that are counted. Parts begin and end at whole seconds, and count nothing besides.
            step: seconds of a part; 0, or too few: as many as make `INTERVALS` parts.
        """
        matches = self._matches(project, logstore, search)
        found = self.logstore(project, logstore)
        begin, end = search.begin // NANOSECONDS, -(-search.end // NANOSECONDS)
        step = max(step, -(-(end - begin) // INTERVALS))
        starts = range(begin, end, step)
        if matches:
            counts, complete = self._count(found, search, matches, starts)
        else:
            complete, counts = True, []
            for start in starts:
                first, last = max(start * NANOSECONDS, search.begin), min((start + step) * NANOSECONDS, search.end)
                counts.append(self._logs.count(found, first, last, live=self._live(found)))
        return [
            Interval(begin=start, end=min(start + step, end), count=number, complete=complete)
            for start, number in zip(starts, counts, strict=True)
        ]

    def _count(self, found: Logstore, search: Search, matches: Matches, starts: range) -> tuple[list[int], bool]:
        """Return how many logs that match begin in each part, and whether all were looked at in time."""
        counts, deadline = [0] * len(starts), time.monotonic() + MAX_TIME
        logs = self._logs.find(found, search.begin, search.end, reverse=False, live=self._live(found))
        with closing(logs) as candidates:
            try:
                for candidate in candidates:
                    _check(deadline)
                    if matches(_until(deadline, fields_of(candidate.head, candidate.content), candidate)):
                        counts[(candidate.time // NANOSECONDS - starts.start) // starts.step] += 1
            except TimeoutError:
                return counts, False
        return counts, True

    def _matches(self, project: str, logstore: str, search: Search) -> Matches | None:
        """Return the question that a search asks of logs; None: all are meant."""
        rules = Rules.of(self.index(project, logstore).document)
        if search.begin >= search.end:
            raise SlsError("InvalidTimeRange", "request time range is invalid: it begins when it has ended")
        condition = parse(search.query)
        matches = compile_query(condition, rules)
        if not search.topic:
            return None if isinstance(condition, Everything) else matches
        return lambda fields: fields[0] == (TOPIC, search.topic) and matches(fields)


class _Timed(Sequence[tuple[str, str]]):
    """The fields of a log, each of which is looked at before a deadline, or not at all."""

    def __init__(self, fields: Fields, deadline: float) -> None:
        self._fields = fields
        self._deadline = deadline

    def __len__(self) -> int:
        return len(self._fields)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 - as a sequence's is
        return self._fields[place]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for field in self._fields:
            _check(self._deadline)
            yield field


def _until(deadline: float, fields: Fields, found: Found) -> Fields:
    """Return the fields of a log, so that looking at them ends at a deadline with TimeoutError where that may take long."""
    return _Timed(fields, deadline) if len(found.head) + len(found.content) > LARGE else fields


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError
