"""The archives of the other ways: the same libraries, packed as their tools pack them."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

from heavylift.build.cuts import Paged
from heavylift.build.order import Order
from heavylift.build.pack import pack
from heavylift.contracts.archive import BLOCK_SIZE, SUFFIX
from heavylift.contracts.manifest import Archive, Build
from heavylift.errors import HeavyliftError
from heavylift.measure.archives import read_file, read_index, repack, zip_folder


def find_lock(root: Path) -> Path:
    """Return the lock of a project's applib for this Python."""
    (lock,) = (root / "layers_build" / "locks").glob(f"applib-cp{sys.version_info.major}{sys.version_info.minor}-*.txt")
    return lock


def install(lock: Path, target: Path, *, share: bool = False) -> None:
    """Install the packages of a lock into a folder, as pip leaves them.

    Args:
        lock: with hashes.
        target: receives the packages.
        share: let files be those of uv's cache, as a build does, instead of copies.

    Raises:
        HeavyliftError: they cannot be installed.
    """
    uv = Path(sys.executable).with_name("uv")
    options = ["--target", str(target), "--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
    command = [str(uv), "pip", "install", *options, "--link-mode", "hardlink" if share else "copy", "-r", str(lock)]
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


def zip_installed(lock: Path, folder: Path) -> Archive:
    """Zip everything that pip installs of a lock, as the article does."""
    staging, path = folder / "installed", folder / "installed.zip"
    install(lock, staging)
    zip_folder(staging, path)
    shutil.rmtree(staging)
    return ordinary_archive(path, "applib/installed.zip")


def plain_archive(archive: Archive, folder: Path, *, bytecode: bool = False) -> Archive:
    """Pack our files into an ordinary zip; without bytecode, these are the files that pruning alone leaves."""
    key = f"{archive.key.partition('/')[0]}/plain.zip"
    path = folder / key.replace("/", "-")
    repack(archive.path, path, bytecode=bytecode)
    return ordinary_archive(path, key)


def coarse_archive(archive: Archive, folder: Path) -> Archive:
    """Pack the files of an archive of ours again, with the code of libraries in blocks as large as blocks may be."""
    staging = folder / "coarse"
    staging.mkdir()
    unpack(archive.path, staging)
    with zipfile.ZipFile(archive.path) as source:
        content = read_index(source)[0].content
    paths = [file.path for file in content.files]
    packed = pack(
        staging,
        folder / "coarse.zip",
        progress=lambda _done, _total: None,
        code_block=BLOCK_SIZE,
        order=Order(paths, content.eager, len(paths) if content.used is None else content.used),
        libraries={paths[each.file]: Paged(each.regions, each.hot) for each in content.libraries},
    )
    shutil.rmtree(staging)
    return replace(archive, path=packed.path, key="applib/coarse.zip", digest=packed.digest, packed=packed.packed)


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
