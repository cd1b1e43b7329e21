"""The index of an archive: written by the build, parsed by whoever reads the archive, and refused where it is damaged or hostile.

Pure. Whatever `parse_index` returns is safe to unpack: every path stays inside the target, nothing overlaps, and the files fill the
blocks exactly. Nothing here looks at compressed bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from heavylift.contracts.archive import (
    BLOCK_SIZE,
    INDEX_NAME,
    MAX_PACKED,
    Block,
    Content,
    FileEntry,
    Index,
    Layout,
    Link,
)
from heavylift.contracts.failures import InvalidArchiveError, invalid_archive
from heavylift.contracts.fields import FieldError, Fields
from heavylift.contracts.pages import PAGE, Library, check_libraries, library_record, parse_libraries
from heavylift.contracts.paths import check_link, check_names, check_path, check_paths

# Of an index without libraries, with some, with some whose tables are regions.
WHOLE_FORMAT, PAGED_FORMAT, TABLES_FORMAT = 3, 4, 5

_CONTENT = b'{"content":'  # begins what `dump_index` writes
_SHA256 = re.compile(r"[0-9a-f]{64}")


def content_digest(content: Content) -> str:
    """Return the archive's name: the sha256, in hex, of the content's canonical JSON."""
    return hashlib.sha256(_canonical(_content_record(content))).hexdigest()


def has_digest(data: bytes, index: Index, digest: str) -> bool:
    """Return whether `content_digest` of an index is this one; at once where the index stands as `dump_index` writes it.

    Args:
        data: what the index was parsed from.
        index: parsed from it.
        digest: sha256, in hex.
    """
    layout = b"," + _canonical({"layout": _layout_record(index)})[1:]
    if data.startswith(_CONTENT) and data.endswith(layout):
        # Bytes with this digest are canonical JSON, whole, and nothing else stands before the layout.
        written = hashlib.sha256(memoryview(data)[len(_CONTENT) : -len(layout)]).hexdigest()
        if written == digest:
            return True
    return content_digest(index.content) == digest


def dump_index(index: Index) -> bytes:
    """Return the index as it stands in the archive, before compression.

    Raises:
        InvalidArchiveError: no reader would accept this index.
    """
    data = _canonical({"content": _content_record(index.content), "layout": _layout_record(index)})
    parse_index(data)
    return data


def parse_index(data: bytes) -> Index:
    """Read and check an index.

    Args:
        data: the JSON that stands in the archive, inflated.

    Raises:
        InvalidArchiveError: the index is damaged or hostile; the message begins with the field that is wrong.
    """
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidArchiveError(f"{INDEX_NAME}: not JSON in UTF-8: {error}; build the archive again") from error
    try:
        fields = Fields(record, document=INDEX_NAME)
        content = _parse_content(fields.fields("content"))
        layout = tuple(map(Layout, *fields.columns("layout", {"offset": int, "packed": int})))
    except FieldError as error:
        raise InvalidArchiveError(f"{error}; build the archive again") from error
    check_libraries(content.libraries, [entry.size for entry in content.files], BLOCK_SIZE)
    _check_blocks(content)
    _check_tree(content)
    _check_layout(layout, content)
    return Index(content, layout)


def _parse_content(fields: Fields) -> Content:
    number = fields.integer("format")
    if not WHOLE_FORMAT <= number <= TABLES_FORMAT:
        known = f"this loader reads {WHOLE_FORMAT} to {TABLES_FORMAT}"
        raise invalid_archive("content.format", f"is {number}, {known}", "build code and archive together")
    paged = number > WHOLE_FORMAT
    content = Content(
        files=tuple(
            map(
                FileEntry,
                *fields.columns("files", {"path": str, "mode": int, "size": int, "block": int, "offset": int}),
            )
        ),
        blocks=tuple(map(Block, *fields.columns("blocks", {"raw": int, "sha256": str}))),
        eager=fields.integer("eager"),
        dirs=fields.texts("dirs"),
        links=tuple(Link(each.text("path"), each.text("target")) for each in fields.each("links")),
        libraries=parse_libraries(fields) if paged else (),
        used=fields.integer("used") if paged else None,
    )
    if number != _format(content):
        wanted = f"archives with such libraries have format {_format(content)}"
        raise invalid_archive("content.format", f"is {number}", wanted)
    return content


def _format(content: Content) -> int:
    if not content.libraries:
        return WHOLE_FORMAT
    return TABLES_FORMAT if any(each.has_tables for each in content.libraries) else PAGED_FORMAT


def _check_blocks(content: Content) -> None:
    for number, block in enumerate(content.blocks):
        if block.raw > BLOCK_SIZE:
            raise invalid_archive(
                f"content.blocks[{number}].raw", f"is {block.raw}", f"a block has {BLOCK_SIZE} bytes at most"
            )
        if not _SHA256.fullmatch(block.sha256):
            raise invalid_archive(f"content.blocks[{number}].sha256", "is not 64 hex digits", "build the archive again")
    sizes = _expected_blocks(content)
    for number, (block, size) in enumerate(zip(content.blocks, sizes, strict=True)):
        if block.raw != size:
            raise invalid_archive(
                f"content.blocks[{number}].raw", f"is {block.raw}", f"the files in it have {size} bytes"
            )


def _expected_blocks(content: Content) -> list[int]:
    """Return the sizes of the blocks that the files fill, one behind the other."""
    sizes: list[int] = []
    libraries = {library.file: library for library in content.libraries}
    shared = False  # is the last block one of small files, that may take another?
    for number, entry in enumerate(content.files):
        place = (entry.block, entry.offset)
        if shared and place == (len(sizes) - 1, sizes[-1]) and sizes[-1] + entry.size <= BLOCK_SIZE:
            sizes[-1] += entry.size
            continue
        library = libraries.get(number)
        if library:
            sizes += _stretches(library.hot_size)
        if place != (len(sizes), 0):
            raise invalid_archive(
                f"content.files[{number}]", "does not stand behind the file before it", "files fill the blocks"
            )
        if len(sizes) + entry.size // BLOCK_SIZE > len(content.blocks):
            raise invalid_archive(f"content.files[{number}].size", f"is {entry.size}", "more than the blocks hold")
        sizes += _library_blocks(content, number, library) if library else _stretches(entry.size) or [0]
        shared = entry.size <= BLOCK_SIZE
    if len(sizes) != len(content.blocks):
        raise invalid_archive("content.blocks", f"are {len(content.blocks)}", f"the files fill {len(sizes)}")
    return sizes


def _stretches(size: int) -> list[int]:
    """Return the sizes of the blocks of a large file: all full but the last."""
    full, rest = divmod(size, BLOCK_SIZE)
    return [BLOCK_SIZE] * full + [rest] * (rest > 0)


def _library_blocks(content: Content, number: int, library: Library) -> list[int]:
    """Return the sizes of a library's own blocks: as they are, if each holds pages of one region only, or of none."""
    entry = content.files[number]
    where, position, sizes = f"content.libraries of content.files[{number}]", 0, []
    edges = [PAGE * edge for region in library.regions for edge in (region.pages.start, region.pages.stop)]
    for block in content.blocks[entry.block :]:
        if position == entry.size:
            break
        end = position + block.raw
        inside = bisect_right(edges, position)
        if not block.raw or end > entry.size or bisect_left(edges, end) > inside:
            found = f"has a block of bytes {position} to {end}"
            raise invalid_archive(where, found, f"up to {entry.size}, and each in one region or outside of all")
        if inside % 2 and (position % PAGE or end % PAGE):
            raise invalid_archive(where, f"has a block of bytes {position} to {end}", "whole pages of a region")
        sizes.append(block.raw)
        position = end
    if position != entry.size:
        raise invalid_archive(where, f"has blocks up to {position}", f"the file has {entry.size} bytes")
    return sizes


