"""The way of the article that introduced the technique: download to a temporary zip, `extractall`, import; in the first request.

A peer to measure against, with the example's `index` unchanged. It prints the same log line as our loader.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "vendor"))

_handler = None


def _fetch(bucket: object, key: str, directory: str) -> None:
    archive = f"{directory}.zip"
    bucket.get_object_to_file(key, archive)  # type: ignore[attr-defined]
    with zipfile.ZipFile(archive) as file:
        file.extractall(directory)
    os.unlink(archive)  # noqa: PTH108 - as the article has it


def initializer(context: object) -> None:
    """Load everything, one step after the other."""
    global _handler
    begin = time.time()
    import oss2

    marks = [("import", "oss2", time.time())]
    auth = oss2.StsAuth(
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
        auth_version="v4",
    )
    bucket = oss2.Bucket(
        auth, os.environ["Endpoint"], os.environ["Bucket"], region=os.environ["Region"], enable_crc=False
    )
    _fetch(bucket, os.environ["AppLibObject"], os.environ["AppLibDir"])
    marks.append(("unpack", "applib", time.time()))
    _fetch(bucket, os.environ["ModelObject"], os.environ["ModelDir"])
    marks.append(("unpack", "model", time.time()))
    sys.path.insert(0, os.environ["AppLibDir"])
    import index

    marks.append(("import", "index", time.time()))
    _handler = index.handler
    spans, last = [], begin
    for phase, item, end in marks:
        spans.append({"phase": phase, "item": item, "start": last - begin, "end": end - begin})
        last = end
    record = {
        "event": "heavylift.start",
        "mode": "request",
        "started": begin,
        "seconds": time.time() - begin,
        "spans": spans,
    }
    record |= {"bytes": {"fetched": 0, "unpacked": 0}, "files": 0, "retries": 0}
    record |= {"peak_disk": 0, "peak_memory": 0, "memory_before_import": 0}
    print(json.dumps(record))


def handler(event: bytes, context: object) -> object:
    """Load in the first request, then pass requests on."""
    if _handler is None:
        initializer(context)
    assert _handler is not None
    return _handler(event, context)
