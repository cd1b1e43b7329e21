"""KMS's state on disk: `kms.json`, readable by its owner only, with the material of all keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.kernel.documents import read_document, write_document
from localcloud.kms.model import Contents, Key, State


class KmsStore:
    """Reads and writes KMS's folder, which is made when missing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "kms.json"

    def load(self) -> Contents:
        """Return the contents that were saved last.

        Raises:
            LocalCloudError: the file cannot be read.
        """
        return read_document(self._path, _contents) if self._path.exists() else Contents()

    def save(self, contents: Contents) -> None:
        """Replace the contents that were saved."""
        write_document(self._path, {"keys": list(contents.keys.values()), "aliases": dict(contents.aliases)})


def _contents(record: Any) -> Contents:  # noqa: ANN401 - what the file holds
    keys = [Key(**{**each, "state": State(each["state"])}) for each in record["keys"]]
    return Contents(keys={key.key_id: key for key in keys}, aliases=record["aliases"])
