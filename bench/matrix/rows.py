"""The rows of the matrix, and the versions that were resolved for them: two files of JSON, written after each row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.matrix.cases import Case

ROWS = "packages.json"  # in the folder of the page
PINS = "bench/matrix/versions.json"  # in the project's folder
# What a result depends on beside the package: the build and the loader.
_SOURCES = tuple(
    f"packages/heavylift/src/heavylift/{each}"
    for each in ("build/*.py", "build/*.toml", "contracts/*.py", "runtime/*.py")
)

Versions = Mapping[str, str]  # of a package and of what it brings, by name
Key = tuple[str, str]  # package and Python


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The result of one package on one Python. Where it failed, the numbers of the later steps are zero."""

    package: str
    python: str  # "3.10"
    inputs: str = ""  # fingerprint of all that the result depends on
    versions: Versions = field(default_factory=dict)
    packed: int = 0  # bytes
    unpacked: int = 0  # bytes, in whole pages
    system: tuple[str, ...] = ()  # libraries that the runtime must have
    ran_on: str = ""  # the instance's Python: "3.10.13"
    runs: tuple[tuple[float, float], ...] = ()  # seconds of the import and of the whole start, for each start
    failure: str = ""  # why it does not work, or was not tried; empty: it works

    @property
    def key(self) -> Key:
        """The package and the Python."""
        return self.package, self.python

    def is_current(self, inputs: str) -> bool:
        """Return whether the row need not be measured again: it works, and its inputs are as they were."""
        return not self.failure and self.inputs == inputs


def fingerprint(root: Path, case: Case, python: str, versions: Versions) -> str:
    """Return the digest of the inputs of a row's result.

    Args:
        root: the project's folder.
        case: the package.
        python: the target's version.
        versions: of the package and of what it brings.
    """
    sources = [path.read_bytes().hex() for pattern in _SOURCES for path in sorted(root.glob(pattern))]
    inputs = [case.source, case.answer, python, sorted(versions.items()), sources]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]


def read_rows(folder: Path, machine: Mapping[str, object]) -> dict[Key, Row]:
    """Return the rows that were measured on a machine; none where there is no such file yet."""
    path = folder / ROWS
    if not path.exists():
        return {}
    record = json.loads(path.read_text(encoding="utf-8"))
    if record["machine"] != machine:
        return {}
    rows = [Row(**{**each, **_tuples(each)}) for each in record["rows"]]
    return {row.key: row for row in rows}


def _tuples(each: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {"system": tuple(each["system"]), "runs": tuple(tuple(run) for run in each["runs"])}


def write_rows(folder: Path, rows: Iterable[Row], machine: Mapping[str, object]) -> None:
    """Write all rows, in the order given."""
    _write(folder / ROWS, {"command": "make matrix", "machine": machine, "rows": [asdict(row) for row in rows]})


def read_pins(root: Path) -> dict[Key, Versions]:
    """Return the versions that are built, of each package and Python that was resolved once."""
    path = root / PINS
    if not path.exists():
        return {}
    record = json.loads(path.read_text(encoding="utf-8"))
    return {(package, python): versions for package, pins in record.items() for python, versions in pins.items()}


def write_pins(root: Path, pins: Mapping[Key, Versions]) -> None:
    """Write the versions that are built."""
    record: dict[str, dict[str, Versions]] = {}
    for (package, python), versions in sorted(pins.items()):
        record.setdefault(package, {})[python] = versions
    _write(root / PINS, record)


def _write(path: Path, record: Any) -> None:  # noqa: ANN401 - JSON
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