def _check_tree(content: Content) -> None:
    if content.eager > len(content.files):
        raise invalid_archive("content.eager", f"is {content.eager}", f"there are {len(content.files)} files")
    if content.used is not None and not content.eager <= content.used <= len(content.files):
        raise invalid_archive("content.used", f"is {content.used}", f"{content.eager} to {len(content.files)}")
    check_paths([entry.path for entry in content.files], "content.files")
    for number, entry in enumerate(content.files):
        if entry.mode > 0o777:
            raise invalid_archive(
                f"content.files[{number}].mode", f"is {entry.mode:#o}", "permission bits only, 0o777 at most"
            )
    for number, path in enumerate(content.dirs):
        check_path(path, f"content.dirs[{number}]")
    for number, link in enumerate(content.links):
        check_path(link.path, f"content.links[{number}].path")
    paths = frozenset(link.path for link in content.links)
    check_names([entry.path for entry in content.files], content.dirs, [link.path for link in content.links])
    for link in content.links:
        check_link(link, paths)


def _check_layout(layout: Sequence[Layout], content: Content) -> None:
    if len(layout) != len(content.blocks):
        raise invalid_archive(
            "layout", f"has {len(layout)} entries", f"one for each of the {len(content.blocks)} blocks"
        )
    end = 0
    for number, each in enumerate(layout):
        if each.offset < end:
            raise invalid_archive(f"layout[{number}].offset", f"is {each.offset}", f"the block before ends at {end}")
        if not 0 < each.packed <= MAX_PACKED:
            raise invalid_archive(f"layout[{number}].packed", f"is {each.packed}", f"1 to {MAX_PACKED} bytes")
        end = each.offset + each.packed


def _canonical(record: object) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _layout_record(index: Index) -> list[dict[str, int]]:
    return [{"offset": each.offset, "packed": each.packed} for each in index.layout]


def _content_record(content: Content) -> dict[str, object]:
    return {
        "blocks": [{"raw": each.raw, "sha256": each.sha256} for each in content.blocks],
        "dirs": list(content.dirs),
        "eager": content.eager,
        "files": [
            {"block": each.block, "mode": each.mode, "offset": each.offset, "path": each.path, "size": each.size}
            for each in content.files
        ],
        "format": _format(content),
        "links": [{"path": each.path, "target": each.target} for each in content.links],
        **(
            {"libraries": [library_record(each) for each in content.libraries], "used": content.used}
            if content.libraries
            else {}
        ),
    }
