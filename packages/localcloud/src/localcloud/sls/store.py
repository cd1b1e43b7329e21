"""SLS's state on disk: `sls.json`, readable by its owner only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.kernel.documents import read_document, write_document
from localcloud.sls.model import Contents, Index, Logstore, LogstoreSettings, Project, ProjectSettings


class SlsStore:
    """Reads and writes SLS's folder, which is made when missing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "sls.json"

    def load(self) -> Contents:
        """Return the contents that were saved last.

        Raises:
            LocalCloudError: the file cannot be read.
        """
        return read_document(self._path, _contents) if self._path.exists() else Contents()

    def save(self, contents: Contents) -> None:
        """Replace the contents that were saved."""
        record = {
            "projects": list(contents.projects.values()),
            "logstores": list(contents.logstores.values()),
            "indexes": list(contents.indexes.values()),
        }
        write_document(self._path, record)


def _contents(record: Any) -> Contents:  # noqa: ANN401 - what the file holds
    projects = [Project(**{**each, "settings": ProjectSettings(**each["settings"])}) for each in record["projects"]]
    logstores = [Logstore(**{**each, "settings": LogstoreSettings(**each["settings"])}) for each in record["logstores"]]
    indexes = [Index(**each) for each in record["indexes"]]
    return Contents(
        projects={project.name: project for project in projects},
        logstores={(logstore.project, logstore.name): logstore for logstore in logstores},
        indexes={(index.project, index.logstore): index for index in indexes},
    )
