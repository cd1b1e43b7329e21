"""The archives of the article's way: ordinary zips of what pip installs, and of the files that our archives hold."""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path

from heavylift.contracts.archive import BLOCK_SIZE, BYTECODE_NAME, INDEX_NAME, MAX_INDEX, SUFFIX, FileEntry, Index
from heavylift.contracts.index import parse_index
from heavylift.runtime.inflate import inflate_index, inflate_stretch

OWN = ".heavylift/"  # what an archive of ours holds beside its files


def zip_folder(folder: Path, target: Path) -> None:
    """Pack a folder into an ordinary zip, as the article does: one thread, deflate."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))


def repack(archive: Path, target: Path, *, bytecode: bool = False) -> None:
    """Pack the files of an archive of ours into an ordinary zip.

    Args:
        archive: ours.
        target: the zip.
        bytecode: with the compiled modules; without them, the zip holds what pruning alone leaves.
    """
    left_out = (OWN,) if bytecode else (OWN, f"{BYTECODE_NAME}/")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as plain:
        for entry in source.infolist():
            name = entry.filename.removesuffix(SUFFIX)
            if name != entry.filename and not name.startswith(left_out):
                plain.writestr(name, read_file(source, entry), zipfile.ZIP_DEFLATED)


def read_file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, size: int | None = None) -> bytes:
    """Return the first `size` bytes of a file in an archive of ours, all by default."""
    path = entry.filename.removesuffix(SUFFIX)
    index, files = read_index(archive)
    file = files[path]
    packed, wanted = archive.read(entry), file.size if size is None else min(size, file.size)
    if file.size <= BLOCK_SIZE:
        return inflate_stretch(packed, file.size, path)[:wanted]
    content, position, number = bytearray(), 0, file.block
    while len(content) < wanted:
        end = position + index.layout[number].packed
        content += inflate_stretch(packed[position:end], index.content.blocks[number].raw, path)
        position, number = end, number + 1
    return bytes(content[:wanted])


@lru_cache(maxsize=1)
def read_index(archive: zipfile.ZipFile) -> tuple[Index, dict[str, FileEntry]]:
    """Return the index of an archive of ours, and its files by their paths."""
    index = parse_index(inflate_index(archive.read(f"{INDEX_NAME}{SUFFIX}"), MAX_INDEX, INDEX_NAME))
    return index, {file.path: file for file in index.content.files}
