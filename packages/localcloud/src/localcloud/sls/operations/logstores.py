"""Logstores."""

from __future__ import annotations

from dataclasses import replace

from localcloud.sls.errors import SlsError
from localcloud.sls.model import (
    ENCRYPTIONS,
    KEYS,
    METERING,
    MODES,
    SHARDS,
    SPLIT_SHARDS,
    TTL,
    Logstore,
    LogstoreSettings,
    divide,
)
from localcloud.sls.operations.contents import check_name
from localcloud.sls.operations.projects import Projects


class Logstores(Projects):
    """The logstores of projects."""

    def create_logstore(self, project: str, name: str, settings: LogstoreSettings) -> Logstore:
        """Make a logstore.

        Raises:
            SlsError: LogStoreInfoInvalid (name, settings), ProjectNotExist or LogStoreAlreadyExist.
        """
        check_name("logstore", name, "LogStoreInfoInvalid")
        _check(settings)
        with self._lock:
            self.project(project)
            if (project, name) in self._kept.logstores:
                raise SlsError("LogStoreAlreadyExist", f"logstore {name} already exists")
            now = self._clock()
            shards = divide(0, KEYS, settings.shard_count, first=0, now=now)
            logstore = Logstore(project=project, name=name, settings=settings, shards=shards, created=now, modified=now)
            self._put(logstore)
        return logstore

    def logstore(self, project: str, name: str) -> Logstore:
        """Return a logstore.

        Raises:
            SlsError: ProjectNotExist or LogStoreNotExist.
        """
        self.project(project)
        logstore = self._kept.logstores.get((project, name))
        if logstore is None:
            raise SlsError("LogStoreNotExist", f"logstore {name} does not exist")
        return logstore

    def logstores(self, project: str) -> list[Logstore]:
        """Return the logstores of a project, by name.

        Raises:
            SlsError: ProjectNotExist.
        """
        self.project(project)
        return [logstore for _, logstore in sorted(self._kept.logstores.items()) if logstore.project == project]

    def update_logstore(self, project: str, name: str, settings: LogstoreSettings) -> Logstore:
        """Give a logstore other settings; it keeps its shards, whatever their number there.

        Raises:
            SlsError: LogStoreInfoInvalid, ProjectNotExist or LogStoreNotExist.
        """
        _check(settings)
        with self._lock:
            logstore = replace(self.logstore(project, name), settings=settings, modified=self._clock())
            self._put(logstore)
        return logstore

    def delete_logstore(self, project: str, name: str) -> None:
        """Remove a logstore and all that it holds.

        Raises:
            SlsError: ProjectNotExist or LogStoreNotExist.
        """
        with self._lock:
            self.logstore(project, name)
            old = self._kept
            self._save(
                replace(
                    old,
                    logstores={key: each for key, each in old.logstores.items() if key != (project, name)},
                    indexes={key: each for key, each in old.indexes.items() if key != (project, name)},
                    groups={key: each for key, each in old.groups.items() if key[:2] != (project, name)},
                )
            )

    def _put(self, logstore: Logstore) -> None:
        key = (logstore.project, logstore.name)
        self._save(replace(self._kept, logstores={**self._kept.logstores, key: logstore}))


def _check(settings: LogstoreSettings) -> None:
    for name, number, allowed in (
        ("ttl", settings.ttl, TTL),
        ("shardCount", settings.shard_count, SHARDS),
    ):
        if number not in allowed:
            raise SlsError(
                "LogStoreInfoInvalid", f"{name} is {number}; it must be {allowed.start} to {allowed.stop - 1}"
            )
    if (settings.auto_split or settings.max_split_shard) and settings.max_split_shard not in SPLIT_SHARDS:
        raise SlsError("LogStoreInfoInvalid", f"maxSplitShard must be within range [1, {SPLIT_SHARDS.stop - 1}]")
    encryption = settings.encrypt_conf or {}
    if encryption.get("enable") and encryption.get("encrypt_type") not in ENCRYPTIONS:
        raise SlsError(
            "LogStoreInfoInvalid", "The encrypt_conf is invalid, [encrypt_type] key is missing or not supported"
        )
    if settings.metering_mode not in METERING:
        raise SlsError("ParameterInvalid", f"meteringMode must be {' or '.join(METERING)}")
    if settings.mode not in MODES:
        raise SlsError("LogStoreInfoInvalid", f"mode is {settings.mode[:80]!r}; it must be {' or '.join(MODES)}")
