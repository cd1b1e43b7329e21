"""Projects, logstores, shards, indexes, consumer groups, logs. Values only; times are seconds since the epoch unless they say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

# Names of projects and logstores; that projects may have underscores is assumed.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]", re.ASCII)
NAME_RULE = "3 to 63 lower-case letters, digits, hyphens and underscores, a letter or digit at both ends"
CONSUMER_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,255}", re.ASCII)  # of consumer groups and consumers (assumed)
CONSUMER_NAME_RULE = "1 to 255 letters, digits, hyphens, underscores, points and colons"
FOR_EVER = 3650  # days that mean that logs are kept for ever (CreateLogStore, ttl)
TTL = range(1, FOR_EVER + 1)  # days
SHARDS = range(1, 100 + 1)
SPLIT_SHARDS = range(1, 256 + 1)  # that take logs, once some were split
KEYS = 2**128  # hash keys that there are: MD5 digests
MODES = ("standard", "query", "lite")  # the last is the older name of query
# Of encrypt_conf (CreateLogStore, encrypt_type).
ENCRYPTIONS = {"default", "m4"} | {
    f"{kind}_{mode}" for kind in ("sm4", "aes") for mode in ("ecb", "cbc", "cfb", "ofb", "gcm")
}
METERING = (
    "ChargeByFunction",
    "ChargeByDataIngest",
)  # by what logs are paid for; the first unless another is asked for
NANOSECONDS = 10**9  # of a second
DAY = 24 * 60 * 60  # seconds
TOPIC, SOURCE, TAG = "__topic__", "__source__", "__tag__"  # the names of what comes with each log


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectSettings:
    """The settings of a project."""

    description: str = ""
    resource_group_id: str = ""
    data_redundancy_type: str = "LRS"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project, which holds logstores."""

    name: str
    settings: ProjectSettings
    created: float
    modified: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LogstoreSettings:
    """The settings of a logstore ("CreateLogStore")."""

    ttl: int  # days
    shard_count: int
    mode: str = "standard"
    auto_split: bool = False
    max_split_shard: int = 0  # 0: not given
    append_meta: bool = False
    enable_tracking: bool = False
    telemetry_type: str = ""
    hot_ttl: int | None = None  # days; None: all of them
    infrequent_access_ttl: int | None = None  # days; None: never
    encrypt_conf: Mapping[str, object] | None = None
    metering_mode: str = METERING[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """A shard of a logstore, which takes the hash keys from `begin` up to `end`."""

    number: int
    begin: int
    end: int
    created: float
    closed: float | None = (
        None  # since when others have taken its place, and it takes no more logs; None: it takes them
    )
    parents: Sequence[int] = ()  # the shards that it has taken the place of


@dataclass(frozen=True, kw_only=True, slots=True)
class Logstore:
    """A logstore of a project."""

    project: str
    name: str
    settings: LogstoreSettings
    shards: Sequence[Shard]  # by number
    created: float
    modified: float
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def open_shards(self) -> Sequence[Shard]:
        """The shards that take logs."""
        return [shard for shard in self.shards if shard.closed is None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """A log; bytes of its texts that are not UTF-8 are surrogates."""

    time: int  # nanoseconds since the epoch
    contents: Sequence[tuple[str, str]]  # names and values, in the order in which they were sent


@dataclass(frozen=True, kw_only=True, slots=True)
class LogGroup:
    """Logs that were sent together, and what they have in common."""

    topic: str = ""
    source: str = ""
    tags: Sequence[tuple[str, str]] = ()
    logs: Sequence[Log] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """The index of a logstore."""

    project: str
    logstore: str
    document: Mapping[str, object]  # as the API has it: `line`, `keys`, …
    modified: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsumerGroup:
    """A consumer group of a logstore, whose consumers share its shards."""

    project: str
    logstore: str
    name: str
    timeout: int  # seconds without a heartbeat, after which a consumer is taken for gone
    in_order: bool  # what has taken a shard's place is read after it
    created: float


class DescriptionKind(StrEnum):
    """A kind of description that a project keeps."""

    DASHBOARD = "dashboard"
    SAVED_SEARCH = "savedsearch"
    MACHINE_GROUP = "machinegroup"
    CONFIG = "logtailconfig"


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What a project keeps as it was given."""

    project: str
    kind: DescriptionKind
    name: str
    document: Mapping[str, object]
    created: float
    modified: float
    applied: Sequence[str] = ()  # of a machine group: the names of the configurations that it has


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """All projects and what they hold at one moment, but for logs. A change makes a new value."""

    projects: Mapping[str, Project] = field(default_factory=dict)
    logstores: Mapping[tuple[str, str], Logstore] = field(default_factory=dict)  # by project and name
    indexes: Mapping[tuple[str, str], Index] = field(default_factory=dict)  # by project and logstore
    groups: Mapping[tuple[str, str, str], ConsumerGroup] = field(default_factory=dict)  # by project, logstore and name
    descriptions: Mapping[tuple[str, DescriptionKind, str], Description] = field(
        default_factory=dict
    )  # by project, kind and name


def divide(begin: int, end: int, count: int, *, first: int, now: float, parents: Sequence[int] = ()) -> list[Shard]:
    """Return new shards that divide hash keys evenly.

    Args:
        begin: the first key.
        end: the one after the last.
        count: of shards.
        first: the number of the first one.
        now: seconds since the epoch.
        parents: the shards whose place they take.
    """
    bounds = [begin + (end - begin) * place // count for place in range(count + 1)]
    return [
        Shard(number=first + place, begin=low, end=high, created=now, parents=tuple(parents))
        for place, (low, high) in enumerate(pairwise(bounds))
    ]
