"""The files by which programs of an instance, in any language, find and trust the embedded cloud under its names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from localcloud.gateway.resolver import ADDRESS
from localcloud.gateway.trust import trusting

# How the C library, Go and others look names up: the embedded cloud's names alone, so that an instance cannot reach a real account.
NAMES = {"resolv.conf": f"nameserver {ADDRESS}\n", "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n"}


class Lookup:
    """The files, which all instances share and none can write.

    Args:
        folder: where they lie on this machine.
        authority: the certificate (PEM) of the embedded cloud.
    """

    def __init__(self, folder: Path, *, authority: str) -> None:
        self._folder = folder
        self._authority = authority

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """The files by which names are looked up, by the paths that they get in an instance; made when they are first asked for."""
        return self._make({f"/etc/{name}": text.encode() for name, text in NAMES.items()})

    @cached_property
    def trusted(self) -> Mapping[str, Path]:
        """The files of certificates, likewise; they lie in folders of this machine's."""
        return self._make({str(path): content for path, content in trusting(self._authority).items()})

    def _make(self, contents: Mapping[str, bytes]) -> Mapping[str, Path]:
        self._folder.mkdir(exist_ok=True)
        made = {path: self._folder / Path(path).name for path in contents}
        for path, file in made.items():
            file.unlink(missing_ok=True)  # of an embedded cloud before this one
            file.write_bytes(contents[path])
            file.chmod(0o644)  # the function is another user
        return made
