"""The archives of the other ways: the same libraries, packed as their tools pack them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from function.coldstart.bytecode import BYTECODE_NAME
from heavylift.archives import Archive
from heavylift.errors import HeavyliftError


def installed_archive(root: Path, folder: Path) -> Archive:
    """The article's archive: everything that pip installs, zipped."""
    (lock,) = (root / "function" / "locks").glob(f"applib-cp{sys.version_info.major}{sys.version_info.minor}-*.txt")
    staging, path = folder / "installed", folder / "installed.zip"
    uv = Path(sys.executable).with_name("uv")
    options = ["--target", str(staging), "--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
    done = subprocess.run([uv, "pip", "install", *options, "-r", lock], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HeavyliftError(f"the libraries cannot be installed: {done.stderr.strip()}")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for file in sorted(staging.rglob("*")):
            if file.is_file():
                target.write(file, file.relative_to(staging))
    shutil.rmtree(staging)
    return Archive(path=path, key="applib/installed.zip", digest="", size=path.stat().st_size)


def plain_archive(applib: Archive, folder: Path) -> Archive:
    """Our files as an ordinary zip without bytecode: what pruning alone leaves."""
    path = folder / "plain.zip"
    with zipfile.ZipFile(applib.path) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            if not entry.filename.startswith((".heavylift/", f"{BYTECODE_NAME}/")):
                target.writestr(entry.filename, source.read(entry), zipfile.ZIP_DEFLATED)
    return Archive(path=path, key="applib/plain.zip", digest="", size=path.stat().st_size)


def tar_archive(plain: Archive, folder: Path) -> Archive:
    """The same files as a tar.gz."""
    path = folder / "plain.tar.gz"
    with zipfile.ZipFile(plain.path) as source, tarfile.open(path, "w:gz", compresslevel=6) as target:
        for entry in source.infolist():
            member = tarfile.TarInfo(entry.filename)
            member.size, member.mode = entry.file_size, 0o644
            with source.open(entry) as file:
                target.addfile(member, file)
    return Archive(path=path, key="applib/plain.tar.gz", digest="", size=path.stat().st_size)
