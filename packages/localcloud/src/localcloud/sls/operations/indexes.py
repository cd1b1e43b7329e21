"""Indexes of logstores. They are kept as they were given; `search.index` reads what a search asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from localcloud.sls.errors import SlsError
from localcloud.sls.model import Index
from localcloud.sls.operations.tags import Tags


class Indexes(Tags):
    """The indexes of logstores."""

    def create_index(self, project: str, logstore: str, document: Mapping[str, object]) -> Index:
        """Make the index of a logstore.

        Raises:
            SlsError: IndexInfoInvalid, ProjectNotExist, LogStoreNotExist or IndexAlreadyExist.
        """
        _check(document)
        with self._lock:
            self.logstore(project, logstore)
            if (project, logstore) in self._kept.indexes:
                raise SlsError("IndexAlreadyExist", f"the index of logstore {logstore} already exists")
            return self._put_index(project, logstore, document)

    def index(self, project: str, logstore: str) -> Index:
        """Return the index of a logstore.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist or IndexConfigNotExist.
        """
        self.logstore(project, logstore)
        index = self._kept.indexes.get((project, logstore))
        if index is None:
            raise SlsError("IndexConfigNotExist", "logstore without index config")
        return index

    def update_index(self, project: str, logstore: str, document: Mapping[str, object]) -> Index:
        """Give a logstore another index.

        Raises:
            SlsError: IndexInfoInvalid, ProjectNotExist, LogStoreNotExist or IndexConfigNotExist.
        """
        _check(document)
        with self._lock:
            self.index(project, logstore)
            return self._put_index(project, logstore, document)

    def delete_index(self, project: str, logstore: str) -> None:
        """Remove the index of a logstore.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist or IndexConfigNotExist.
        """
        with self._lock:
            self.index(project, logstore)
            old = self._kept
            kept = {key: each for key, each in old.indexes.items() if key != (project, logstore)}
            self._save(replace(old, indexes=kept))

    def _put_index(self, project: str, logstore: str, document: Mapping[str, object]) -> Index:
        index = Index(project=project, logstore=logstore, document=document, modified=self._clock())
        self._save(replace(self._kept, indexes={**self._kept.indexes, (project, logstore): index}))
        return index


def _check(document: Mapping[str, object]) -> None:
    for name in ("line", "keys"):
        if not isinstance(document.get(name, {}), Mapping):
            raise SlsError("IndexInfoInvalid", f"{name} must be an object")
    if not document.keys() & {"line", "keys"}:
        raise SlsError("IndexInfoInvalid", "an index needs line or keys")
