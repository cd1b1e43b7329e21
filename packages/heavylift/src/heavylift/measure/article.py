"""The loader of the way that the article describes, which introduced the technique: it takes the place of ours in a code package.

The first request downloads each archive to a temporary file (`get_object_to_file`), extracts it (`ZipFile.extractall`) and imports
the function, one after the other. It prints the same log line as our loader.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable
from typing import Any

_handler: Any = None


def fetch(key: str, directory: str) -> None:
    """Download an archive, and extract it into a folder."""
    archive = f"{directory}.zip"
    bucket().get_object_to_file(key, archive)
    extract(archive, directory)
    os.unlink(archive)  # noqa: PTH108 - as the article has it


def extract(archive: str, directory: str) -> None:
    """Extract an archive into a folder."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(directory)


def bucket() -> Any:  # noqa: ANN401 - oss2 has no types
    """Return the bucket with the archives; requests are signed with V4."""
    import oss2

    auth = oss2.StsAuth(*credentials(), auth_version="v4")
    return oss2.Bucket(
        auth, os.environ["Endpoint"], os.environ["Bucket"], region=os.environ["Region"], enable_crc=False
    )


def credentials() -> tuple[str, str, str]:
    """Return the role's key, as the platform gives it: id, secret, token."""
    return (
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
    )


def load(bring: Callable[[str, str], None] = fetch, sdk: str = "oss2") -> Any:  # noqa: ANN401 - whatever a user's function is
    """Bring the archives, import the function, print the log line, and return the function.

    Args:
        bring: brings an archive, by its key, into a folder.
        sdk: the module that it needs.
    """
    began, marks = time.time(), []
    sys.path.insert(0, f"{os.environ['FC_FUNC_CODE_PATH']}/vendor")  # where a code package of ours has the SDK
    importlib.import_module(sdk)
    marks.append(("import", sdk, time.time()))
    for name in ("AppLib", "Model"):
        if f"{name}Object" in os.environ:
            bring(os.environ[f"{name}Object"], os.environ[f"{name}Dir"])
            marks.append(("unpack", name.lower(), time.time()))
    sys.path.insert(0, os.environ["AppLibDir"])
    module, _, function = os.environ.get("HandlerModule", "index.handler").rpartition(".")
    imported = importlib.import_module(module)
    marks.append(("import", module, time.time()))
    if hasattr(imported, "warmup"):  # which our loader calls: the function counts on it
        imported.warmup()
        marks.append(("warmup", module, time.time()))
    _log(began, marks)
    return getattr(imported, function)


def _log(began: float, marks: list[tuple[str, str, float]]) -> None:
    spans, last = [], began
    for phase, item, end in marks:
        spans.append({"phase": phase, "item": item, "start": last - began, "end": end - began})
        last = end
    record = {"event": "heavylift.start", "mode": "request", "started": began, "seconds": last - began, "spans": spans}
    record |= {"bytes": {"fetched": 0, "unpacked": 0}, "files": 0, "retries": 0}
    record |= {"peak_disk": 0, "peak_memory": 0, "memory_before_import": 0}
    print(json.dumps(record))


def handler(event: bytes, context: object) -> object:
    """Load in the first request, then pass requests on."""
    global _handler
    if _handler is None:
        _handler = load()
    return _handler(event, context)
