"""Services, functions and triggers on disk: one JSON document.

Every change writes the whole document beside the old one and renames it, so a crash loses nothing that was acknowledged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.fc.model import Function, Service, Trigger
from localcloud.kernel.documents import read_document, write_document


class FcStore:
    """Services, functions and triggers, in memory and on disk. Not thread-safe: one event loop uses it.

    Args:
        folder: where the document lies.

    Raises:
        LocalCloudError: the state cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "functions.json"
        self.services: dict[str, Service] = {}
        self.functions: dict[str, Function] = {}  # by path
        self.triggers: dict[tuple[str, str], Trigger] = {}  # by function's path and name
        if self._path.exists():
            read_document(self._path, self._load)

    def _load(self, record: Any) -> None:  # noqa: ANN401 - what the document holds
        self.services = {each["name"]: Service(**each) for each in record["services"]}
        functions = [Function(**each) for each in record["functions"]]
        self.functions = {each.path: each for each in functions}
        triggers = [Trigger(**each) for each in record["triggers"]]
        self.triggers = {(each.function, each.name): each for each in triggers}

    def save(self) -> None:
        """Write the document."""
        record = {
            "services": list(self.services.values()),
            "functions": list(self.functions.values()),
            "triggers": list(self.triggers.values()),
        }
        write_document(self._path, record)

    def functions_of(self, service: str) -> list[Function]:
        """Return the functions of a service (empty: those of FC 3.0) in order of their names."""
        found = [each for each in self.functions.values() if each.service == service]
        return sorted(found, key=lambda each: each.name)

    def triggers_of(self, function: str) -> list[Trigger]:
        """Return the triggers of a function, by its path, in order of their names."""
        found = [each for each in self.triggers.values() if each.function == function]
        return sorted(found, key=lambda each: each.name)
