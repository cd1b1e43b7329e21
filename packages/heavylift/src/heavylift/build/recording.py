"""Recordings: which pages of code of large libraries a start, and requests, touched, and which files they opened.

They lie beside the lock. A library is known by its code, not by its file: two versions of `strip` leave other symbols of it, but
the same code. Its pages are counted through its regions, one behind the other, from 0: first of code, then of unwind tables. What
is recorded of a library again is added to what was recorded of the same code; of other code, it takes the place. The modules to
import ahead, and the patterns, are those of the last recorded start. Libraries are written the same way, byte for byte, whatever
their order came from; files stand in the order of their first use.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from heavylift.build.ahead import Ahead
from heavylift.build.cuts import Paged
from heavylift.build.elf import read_code, read_tables
from heavylift.build.errors import BuildError
from heavylift.build.patterns import parse_pattern, write_pattern
from heavylift.contracts.archive import BLOCK_SIZE
from heavylift.contracts.fields import FieldError, Fields
from heavylift.contracts.pages import PAGE, Region, Run
from heavylift.contracts.platform import Target

if TYPE_CHECKING:
    from heavylift.runtime.patterns import Source

FORMATS = (1, 2, 3, 4)  # of before 2 tells of no file, of before 3 of no module, of before 4 of no pattern
_RUN = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?")
_WIDTH = 110  # characters of a line of runs, so that a difference shows


@dataclass(frozen=True, slots=True)
class LibraryCode:
    """The code of a large library, and its unwind tables.

    Attributes:
        regions: of its file: code, then tables.
        digest: of the code, sha256 in hex.
    """

    regions: tuple[Region, ...]
    digest: str

    def number(self, page: int) -> int | None:
        """Return the number of a page of the file, counted through the regions; None if it belongs to none alone."""
        first = 0
        for region in self.regions:
            if page in region.pages:
                return first + page - region.pages.start
            first += len(region.pages)
        return None

    def runs(self, touched: Iterable[Run]) -> Iterator[Run]:
        """Yield the pages of the file that these numbers are, as runs that each lie in one region."""
        for run in touched:
            first = 0
            for region in self.regions:
                start, stop = max(run.page, first), min(run.end, first + len(region.pages))
                if start < stop:
                    yield Run(start - first + region.pages.start, stop - start)
                first += len(region.pages)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The pages of a library that were touched.

    Attributes:
        code: the digest of the library's code.
        touched: runs of pages, counted through its regions, in order.
    """

    code: str
    touched: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of an applib.

    Attributes:
        libraries: the pages that were touched, by the library's path in the applib.
        opened: the files that were opened or linked, modules as their .pyc, by their paths, in the order of their first use.
            What rules would prune of these stays.
        ahead: the modules that a start may import before any of these files is there.
        patterns: regular expressions that the start compiled, each with its flags, in that order.
    """

    libraries: Mapping[str, Recorded]
    opened: tuple[str, ...] = ()
    ahead: Ahead = field(default_factory=Ahead)
    patterns: tuple[Source, ...] = ()


def recording_path(folder: Path, requirements: Path, target: Target) -> Path:
    """Return the file with the recording of what was built from requirements for a target."""
    return folder / f"{requirements.stem}-{target}.json"


def find_code(folder: Path, paths: Iterable[str]) -> dict[str, LibraryCode]:
    """Return the code of each large library whose pages may come one by one, by its path."""
    found = {}
    for path in sorted(paths):
        library = folder / path
        if library.stat().st_size > BLOCK_SIZE and (regions := read_code(library)):
            found[path] = LibraryCode((*regions, *read_tables(library)), _digest(library, regions))
    return found


def choose_pages(recording: Recording, libraries: Mapping[str, LibraryCode]) -> tuple[dict[str, Paged], list[str]]:
    """Return the libraries whose cold pages come later, and the paths of those of whose code nothing is recorded."""
    paged, unknown = {}, []
    for path, code in libraries.items():
        recorded = recording.libraries.get(path)
        if recorded is None or recorded.code != code.digest:
            unknown.append(path)
            continue
        hot = tuple(sorted(code.runs(recorded.touched)))
        if sum(run.count for run in hot) < sum(len(region.pages) for region in code.regions):
            paged[path] = Paged(tuple(sorted(code.regions, key=lambda each: each.offset)), hot)
    return paged, unknown


def record_whole(libraries: Mapping[str, LibraryCode]) -> dict[str, Recorded]:
    """Return what is recorded of libraries that cannot do without any page, by their paths: all of them."""
    return {
        path: Recorded(code.digest, (Run(0, sum(len(region.pages) for region in code.regions)),))
        for path, code in libraries.items()
    }


def record_pages(touched: Mapping[str, Iterable[int]], libraries: Mapping[str, LibraryCode]) -> dict[str, Recorded]:
    """Return what is recorded of pages of files, by the libraries' paths; what belongs to no region alone is left out."""
    return {
        path: Recorded(
            code.digest, _runs({number for page in touched.get(path, ()) if (number := code.number(page)) is not None})
        )
        for path, code in libraries.items()
    }


