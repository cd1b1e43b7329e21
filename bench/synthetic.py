"""Archives of any size, for measurements of how a load grows.

They are made like an applib: large shared libraries and many small files. Each stripe of a file is half noise, half a slice of a
real library, so that all archives compress alike and no two blocks are equal. 1.6 bytes become one, where 3.3 of an applib's do:
four packed gigabytes of those would not fit the largest disk of an instance.
"""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

from heavylift.build.order import Order
from heavylift.build.pack import PackedArchive, pack
from heavylift.measure.archives import read_file

STRIPE = 64 * 1024  # bytes
NOISE = 33 * 1024  # bytes of a stripe
LARGE = 16 * 1024**2  # bytes; one such file in a unit
SMALL, SMALLS = 48 * 1024, 80  # bytes and number of the small files in a unit: an applib has as many per megabyte
SAMPLE = 64 * 1024**2  # bytes of a real library
UNIT = LARGE + SMALL * SMALLS  # bytes
LEVEL = 1  # zstd's: how well it is packed does not matter here, how long it takes does


def library_sample(applib: Path) -> bytes:
    """Return the first bytes of an applib's largest file."""
    with zipfile.ZipFile(applib) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
        return read_file(archive, largest, SAMPLE)


def write_units(folder: Path, count: int, sample: bytes) -> None:
    """Write the files of so many units; the same call writes the same bytes."""
    for number in range(count):
        unit = folder / f"unit{number:04}"
        unit.mkdir(parents=True)
        source = random.Random(number)  # noqa: S311 - noise, not a secret
        (unit / "library.so").write_bytes(_content(LARGE, source, sample))
        small = _content(SMALL * SMALLS, source, sample)
        for each in range(SMALLS):
            (unit / f"module{each:02}.py").write_bytes(small[each * SMALL : (each + 1) * SMALL])


def _content(size: int, source: random.Random, sample: bytes) -> bytes:
    stripes = []
    for _ in range(-(-size // STRIPE)):
        begin = source.randrange(max(1, len(sample) - STRIPE))
        stripes.append(source.randbytes(NOISE) + sample[begin : begin + STRIPE - NOISE])
    return b"".join(stripes)[:size]


def pack_units(folder: Path, count: int, target: Path) -> PackedArchive:
    """Pack the first units.

    Args:
        folder: with all units.
        count: how many to pack.
        target: the archive.
    """
    names = [f"unit{number:04}" for number in range(count)]
    paths = [f"{name}/{path.name}" for name in names for path in sorted((folder / name).iterdir())]
    order = Order(paths, len(paths), len(paths))
    return pack(folder, target, progress=lambda _done, _total: None, level=LEVEL, order=order)
