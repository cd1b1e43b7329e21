"""SLS's state on disk: `sls.json`, readable by its owner only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.kernel.documents import KeptDocument
from localcloud.sls.model import (
    KEYS,
    ConsumerGroup,
    Contents,
    Description,
    DescriptionKind,
    Index,
    Logstore,
    LogstoreSettings,
    Project,
    ProjectSettings,
    Shard,
    divide,
)


def open_store(folder: Path) -> KeptDocument[Contents]:
    """Return what reads and writes SLS's state in a folder."""
    return KeptDocument(folder / "sls.json", parse=_contents, record=_record, empty=Contents())


def _record(contents: Contents) -> dict[str, object]:
    return {
        "projects": list(contents.projects.values()),
        "logstores": list(contents.logstores.values()),
        "indexes": list(contents.indexes.values()),
        "groups": list(contents.groups.values()),
        "descriptions": list(contents.descriptions.values()),
    }


def _contents(record: Any) -> Contents:  # noqa: ANN401 - what the file holds
    projects = [Project(**{**each, "settings": ProjectSettings(**each["settings"])}) for each in record["projects"]]
    logstores = [_logstore(each) for each in record["logstores"]]
    indexes = [Index(**each) for each in record["indexes"]]
    # What an embedded cloud without consumer groups has written has none.
    groups = [ConsumerGroup(**each) for each in record.get("groups", [])]
    descriptions = [_description(each) for each in record.get("descriptions", [])]  # likewise
    return Contents(
        projects={project.name: project for project in projects},
        logstores={(logstore.project, logstore.name): logstore for logstore in logstores},
        indexes={(index.project, index.logstore): index for index in indexes},
        groups={(group.project, group.logstore, group.name): group for group in groups},
        descriptions={(each.project, each.kind, each.name): each for each in descriptions},
    )


def _description(record: Any) -> Description:  # noqa: ANN401 - likewise
    return Description(**{**record, "kind": DescriptionKind(record["kind"]), "applied": tuple(record["applied"])})


def _logstore(record: Any) -> Logstore:  # noqa: ANN401 - likewise
    settings = LogstoreSettings(**record["settings"])
    if "shards" in record:
        shards = [Shard(**{**each, "parents": tuple(each["parents"])}) for each in record["shards"]]
    else:  # likewise: it never split any
        shards = divide(0, KEYS, settings.shard_count, first=0, now=record["created"])
    return Logstore(**{**record, "settings": settings, "shards": shards})
