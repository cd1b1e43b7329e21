"""Code packages with names, links, sizes and counts that mean harm."""

from __future__ import annotations

import base64
import functools
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.support.wire import Answer, Request
from tests.torture.attacks.common import Attack, fc, function, zipped
from tests.torture.cloud import Cloud
from tests.torture.control import Api


def by_package(chance: random.Random) -> list[Attack]:
    good = zipped({"index.py": b"x = 1", "a/b.py": b"y = 2"})
    place = chance.randrange(len(good))
    end = good.rindex(b"PK\5\6")
    packages: dict[str, bytes | Callable[[], bytes]] = {
        "an empty name": zipped({"": b"x"}),
        "a name of one slash": zipped({"/": b"x"}),
        "a parent": zipped({"../out": b"x"}),
        "a parent inside": zipped({"a/../../out": b"x"}),
        "absolute": zipped({"/etc/out": b"x"}),
        "a drive": zipped({"C:\\out": b"x"}),
        "a backslash": zipped({"..\\out": b"x"}),
        "a dot": zipped({".": b"x"}),
        "a NUL": good.replace(b"index.py", b"ind\0x.py"),
        "a link": zipped({"link": b"/etc/passwd"}, mode=0o120777),
        "a link into itself": zipped({"link": b"link"}, mode=0o120777),
        "a device": zipped({"device": b""}, mode=0o020666),
        "a pipe": zipped({"pipe": b""}, mode=0o010666),
        "set-uid": zipped({"index.py": b"x"}, mode=0o104755),
        "a file in a file": zipped({"a": b"x", "a/b": b"y"}),
        "a file and a folder": zipped({"a/": b"", "a": b"y"}),
        "a long name": zipped({"a" * 5000: b"x"}),
        "a deep name": zipped({"a/" * 3000 + "b": b"x"}),
        "a name that is not UTF-8": good.replace(b"index.py", b"ind\xffx.py"),
        "a bomb of 1 GB": _bomb,
        "a size that lies": good[: end - 40] + struct.pack("<L", 0xFFFFFFFF) + good[end - 36 :],
        "a count that lies": good[: end + 8] + struct.pack("<HH", 65535, 65535) + good[end + 12 :],
        "a directory that lies": good[: end + 16] + struct.pack("<L", 0xFFFFFFF0) + good[end + 20 :],
        "a flipped byte": good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :],
        "a cut": good[: chance.randrange(1, len(good))],
        "encrypted": good.replace(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0"),
        "an unknown method": good.replace(b"\x08\0", b"\x63\0"),
        "5,000 files": _many,
        "nothing": b"",
        "noise": chance.randbytes(5000),
        "no files": zipped({}),
    }
    may = {
        "set-uid",
        "a flipped byte",
        "a long name",
        "5,000 files",
        "no files",
        "a name that is not UTF-8",
        "a drive",
    }
    may |= {
        "a count that lies",
        "a bomb of 1 GB",
        "a NUL",
        "a pipe",
        "a device",
        "a backslash",
        "a dot",
        "a cut",
        "a size that lies",
    }
    found = []
    for name, content in packages.items():
        for path in ("/2021-04-06/services/s/functions", "/2023-03-30/functions"):
            make = functools.partial(_packed, content, path, f"p{chance.randrange(10**9)}")
            found.append(Attack(f"package: {name}", make, name in may, _stays_inside))
    for code in (
        "x",
        "====",
        "\0",
        1,
        {"a": 1},
        {"ossBucketName": 1, "ossObjectName": []},
        {"ossBucketName": "no", "ossObjectName": "no"},
    ):
        record = {**function("c"), "code": code if isinstance(code, dict) else {"zipFile": code}}
        found.append(
            Attack(f"package: code {code!a}", fc("POST", "/2023-03-30/functions", json.dumps(record).encode()))
        )
    return found


def _packed(content: bytes | Callable[[], bytes], path: str, name: str, cloud: Cloud) -> tuple[str, Request]:
    code = base64.b64encode(content if isinstance(content, bytes) else content()).decode()
    made: tuple[str, Request] = fc("POST", path, json.dumps({**function(name), "code": {"zipFile": code}}).encode())(
        cloud
    )
    return made


@functools.cache
def _bomb() -> bytes:
    """Return a zip that inflates to 1 GB of zeros."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("zeros", "w") as file,
    ):
        for _ in range(1024):
            file.write(bytes(1024**2))
    return target.getvalue()


@functools.cache
def _many() -> bytes:
    return zipped({f"f{n}": b"" for n in range(5_000)}, method=zipfile.ZIP_STORED)


def _stays_inside(cloud: Cloud, answer: Answer) -> str | None:
    """Nothing is written beside the folder of code packages; what was created goes again, as large as it may be."""
    if answer.status < 300:
        name = json.loads(answer.body)["functionName"]
        for path in ("/2021-04-06/services/s/functions", "/2023-03-30/functions"):
            Api(cloud).fc("DELETE", f"{path}/{name}")
    for written in (cloud.data.parent / "out", cloud.data / "out", cloud.data / "fc" / "out", Path("/etc/out")):
        if written.exists():
            return f"{written} was written"
    return None
