"""Large libraries of an archive, page by page: which pages of code and unwind tables a start touched, and which may come later.

Pure values and checks of what an index holds (`heavylift.contracts.index`). What `parse_libraries` returns is safe to use:
every page lies in its file, in one region, and no region may be written to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from heavylift.contracts.failures import invalid_archive
from heavylift.contracts.fields import Fields

PAGE = 4096  # bytes; what a processor maps at a time, on x86-64 and on AArch64 kernels with pages of that size
HOT = ".heavylift/hot"  # folder of the entries with hot pages: `HOT/0` holds those of the first library, and so on
MAX_REGIONS = 16  # in one library; compilers and linkers make one or two, and tables are one or two more
EXECUTE, WRITE, READ = 1, 2, 4  # bits of p_flags (System V ABI, "Program Header")
FLAGS_SIZE = 4  # bytes of p_flags, little-endian


class Region(NamedTuple):
    """The part of a library's file that one segment (PT_LOAD) of code, or of unwind tables, maps.

    Attributes:
        offset: bytes from the start of the file.
        size: bytes.
        flags: the segment's p_flags: executable or readable, not writable.
        header: bytes from the start of the file to these p_flags.
    """

    offset: int
    size: int
    flags: int
    header: int

    @property
    def pages(self) -> range:
        """The pages of the file that belong to this region alone. What it shares with its neighbours is always there."""
        return range(-(-self.offset // PAGE), (self.offset + self.size) // PAGE)


class Run(NamedTuple):
    """Pages of a file that follow each other.

    Attributes:
        page: the first one's number: bytes from the start of the file, divided by `PAGE`.
        count: of pages.
    """

    page: int
    count: int  # type: ignore[assignment]  # a tuple's own method of that name is of no use here

    @property
    def end(self) -> int:
        """The number of the page behind it."""
        return self.page + self.count


class Library(NamedTuple):
    """A library of which some pages may come later.

    Attributes:
        file: position in `Content.files`.
        regions: in the order of the file.
        hot: the pages in them that a recorded start touched, in order; all others of the regions are cold.
    """

    file: int
    regions: tuple[Region, ...]
    hot: tuple[Run, ...]

    @property
    def has_tables(self) -> bool:
        """Whether a region holds tables, and no code."""
        return any(region.flags == READ for region in self.regions)

    @property
    def hot_size(self) -> int:
        """Bytes of the hot pages together."""
        return PAGE * sum(run.count for run in self.hot)

    def cold(self) -> Iterator[Run]:
        """Yield the pages that are not hot, in order, as runs that do not touch each other."""
        hot = iter(self.hot)
        run = next(hot, None)
        for region in self.regions:
            page, stop = region.pages.start, region.pages.stop
            while run and run.page < stop:
                if run.page > page:
                    yield Run(page, run.page - page)
                page, run = run.end, next(hot, None)
            if page < stop:
                yield Run(page, stop - page)


def library_record(library: Library) -> dict[str, object]:
    """Return a library as it stands in the index."""
    return {
        "file": library.file,
        "hot": [[run.page, run.count] for run in library.hot],
        "regions": [
            {"flags": each.flags, "header": each.header, "offset": each.offset, "size": each.size}
            for each in library.regions
        ],
    }


def parse_libraries(content: Fields) -> tuple[Library, ...]:
    """Read the libraries of an index.

    Raises:
        FieldError: a field is missing or of another type.
    """
    return tuple(
        Library(
            file=each.integer("file"),
            regions=tuple(
                Region(
                    offset=region.integer("offset"),
                    size=region.integer("size"),
                    flags=region.integer("flags"),
                    header=region.integer("header"),
                )
                for region in each.each("regions")
            ),
            hot=tuple(map(Run._make, each.pairs("hot"))),
        )
        for each in content.each("libraries")
    )


def check_libraries(libraries: Sequence[Library], sizes: Sequence[int], least: int) -> None:
    """Refuse libraries whose pages cannot be what the index says.

    Args:
        libraries: of the index.
        sizes: bytes of each file of the index.
        least: bytes; a library is larger.

    Raises:
        InvalidArchiveError: the message begins with the field that is wrong.
    """
    last = -1
    for number, library in enumerate(libraries):
        where = f"content.libraries[{number}]"
        if not last < library.file < len(sizes):
            raise invalid_archive(
                f"{where}.file", f"is {library.file}", f"larger than {last} and less than {len(sizes)}"
            )
        last = library.file
        size = sizes[library.file]
        if size <= least:
            raise invalid_archive(
                f"{where}.file", f"is {library.file}, of {size} bytes", f"a library has more than {least}"
            )
        _check_regions(library.regions, size, where)
        _check_hot(library, where)


def _check_regions(regions: Sequence[Region], size: int, where: str) -> None:
    if not 0 < len(regions) <= MAX_REGIONS:
        raise invalid_archive(f"{where}.regions", f"are {len(regions)}", f"1 to {MAX_REGIONS}")
    end = 0
    for number, region in enumerate(regions):
        here = f"{where}.regions[{number}]"
        if region.offset < end:
            raise invalid_archive(f"{here}.offset", f"is {region.offset}", f"the region before ends at {end}")
        end = region.offset + region.size
        if end > size:
            raise invalid_archive(f"{here}.size", f"is {region.size}", f"the file has {size} bytes")
        if not region.pages:
            raise invalid_archive(f"{here}.size", f"is {region.size}", "a region holds a page at least")
        if region.flags not in (EXECUTE, EXECUTE | READ, READ):
            raise invalid_archive(f"{here}.flags", f"is {region.flags}", "executable or readable, and not writable")
    headers = sorted(region.header for region in regions)
    for header, following in zip(headers, [*headers[1:], size], strict=True):
        if header + FLAGS_SIZE > following:
            raise invalid_archive(f"{where}.regions", f"have p_flags at {header}", "each has its own, inside the file")
        touched = range(header // PAGE, (header + FLAGS_SIZE - 1) // PAGE + 1)
        if any(page in region.pages for region in regions for page in touched):
            raise invalid_archive(f"{where}.regions", f"have p_flags at {header}", "outside of all regions")


def _check_hot(library: Library, where: str) -> None:
    end = 0
    regions = [(region.pages.start, region.pages.stop) for region in library.regions]
    for number, (page, count) in enumerate(library.hot):
        here = f"{where}.hot[{number}]"
        if count == 0:
            raise invalid_archive(here, "has no page", "a run has one at least")
        if page < end:
            raise invalid_archive(here, f"begins at page {page}", f"the run before ends at {end}")
        end = page + count
        if not any(start <= page and end <= stop for start, stop in regions):
            raise invalid_archive(here, f"is pages {page} to {end - 1}", "in one region, and whole")
