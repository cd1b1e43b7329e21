"""The packages that the platform's Python runtimes have built in: the vendor's SDKs, and some of everybody's.

They are taken from the environment that runs the embedded cloud, as far as it has them and in its versions. So only instances on
its version of Python can have them.
Source: Function Compute, "Python", "Built-in Python modules" (page of 2026-06).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_SDK = "aliyun-python-sdk-"
_OLDER = (  # of the runtimes before python3.12
    *("oss2", "tablestore", "aliyun-fc2", "aliyun-mns", "aliyun-log-python-sdk", "wand", "scrapy"),
    *(f"{_SDK}{product}" for product in ("ecs", "vpc", "rds", "kms", "cdn", "ram", "sts", "iot")),
)
_COMMON = ("pymysql", "elasticsearch", "pillow", "pyopenssl", "redis", "requests")
_NUMBERS = ("opencv-python", "numpy", "scipy", "matplotlib")
BUILT_IN: Mapping[str, Sequence[str]] = {  # by runtime
    "python3": (*_OLDER, *_NUMBERS),
    "python3.9": (*_OLDER, *_NUMBERS),
    "python3.10": (*_OLDER, *_COMMON),
    "python3.12": (
        *("oss2", "wand", "scrapy", *_COMMON, "alibabacloud-mns-open20220119"),
        *(
            "alibabacloud-ecs20140526",
            "alibabacloud-vpc20160428",
            "alibabacloud-rds20140815",
            "alibabacloud-kms20160120",
        ),
        *(
            "alibabacloud-cdn20180510",
            "alibabacloud-ram20150501",
            "alibabacloud-sts20150401",
            "alibabacloud-iot20180120",
        ),
        "alibabacloud-sls20201230",
    ),
}
_INSTEAD = {"crcmod": "crcmod-plus"}  # the same module, with wheels
_NO_MODULES = (".dist-info", ".egg-info", ".pth")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@functools.cache
def built_in_packages(runtime: str) -> Mapping[str, Path]:
    """Return the files and folders of a runtime's packages and of what these need, by the names under which they are imported."""
    from importlib.metadata import (  # reads e-mail; the first instance has time for it
        PackageNotFoundError,
        distribution,
    )

    found: dict[str, Path] = {}
    wanted, seen = [*BUILT_IN.get(runtime, ())], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = distribution(_INSTEAD.get(name, name))
        except PackageNotFoundError:
            continue  # it is not installed here, or this version of Python does not need it
        found |= _files(package)
        wanted += [
            match[0] for each in package.requires or () if "extra ==" not in each and (match := _NAME.match(each))
        ]
    return found


def _files(package: Distribution) -> dict[str, Path]:
    tops = {file.parts[0] for file in package.files or ()}
    importable = {top for top in tops if not top.endswith(_NO_MODULES) and not top.startswith((".", "__"))}
    found = {top: Path(str(package.locate_file(top))) for top in importable}
    # What `setup.py install` installed, as older pips do, may have nothing but the list of its sources.
    return {top: path for top, path in found.items() if path.exists()}
