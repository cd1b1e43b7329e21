"""The archives of the other ways: the same libraries, packed as their tools pack them."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from functools import lru_cache
from pathlib import Path

from heavylift.contracts.archive import BLOCK_SIZE, INDEX_NAME, MAX_INDEX, SUFFIX, FileEntry, Index, parse_index
from heavylift.contracts.manifest import Archive, Build
from heavylift.errors import HeavyliftError
from heavylift.runtime.bytecode import BYTECODE_NAME
from heavylift.runtime.inflate import inflate_index, inflate_stretch


def install(root: Path, target: Path) -> None:
    """Install the packages of the applib's lock into a folder, as pip leaves them.

    Args:
        root: the project's folder.
        target: receives the packages.

    Raises:
        HeavyliftError: they cannot be installed.
    """
    (lock,) = (root / "layers_build" / "locks").glob(f"applib-cp{sys.version_info.major}{sys.version_info.minor}-*.txt")
    uv = Path(sys.executable).with_name("uv")
    options = ["--target", str(target), "--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
    command = [str(uv), "pip", "install", *options, "--link-mode", "copy", "-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HeavyliftError(f"the libraries cannot be installed: {done.stderr.strip()}")


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive of ours with its links and permission bits; its index stays out."""
    with zipfile.ZipFile(archive) as source:
        for entry in source.infolist():
            mode = entry.external_attr >> 16
            if entry.filename.startswith(".heavylift/"):
                continue
            path = target / entry.filename.removesuffix(SUFFIX)
            path.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISLNK(mode):
                path.symlink_to(source.read(entry).decode())
            elif entry.is_dir():
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(read_file(source, entry))
                path.chmod(mode & 0o777)


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


def ordinary_archive(path: Path, key: str) -> Archive:
    """Return an archive that is none of a build's: nobody pins its digest, or counts its files."""
    return Archive(path=path, key=key, digest="", packed=path.stat().st_size, unpacked=0, files=0, compressor="")


def model_of(build: Build) -> Archive:
    """Return the archive of the example's model.

    Raises:
        HeavyliftError: the build has none.
    """
    if build.model is None:
        raise HeavyliftError("the build has no model, which the example function needs; run `make build`")
    return build.model


def installed_archive(root: Path, folder: Path) -> Archive:
    """Zip everything that pip installs, as the article does."""
    staging, path = folder / "installed", folder / "installed.zip"
    install(root, staging)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for file in sorted(staging.rglob("*")):
            if file.is_file():
                target.write(file, file.relative_to(staging))
    shutil.rmtree(staging)
    return ordinary_archive(path, "applib/installed.zip")


def plain_archive(archive: Archive, folder: Path, *, bytecode: bool = False) -> Archive:
    """Pack our files into an ordinary zip; without bytecode, these are the files that pruning alone leaves."""
    left_out = (".heavylift/",) if bytecode else (".heavylift/", f"{BYTECODE_NAME}/")
    key = f"{archive.key.partition('/')[0]}/plain.zip"
    path = folder / key.replace("/", "-")
    with zipfile.ZipFile(archive.path) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            name = entry.filename.removesuffix(SUFFIX)
            if name != entry.filename and not name.startswith(left_out):
                target.writestr(name, read_file(source, entry), zipfile.ZIP_DEFLATED)
    return ordinary_archive(path, key)


def tar_archive(plain: Archive, folder: Path) -> Archive:
    """Pack the same files into a tar.gz."""
    path = folder / "plain.tar.gz"
    with zipfile.ZipFile(plain.path) as source, tarfile.open(path, "w:gz", compresslevel=6) as target:
        for entry in source.infolist():
            member = tarfile.TarInfo(entry.filename)
            member.size, member.mode = entry.file_size, 0o644
            with source.open(entry) as file:
                target.addfile(member, file)
    return ordinary_archive(path, "applib/plain.tar.gz")
