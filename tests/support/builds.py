"""Small builds: their files and their manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from heavylift.contracts.manifest import Applib, Archive, Build, Code, write_manifest
from heavylift.contracts.platform import RUNTIMES, Target

TARGET = RUNTIMES["python3.10"].target
MB = 1024**2
CODE = 'def initializer(context):\n    pass\n\n\ndef handler(event, context):\n    return "hello"\n'  # of a function


def make_archive(dist: Path, part: str, content: bytes = b"archive", *, digest: str = "") -> Archive:
    """Write an archive of a build; its digest is one of part and content, unless it is given."""
    digest = digest or hashlib.sha256(part.encode() + content).hexdigest()
    key = f"{part}/{digest}.zip"
    (dist / part).mkdir(parents=True, exist_ok=True)
    (dist / key).write_bytes(content)
    return Archive(
        key=key, digest=digest, path=dist / key, packed=len(content), unpacked=len(content), files=1, compressor="none"
    )


def make_applib(archive: Archive, *, imported: bool = True) -> Applib:
    """Return an archive as that of the libraries."""
    return Applib(
        **{name: getattr(archive, name) for name in Archive.__slots__},
        versions={"six": "1.17.0"},
        pruned=(),
        bytecode=True,
        imported=imported,
        system={},
    )


def make_code(dist: Path, content: str = "") -> Code:
    """Write a code package of one file."""
    data = content.encode()
    (dist / "code").mkdir(parents=True, exist_ok=True)
    (dist / "code" / "loader.py").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return Code(path=dist / "code", digest=digest, packed=len(data), unpacked=len(data), files=1)


def write_build(
    dist: Path, *, content: bytes = b"archive", code: str = "", target: Target = TARGET, imported: bool = True
) -> Build:
    """Write a build of two archives that hold nothing that could be unpacked, and of a function."""
    build = Build(
        target=target,
        applib=make_applib(make_archive(dist, "applib", content), imported=imported),
        model=make_archive(dist, "model", content),
        code=make_code(dist, code),
    )
    write_manifest(build, dist)
    return build
