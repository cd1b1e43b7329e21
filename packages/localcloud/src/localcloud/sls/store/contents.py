"""SLS's state on disk: `sls.json`, readable by its owner only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.kernel.documents import KeptDocument
from localcloud.sls.model import Contents, Index, Logstore, LogstoreSettings, Project, ProjectSettings


def open_store(folder: Path) -> KeptDocument[Contents]:
    """Return what reads and writes SLS's state in a folder."""
    return KeptDocument(folder / "sls.json", parse=_contents, record=_record, empty=Contents())


def _record(contents: Contents) -> dict[str, object]:
    return {
        "projects": list(contents.projects.values()),
        "logstores": list(contents.logstores.values()),
        "indexes": list(contents.indexes.values()),
    }


def _contents(record: Any) -> Contents:  # noqa: ANN401 - what the file holds
    projects = [Project(**{**each, "settings": ProjectSettings(**each["settings"])}) for each in record["projects"]]
    logstores = [Logstore(**{**each, "settings": LogstoreSettings(**each["settings"])}) for each in record["logstores"]]
    indexes = [Index(**each) for each in record["indexes"]]
    return Contents(
        projects={project.name: project for project in projects},
        logstores={(logstore.project, logstore.name): logstore for logstore in logstores},
        indexes={(index.project, index.logstore): index for index in indexes},
    )
