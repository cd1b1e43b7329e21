"""Other ways to bring libraries into an instance, to measure against; the example's `index` is unchanged.

Each loads in the first request, one step after the other, and prints the same log line as our loader. `BenchWay` chooses:

- `article`: the way of the article that introduced the technique: `get_object_to_file`, `ZipFile.extractall`;
- `resumable`: `oss2.resumable_download` on four threads, `ZipFile.extractall`;
- `v2`: the Downloader of the SDK's second version (alibabacloud-oss-v2) as it comes, and the command `unzip`;
- `tar`: a tar.gz unpacked while it streams from the store, as Zappa's slim_handler does (handler.py,
  `load_remote_project_archive`);
- `package`: the zip lies in the code package and only has to be unpacked, as serverless-python-requirements does with its
  option `zip` (unzip_requirements.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "vendor"))

PACKAGED = Path(__file__).resolve().parent / "applib.zip"  # of the way `package`
_handler = None


def _fetch(key: str, directory: str) -> None:
    way, archive = os.environ["BenchWay"], f"{directory}.zip"
    if way == "v2":
        _client_v2().downloader().download_file(_request_v2(key), archive)
        subprocess.run(["unzip", "-q", archive, "-d", directory], check=True)
        os.unlink(archive)  # noqa: PTH108 - as the article has it
        return
    if way == "package" and key == os.environ["AppLibObject"]:
        _extract(PACKAGED, directory)
        return
    bucket = _bucket()
    if way == "tar" and key.endswith(".tar.gz"):
        with tarfile.open(fileobj=bucket.get_object(key), mode="r|gz") as stream:
            stream.extractall(directory, filter="fully_trusted")  # noqa: S202 - as that tool does
        return
    if way == "resumable":
        import oss2

        oss2.resumable_download(bucket, key, archive, part_size=8 * 1024 * 1024, num_threads=4)
    else:
        bucket.get_object_to_file(key, archive)
    _extract(archive, directory)
    os.unlink(archive)  # noqa: PTH108 - as the article has it


def _extract(archive: str | Path, directory: str) -> None:
    with zipfile.ZipFile(archive) as file:
        file.extractall(directory)  # noqa: S202 - as the article has it


def _bucket() -> Any:  # noqa: ANN401 - oss2 has no types
    import oss2

    auth = oss2.StsAuth(*_credentials(), auth_version="v4")
    return oss2.Bucket(
        auth, os.environ["Endpoint"], os.environ["Bucket"], region=os.environ["Region"], enable_crc=False
    )


def _client_v2() -> Any:  # noqa: ANN401 - the SDK is not among what the checker sees
    import alibabacloud_oss_v2 as oss

    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(*_credentials())
    config.region, config.endpoint = os.environ["Region"], os.environ["Endpoint"]
    return oss.Client(config)


def _request_v2(key: str) -> Any:  # noqa: ANN401 - the SDK is not among what the checker sees
    import alibabacloud_oss_v2 as oss

    return oss.GetObjectRequest(bucket=os.environ["Bucket"], key=key)


def _credentials() -> tuple[str, str, str]:
    return (
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
    )


def initializer(context: object) -> None:
    """Load everything, one step after the other."""
    global _handler
    begin = time.time()
    if os.environ["BenchWay"] == "v2":
        import alibabacloud_oss_v2 as sdk
    else:
        import oss2 as sdk
    marks = [("import", sdk.__name__, time.time())]
    _fetch(os.environ["AppLibObject"], os.environ["AppLibDir"])
    marks.append(("unpack", "applib", time.time()))
    _fetch(os.environ["ModelObject"], os.environ["ModelDir"])
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
