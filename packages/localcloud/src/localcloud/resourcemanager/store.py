"""Resource Manager's state on disk: `groups.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.kernel.documents import KeptDocument
from localcloud.resourcemanager.model import Groups, ResourceGroup


def open_store(folder: Path) -> KeptDocument[Groups]:
    """Return what reads and writes Resource Manager's state in a folder."""
    return KeptDocument(folder / "groups.json", parse=_groups, record=_record, empty=Groups())


def _record(groups: Groups) -> dict[str, object]:
    return {"groups": list(groups.groups.values())}


def _groups(record: Any) -> Groups:  # noqa: ANN401 - what the file holds
    return Groups(groups={each["id"]: ResourceGroup(**each) for each in record["groups"]})