def merge_recordings(old: Recording, new: Recording, folder: Path) -> Recording:
    """Return both together, of the libraries that the new one names and the files that are there.

    Args:
        old: what was recorded before.
        new: what was recorded now.
        folder: the applib.
    """
    merged = dict(new.libraries)
    for path, recorded in new.libraries.items():
        before = old.libraries.get(path)
        if before and before.code == recorded.code:
            pages = {page for each in (before, recorded) for run in each.touched for page in range(run.page, run.end)}
            merged[path] = Recorded(recorded.code, _runs(pages))
    opened = dict.fromkeys((*new.opened, *old.opened))  # in the order of the newer start
    return Recording(merged, tuple(path for path in opened if (folder / path).is_file()), new.ahead, new.patterns)


def read_recording(path: Path) -> Recording:
    """Read a recording; one that is not there names nothing.

    Raises:
        BuildError: it is damaged.
    """
    try:
        record = json.loads(path.read_bytes())
        fields = Fields(record, document=path.name)
        version = fields.integer("format")
        if version not in FORMATS:
            raise FieldError(f"format: is {version}, and this build reads {FORMATS[0]} to {FORMATS[-1]}")
        libraries = fields.fields("libraries")
        found = {name: _parse(libraries.fields(name)) for name in libraries}
        opened = fields.texts("opened") if version > FORMATS[0] else ()
        ahead = Ahead()
        if version > FORMATS[1]:
            listed = fields.fields("ahead")
            ahead = Ahead(listed.texts("modules"), listed.texts("missed"))
        words = fields.texts("patterns") if version > FORMATS[2] else ()
        return Recording(found, opened, ahead, tuple(map(parse_pattern, words)))
    except FileNotFoundError:
        return Recording({})
    except (OSError, ValueError, RecursionError, FieldError) as error:
        raise BuildError(f"{path} is no recording: {error}; remove it, and `heavylift build` records anew") from error


def write_recording(recording: Recording, path: Path) -> None:
    """Write a recording, by rename."""
    libraries = {
        name: {"code": each.code, "touched": _lines(each.touched)} for name, each in recording.libraries.items()
    }
    record = {
        "format": FORMATS[-1],
        "libraries": libraries,
        "opened": recording.opened,
        "ahead": asdict(recording.ahead),
        "patterns": [write_pattern(each) for each in recording.patterns],
    }
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(path)


def _parse(library: Fields) -> Recorded:
    runs: list[Run] = []
    end = 0
    for word in " ".join(library.texts("touched")).split():
        match = _RUN.fullmatch(word)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if not end <= first <= last:
            raise FieldError(f"{library.where('touched')}: {word!r} is no page or first-last, behind those before it")
        runs.append(Run(first, last - first + 1))
        end = last + 1
    return Recorded(library.text("code"), tuple(runs))


def _lines(runs: Sequence[Run]) -> list[str]:
    lines: list[str] = []
    for run in runs:
        word = str(run.page) if run.count == 1 else f"{run.page}-{run.end - 1}"
        if lines and len(lines[-1]) + len(word) < _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _runs(pages: Iterable[int]) -> tuple[Run, ...]:
    runs: list[Run] = []
    for page in sorted(pages):
        if runs and runs[-1].end == page:
            runs[-1] = Run(runs[-1].page, runs[-1].count + 1)
        else:
            runs.append(Run(page, 1))
    return tuple(runs)


def _digest(library: Path, regions: Iterable[Region]) -> str:
    digest = hashlib.sha256()
    with library.open("rb") as file:
        for region in regions:
            file.seek(PAGE * region.pages.start)
            left = PAGE * len(region.pages)
            while left and (chunk := file.read(min(left, 1 << 20))):
                digest.update(chunk)
                left -= len(chunk)
    return digest.hexdigest()
