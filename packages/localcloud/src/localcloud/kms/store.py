"""KMS's state on disk: `kms.json`, readable by its owner only, with the material of all keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.kernel.documents import KeptDocument
from localcloud.kms.model import Contents, Key, State


def open_store(folder: Path) -> KeptDocument[Contents]:
    """Return what reads and writes KMS's state in a folder."""
    return KeptDocument(folder / "kms.json", parse=_contents, record=_record, empty=Contents())


def _record(contents: Contents) -> dict[str, object]:
    return {"keys": list(contents.keys.values()), "aliases": dict(contents.aliases)}


def _contents(record: Any) -> Contents:  # noqa: ANN401 - what the file holds
    keys = [Key(**{**each, "state": State(each["state"])}) for each in record["keys"]]
    return Contents(keys={key.key_id: key for key in keys}, aliases=record["aliases"])
