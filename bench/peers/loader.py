"""Other ways to bring libraries into an instance, to measure against; the function is unchanged.

Each loads in the first request, one step after the other, and prints the same log line as our loader. `BenchWay` chooses:

- `article`: the way of the article that introduced the technique (`heavylift.measure.article`);
- `resumable`: `oss2.resumable_download` on four threads, `ZipFile.extractall`;
- `v2`: the Downloader of the SDK's second version (alibabacloud-oss-v2) as it comes, and the command `unzip`;
- `tar`: a tar.gz unpacked while it streams from the store, as Zappa's slim_handler does (handler.py,
  `load_remote_project_archive`);
- `package`: the zip lies in the code package and only has to be unpacked, as serverless-python-requirements does with its
  option `zip` (unzip_requirements.py).
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from heavylift.measure import article

PACKAGED = Path(__file__).resolve().parent / "applib.zip"  # of the way `package`
_handler: Any = None


def _fetch(key: str, directory: str) -> None:
    way, archive = os.environ["BenchWay"], f"{directory}.zip"
    if way == "v2":
        _client_v2().downloader().download_file(_request_v2(key), archive)
        subprocess.run(["unzip", "-q", archive, "-d", directory], check=True)
        os.unlink(archive)  # noqa: PTH108 - as the article has it
    elif way == "package" and key == os.environ["AppLibObject"]:
        article.extract(str(PACKAGED), directory)
    elif way == "tar" and key.endswith(".tar.gz"):
        with tarfile.open(fileobj=article.bucket().get_object(key), mode="r|gz") as stream:
            stream.extractall(directory, filter="fully_trusted")  # noqa: S202 - as that tool does
    elif way == "resumable":
        import oss2

        oss2.resumable_download(article.bucket(), key, archive, part_size=8 * 1024 * 1024, num_threads=4)
        article.extract(archive, directory)
        os.unlink(archive)  # noqa: PTH108 - as the article has it
    else:
        article.fetch(key, directory)


def _client_v2() -> Any:  # noqa: ANN401 - the SDK is not among what the checker sees
    import alibabacloud_oss_v2 as oss

    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(*article.credentials())
    config.region, config.endpoint = os.environ["Region"], os.environ["Endpoint"]
    return oss.Client(config)


def _request_v2(key: str) -> Any:  # noqa: ANN401 - the SDK is not among what the checker sees
    import alibabacloud_oss_v2 as oss

    return oss.GetObjectRequest(bucket=os.environ["Bucket"], key=key)


def handler(event: bytes, context: object) -> object:
    """Load in the first request, then pass requests on."""
    global _handler
    if _handler is None:
        _handler = article.load(_fetch, "alibabacloud_oss_v2" if os.environ["BenchWay"] == "v2" else "oss2")
    return _handler(event, context)
