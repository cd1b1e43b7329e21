"""Code packages to measure: copies of the built one, changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from heavylift.clouds.assets import zip_code
from heavylift.contracts.manifest import Archive
from heavylift.errors import HeavyliftError
from heavylift.measure import article

PEERS = Path(__file__).parent / "peers"
PACKAGED = "applib.zip"  # in the code package of the way `package` (peers/loader.py)


def copy_code(code: Path, target: Path) -> Path:
    """Copy a built code package, to change the copy."""
    shutil.copytree(code, target)
    return target


def replace_source(path: Path, content: str) -> None:
    """Write a module of a copied code package, and remove its bytecode, which is trusted unchecked."""
    path.write_text(content, encoding="utf-8")
    for stale in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        stale.unlink()


def peer_code(code: Path, folder: Path) -> bytes:
    """Return the same code package with the loader of the other ways.

    Args:
        code: the built code package.
        folder: for the changed copy, which stays there as `code`.
    """
    staging = copy_code(code, folder / "code")
    ours = Path(article.__file__)
    target = staging / "heavylift" / "measure"
    target.mkdir()
    for source in (ours, ours.with_name("__init__.py")):
        shutil.copyfile(source, target / source.name)
    replace_source(staging / "loader.py", (PEERS / "loader.py").read_text(encoding="utf-8"))
    return zip_code(staging)


def add_sdk(staging: Path) -> bytes:
    """Add the SDK's second version to a copied code package; its dependencies are vendored there already.

    Raises:
        HeavyliftError: it cannot be installed.
    """
    uv = Path(sys.executable).with_name("uv")
    options = ["--target", str(staging / "vendor"), "--no-deps", "--require-hashes", "--quiet"]
    command = [str(uv), "pip", "install", *options, "-r", str(PEERS / "requirements.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HeavyliftError(f"alibabacloud-oss-v2 cannot be installed: {done.stderr.strip()}")
    return zip_code(staging)


def add_archive(package: bytes, archive: Archive, target: Path) -> Path:
    """Write a code package to a file, with an archive in it, and return the file."""
    target.write_bytes(package)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_STORED) as file:
        file.write(archive.path, PACKAGED)
    return target
