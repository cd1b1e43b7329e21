"""Finds the system libraries that an applib needs: those that its shared libraries and programs name and it does not hold.

A library is found by its name alone, wherever in the applib it lies: packages reach their own by RPATH, or load them first. Nobody
has published what the runtimes' images hold. `PRESENT` is what their Python cannot be without; everything else that is needed, a
build names, since an import that works here may fail there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heavylift.build.binaries import is_elf
from heavylift.build.elf import read_dynamic

# The C library's (glibc, NEWS: all but the loader are parts of libc since 2.34), the compiler's, and zlib, which zipimport needs.
PRESENT = frozenset(
    {
        *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"),
        *(
            "librt.so.1",
            "libutil.so.1",
            "libresolv.so.2",
            "libnsl.so.1",
            "libcrypt.so.1",
            "libanl.so.1",
            "libmvec.so.1",
        ),
        *("libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"),
    }
)
# Packages that need a window system, and their variants that do not.
HEADLESS = {
    "opencv-python": "opencv-python-headless",
    "opencv-contrib-python": "opencv-contrib-python-headless",
}


_GLIBC = re.compile(r"GLIBC_2\.(\d{1,4})(?:\.\d{1,4})?")

Libraries = Mapping[str, Sequence[tuple[str, str]]]  # by path: the names in it, see `read_dynamic`


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """A library that the runtime must have."""

    library: str  # libGL.so.1
    packages: Sequence[str]  # that need it

    @property
    def advice(self) -> str:
        """The packages to ask for instead; empty when nobody knows."""
        instead = [f"ask for {HEADLESS[name]} instead of {name}" for name in self.packages if name in HEADLESS]
        return "; ".join(instead)

    def __str__(self) -> str:
        return f"{self.library} for {', '.join(self.packages)}" + (f" ({self.advice})" if self.advice else "")


def read_libraries(folder: Path, paths: Iterable[str]) -> Libraries:
    """Return the names in an applib's shared libraries and programs.

    Args:
        folder: the applib.
        paths: of its files; what is not below it, or no library, is passed over.
    """
    libraries = (path for path in sorted(paths) if is_elf(folder / path))
    return {path: list(read_dynamic(folder / path)) for path in libraries}


def find_needs(libraries: Libraries, owners: Mapping[str, str]) -> list[Need]:
    """Return the libraries that an applib's files need and neither it nor the runtime is known to hold.

    Args:
        libraries: of the applib, with the names in them.
        owners: the packages of the files.
    """
    held = {Path(path).name for path in libraries}
    wanted: dict[str, set[str]] = defaultdict(set)
    for path, names in libraries.items():
        for tag, name in names:
            if tag == "DT_SONAME":
                held.add(name)
            elif tag == "DT_NEEDED":
                wanted[name].add(owners.get(path, path.partition("/")[0]))
    return [
        Need(library=name, packages=sorted(packages))
        for name, packages in sorted(wanted.items())
        if name not in held and name not in PRESENT
    ]


def find_newer(libraries: Libraries, owners: Mapping[str, str], glibc: int) -> dict[str, int]:
    """Return the packages whose files cannot be loaded with a C library, each with the version that they need.

    Args:
        libraries: of the applib, with the names in them.
        owners: the packages of the files.
        glibc: minor version of glibc 2.
    """
    found: dict[str, int] = {}
    for path, names in libraries.items():
        needed = [int(match[1]) for tag, name in names if tag == "DT_VERNEED" and (match := _GLIBC.fullmatch(name))]
        if max(needed, default=0) > glibc:
            package = owners.get(path, path.partition("/")[0])
            found[package] = max(*needed, found.get(package, 0))
    return dict(sorted(found.items()))
