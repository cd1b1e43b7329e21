"""The archive format: writes indexes, parses them, and refuses those that are damaged or hostile.

Pure values and functions: the build writes indexes with them, the loader reads. The format itself is described in
docs/reference/contracts.md, section 1. Whatever `parse_index` returns is safe to unpack: every path stays inside the
target, nothing overlaps, and the files fill the blocks exactly. Nothing here looks at compressed bytes. What a loader derives from
an index, `heavylift.contracts.loading` says.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heavylift.contracts.failures import InvalidArchiveError
from heavylift.contracts.fields import FieldError, Fields
from heavylift.contracts.pages import PAGE, Library, check_libraries, library_record, parse_libraries

# Of an index without libraries, with some, with some whose tables are regions.
WHOLE_FORMAT, PAGED_FORMAT, TABLES_FORMAT = 3, 4, 5
INDEX_NAME = ".heavylift/index.json"
CODEC = "zstandard"  # the library that packs blocks and inflates them
SUFFIX = ".zst"  # of an entry's name in the zip, behind the name of the file that it holds
RESERVED = ".heavylift"  # the top-level folder of the index and of the completion marker; no entry may lie in it
BLOCK_SIZE = 4 * 1024 * 1024  # bytes of raw content in a full block
MAX_PACKED = 4 * BLOCK_SIZE  # bytes; bounds the memory that one block can ask for
MAX_INDEX = 64 * 1024 * 1024  # bytes of index JSON; about half a million files
MAX_NAME = 255  # bytes in one part of a path (Linux NAME_MAX)
MAX_PATH = 3072  # bytes in a path; Linux PATH_MAX is 4096 and the target directory comes before

_CONTENT = b'{"content":'  # begins what `dump_index` writes
_UNPLAIN = re.compile(r"[\\\x00-\x1f\x7f]")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Block(NamedTuple):
    """Up to `BLOCK_SIZE` bytes of raw content that verify and inflate on their own.

    Attributes:
        raw: bytes when inflated.
        sha256: hex digest of the packed bytes.
    """

    raw: int
    sha256: str


class FileEntry(NamedTuple):
    """A regular file.

    Attributes:
        path: relative, parts separated by `/`.
        mode: permission bits, 0 to 0o777.
        size: bytes.
        block: the block in which it starts. A file above `BLOCK_SIZE` runs on through the blocks that follow.
        offset: bytes from the start of that block; 0 for a file above `BLOCK_SIZE`.
    """

    path: str
    mode: int
    size: int
    block: int
    offset: int


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link; `target` is relative to the link's own folder and stays inside the archive."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Content:
    """The content of an archive. Its digest is the archive's name.

    Attributes:
        files: in the order in which a start first needs them, which is also the order of their blocks.
        blocks: in order; `files` fill them without a gap.
        eager: how many of the first files must be there before any code of the archive may run. After that a file is
            safe to use as soon as it and all files before it are there: whatever it reads or links by itself is.
        dirs: directories that hold nothing.
        links: symbolic links.
        libraries: whose pages may come one by one, in the order of `files`; each has its hot pages in blocks of their own, before
            its other blocks.
        used: how many of the first files a recorded start may have used: only Python opens the others. None: nobody knows, as in
            an archive without libraries.
    """

    files: tuple[FileEntry, ...]
    blocks: tuple[Block, ...]
    eager: int
    dirs: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    libraries: tuple[Library, ...] = ()
    used: int | None = None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)


class Layout(NamedTuple):
    """The place of one block in the archive.

    Attributes:
        offset: bytes from the end of the index entry's data.
        packed: bytes to fetch.
    """

    offset: int
    packed: int


@dataclass(frozen=True, slots=True)
class Index:
    """The index of an archive: `layout[i]` is the place of `content.blocks[i]`."""

    content: Content
    layout: tuple[Layout, ...]


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


def check_path(path: str, where: str) -> None:
    """Refuse a path that is not plainly inside the target.

    Args:
        path: as the archive gives it.
        where: names the entry in the error.

    Raises:
        InvalidArchiveError: absolute, `..`, backslash, control character, reserved or too long.
    """
    encoded = _encoded(path, where)
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise _refuse(where, f"{path!r} is not a plain relative path", "paths have no '.', '..' or empty part")
    if _UNPLAIN.search(path):
        raise _refuse(where, f"{path!r} holds a backslash or a control character", "rename the file")
    if parts[0] == RESERVED:
        raise _refuse(where, f"{path!r} lies in {RESERVED}/, which belongs to the loader", "rename the folder")
    if len(encoded) > MAX_NAME and (len(encoded) > MAX_PATH or any(len(part.encode()) > MAX_NAME for part in parts)):
        raise _refuse(where, f"{path[:80]!r}… is too long", f"{MAX_NAME} bytes a name and {MAX_PATH} a path at most")


def _are_plain(paths: Sequence[str]) -> bool:
    """Return whether `check_path` refuses none of these; False where only a look at each can tell.

    A hundred times as fast as a thousand looks: an archive names thousands of files, and they all wait for this.
    """
    everything = "".join(paths)
    marked = "/" + "/\n/".join(paths) + "/"  # what is printable holds no line feed
    return (
        everything.isascii()
        and everything.isprintable()
        and max(map(len, paths), default=0) <= MAX_NAME
        and not any(each in marked for each in ("//", "/./", "/../", "\\", f"\n/{RESERVED}/"))
        and not marked.startswith(f"/{RESERVED}/")
    )


def check_names(files: Iterable[str], dirs: Iterable[str], links: Iterable[str]) -> None:
    """Refuse a set of checked paths that no file system could hold.

    Raises:
        InvalidArchiveError: a name comes twice, or lies below a file or a link.
    """
    taken: set[str] = set()
    for path in (*files, *links):
        if path in taken:
            raise _refuse(path, "the name comes twice", "an archive names each file once")
        taken.add(path)
    directories, known = set(dirs), set[str]()
    for path in (*taken, *directories):
        folder = path.rpartition("/")[0]
        while folder and folder not in known:
            known.add(folder)
            folder = folder.rpartition("/")[0]
    directories |= known
    for path in sorted(directories & taken):
        raise _refuse(path, "is a file or a link and also a directory", "an archive gives a name one meaning")


def check_link(link: Link, links: frozenset[str]) -> None:
    """Refuse a link that leads out of the tree, by itself or through another link.

    Args:
        link: its path is checked already.
        links: the paths of all links of the archive.

    Raises:
        InvalidArchiveError: the target is absolute, leaves the tree, or cannot be judged without following links.
    """
    where = f"{link.path} -> {link.target!r}"
    if len(_encoded(link.target, where)) > MAX_PATH or "\0" in link.target or not link.target:
        raise _refuse(where, "the target is empty, too long or holds NUL", "make the link again")
    folder = link.path.split("/")[:-1]
    steps = link.target.split("/")
    up = next((number for number, step in enumerate(steps) if step != ".."), len(steps))
    if link.target.startswith("/") or up > len(folder):
        raise _refuse(where, "the link leads out of the archive", "link to files of the archive, by relative paths")
    if any(step in ("", ".", "..") for step in steps[up:]):
        # `a/..` is not always `.`: when `a` is a link, it is the parent of what `a` leads to.
        raise _refuse(where, "the target goes down and up again", "write '..' only at the start of a target")
    resolved = "/".join(folder[: len(folder) - up] + steps[up:])
    through = [parent for parent in _parents(resolved) if parent in links]
    if through:
        raise _refuse(where, f"the target leads through the link {through[0]}", "name the real path instead")


def _parse_content(fields: Fields) -> Content:
    number = fields.integer("format")
    if not WHOLE_FORMAT <= number <= TABLES_FORMAT:
        known = f"this loader reads {WHOLE_FORMAT} to {TABLES_FORMAT}"
        raise _refuse("content.format", f"is {number}, {known}", "build code and archive together")
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
        raise _refuse("content.format", f"is {number}", wanted)
    return content


def _format(content: Content) -> int:
    if not content.libraries:
        return WHOLE_FORMAT
    return TABLES_FORMAT if any(each.has_tables for each in content.libraries) else PAGED_FORMAT


def _check_blocks(content: Content) -> None:
    for number, block in enumerate(content.blocks):
        if block.raw > BLOCK_SIZE:
            raise _refuse(f"content.blocks[{number}].raw", f"is {block.raw}", f"a block has {BLOCK_SIZE} bytes at most")
        if not _SHA256.fullmatch(block.sha256):
            raise _refuse(f"content.blocks[{number}].sha256", "is not 64 hex digits", "build the archive again")
    sizes = _expected_blocks(content)
    for number, (block, size) in enumerate(zip(content.blocks, sizes, strict=True)):
        if block.raw != size:
            raise _refuse(f"content.blocks[{number}].raw", f"is {block.raw}", f"the files in it have {size} bytes")


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
            raise _refuse(
                f"content.files[{number}]", "does not stand behind the file before it", "files fill the blocks"
            )
        if len(sizes) + entry.size // BLOCK_SIZE > len(content.blocks):
            raise _refuse(f"content.files[{number}].size", f"is {entry.size}", "more than the blocks hold")
        sizes += _library_blocks(content, number, library) if library else _stretches(entry.size) or [0]
        shared = entry.size <= BLOCK_SIZE
    if len(sizes) != len(content.blocks):
        raise _refuse("content.blocks", f"are {len(content.blocks)}", f"the files fill {len(sizes)}")
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
            raise _refuse(where, found, f"up to {entry.size}, and each in one region or outside of all")
        if inside % 2 and (position % PAGE or end % PAGE):
            raise _refuse(where, f"has a block of bytes {position} to {end}", "whole pages of a region")
        sizes.append(block.raw)
        position = end
    if position != entry.size:
        raise _refuse(where, f"has blocks up to {position}", f"the file has {entry.size} bytes")
    return sizes


def _check_tree(content: Content) -> None:
    if content.eager > len(content.files):
        raise _refuse("content.eager", f"is {content.eager}", f"there are {len(content.files)} files")
    if content.used is not None and not content.eager <= content.used <= len(content.files):
        raise _refuse("content.used", f"is {content.used}", f"{content.eager} to {len(content.files)}")
    if not _are_plain([entry.path for entry in content.files]):
        for number, entry in enumerate(content.files):
            check_path(entry.path, f"content.files[{number}].path")
    for number, entry in enumerate(content.files):
        if entry.mode > 0o777:
            raise _refuse(f"content.files[{number}].mode", f"is {entry.mode:#o}", "permission bits only, 0o777 at most")
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
        raise _refuse("layout", f"has {len(layout)} entries", f"one for each of the {len(content.blocks)} blocks")
    end = 0
    for number, each in enumerate(layout):
        if each.offset < end:
            raise _refuse(f"layout[{number}].offset", f"is {each.offset}", f"the block before ends at {end}")
        if not 0 < each.packed <= MAX_PACKED:
            raise _refuse(f"layout[{number}].packed", f"is {each.packed}", f"1 to {MAX_PACKED} bytes")
        end = each.offset + each.packed


def _parents(path: str) -> Iterator[str]:
    slash = path.rfind("/")
    while slash > 0:
        yield path[:slash]
        slash = path.rfind("/", 0, slash)


def _encoded(text: str, where: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise _refuse(where, f"{text!r} is not Unicode text", "rename the file") from error


def _refuse(where: str, found: str, wanted: str) -> InvalidArchiveError:
    return InvalidArchiveError(f"{where}: {found}; {wanted}")


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
