"""Projects, logstores, their indexes and logs. Values only; times are seconds since the epoch unless they say otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# Names of projects and logstores; that projects may have underscores is assumed.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]", re.ASCII)
NAME_RULE = "3 to 63 lower-case letters, digits, hyphens and underscores, a letter or digit at both ends"
FOR_EVER = 3650  # days that mean that logs are kept for ever (CreateLogStore, ttl)
TTL = range(1, FOR_EVER + 1)  # days
SHARDS = range(1, 100 + 1)
SPLIT_SHARDS = range(256 + 1)
MODES = ("standard", "query", "lite")  # the last is the older name of query
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Logstore:
    """A logstore of a project."""

    project: str
    name: str
    settings: LogstoreSettings
    created: float
    modified: float


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
class Shard:
    """A shard of a logstore: it takes the hash keys from `begin` up to `end`, which are MD5 digests in hexadecimal digits."""

    number: int
    begin: str
    end: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """The index of a logstore."""

    project: str
    logstore: str
    document: Mapping[str, object]  # as the API has it: `line`, `keys`, …
    modified: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """All projects, logstores and indexes at one moment. A change makes a new value."""

    projects: Mapping[str, Project] = field(default_factory=dict)
    logstores: Mapping[tuple[str, str], Logstore] = field(default_factory=dict)  # by project and name
    indexes: Mapping[tuple[str, str], Index] = field(default_factory=dict)  # by project and logstore
