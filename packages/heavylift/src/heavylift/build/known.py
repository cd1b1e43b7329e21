"""References that an earlier build has read in a package's files, and whether they are those that a build would read now.

What is read in them depends on the files that may go, of all packages, and a new requirement brings some. Few of these can be meant
in another package: who refers to one writes all parts of its name, so where a package does not hold all these words, nothing has to
be read again. Of files that may go and lie where the package's own do, each counts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from heavylift.build.candidates import Candidates
from heavylift.build.mentions import words_in
from heavylift.build.references import References

_NAME = "references.json"  # in the folder of a package


@dataclass(frozen=True, slots=True)
class Known:
    """The references in a package's files.

    Attributes:
        key: of what they depend on beside the files.
        words: that stand in the package's sources.
        found: the references, by path.
    """

    key: str
    words: Set[str]
    found: Mapping[str, References]


class Bearing:
    """The files that may go, by what they bear on.

    Args:
        candidates: these files.
    """

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._going = [(_top(path), candidates.owner(path), path) for path in sorted(candidates.going)]
        self._targets = [(_top(target), frozenset(words_in(target)), target) for target in sorted(candidates.targets())]

    def key(self, paths: Collection[str], words: Set[str]) -> str:
        """Return a digest of all that the references in a package depend on beside its files.

        Args:
            paths: of the package's files that stay.
            words: that stand in its sources.
        """
        tops, owners = set(map(_top, paths)), set(map(self._candidates.owner, paths))
        own = [path for top, owner, path in self._going if top in tops or owner in owners]
        named = [target for top, parts, target in self._targets if top in tops or words >= parts]
        return hashlib.sha256(json.dumps([sorted(paths), own, named]).encode()).hexdigest()


def read_known(place: Path) -> Known | None:
    """Return what an earlier build has read in the package of a folder; None: nothing."""
    try:
        record = json.loads((place / _NAME).read_bytes())
    except (OSError, ValueError):
        return None
    found = {
        path: References(**{**fields, "folders": [set(words) for words in fields["folders"]]})
        for path, fields in record["found"].items()
    }
    return Known(record["key"], frozenset(record["words"]), found)


def write_known(place: Path, known: Known) -> None:
    """Keep what was read in the package of a folder."""
    found = {path: _fields(references) for path, references in known.found.items()}
    temporary = place / f"{_NAME}.new"
    record = {"key": known.key, "words": sorted(known.words), "found": found}
    temporary.write_text(json.dumps(record), encoding="utf-8")
    temporary.rename(place / _NAME)


def _fields(references: References) -> dict[str, object]:
    fields = ((each.name, getattr(references, each.name)) for each in dataclasses.fields(references))
    record = {name: sorted(value) if isinstance(value, Set) else value for name, value in fields}
    return {**record, "folders": [sorted(words) for words in references.folders]}


def _top(path: str) -> str:
    return path.partition("/")[0]
