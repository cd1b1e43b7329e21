"""The example function: rotates pictures of a bucket with a TensorFlow model. Replace it with your own.

`handler` answers a request, `warmup` does beforehand what the first one would have to wait for. What an event may ask
for stands in `jobs`, what is done to a picture in `pictures`; this module reads and writes the objects.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import oss2
import pictures
from jobs import Job, Notice, RotationError, job_of, parse_event

from heavylift.contracts.failures import LoadError
from heavylift.runtime.credentials import Credentials, find_credentials
from heavylift.runtime.download import OssStore
from heavylift.runtime.oss import open_bucket, oss_errors
from heavylift.runtime.retries import Deadline
from heavylift.runtime.settings import Settings, read_settings
from heavylift.runtime.store import ObjectReader

CODE = Path(__file__).resolve().parent
MAX_BYTES = pictures.MAX_PIXELS * 8  # of an object: four channels of 16 bits, uncompressed
HEAD = 8 * 1024 * 1024  # bytes read at first; most pictures are smaller
REQUEST_LIMIT = 60.0  # seconds, where the context does not say

Answer = dict[str, object]


class NotificationError(RotationError):
    """Some objects of an event notification could not be rotated; the others were."""


def warmup() -> None:
    """Load the model and turn a tiny picture, so that no request pays for it."""
    _rotator(read_settings(os.environ).model).warm_up()


def handler(event: bytes, context: object) -> str:
    """Rotate the pictures that the event names.

    Args:
        event: see `jobs.parse_event`.
        context: the platform's context; its credentials sign the requests.

    Returns:
        JSON: `status`, `source`, `target`, `width`, `height`, `bytes`, `milliseconds` per phase; for an event
        notification, `status` and `results`, one of these or a reason for each object.

    Raises:
        RotationError: the request is wrong, or is not about a picture. Nothing was written for it.
        LoadError: an object cannot be read or written.
    """
    request = parse_event(event)
    settings = read_settings(os.environ)
    worker = _Worker(settings, context)
    if isinstance(request, Job):
        return json.dumps(worker.rotate(request), ensure_ascii=False)
    return json.dumps(_rotate_each(request, worker, settings.bucket), ensure_ascii=False)


def _rotate_each(notices: tuple[Notice, ...], worker: _Worker, bucket: str) -> Answer:
    results: list[Answer] = []
    failures: list[Exception] = []
    for notice in notices:
        try:
            job = job_of(notice, bucket=bucket)
            if isinstance(job, Job):
                results.append(worker.rotate(job))
            else:
                results.append({"status": "skipped", "source": notice.key, "reason": job})
        except (RotationError, LoadError) as error:
            failures.append(error)
    # Raised, because the platform tries a failed notification again, and reports it where its owner asked for that.
    if failures and len(notices) == 1:
        raise failures[0]
    if failures:
        reasons = "; ".join(f"{type(error).__name__}: {error}" for error in failures)
        raise NotificationError(f"{len(failures)} of {len(notices)} objects were not rotated: {reasons}")
    return {"status": "success", "results": results}


class _Worker:
    """Does the jobs of one request."""

    def __init__(self, settings: Settings, context: object) -> None:
        limit = float(getattr(getattr(context, "function", None), "timeout", 0) or REQUEST_LIMIT)
        self._deadline = Deadline(limit)
        self._rotator = _rotator(settings.model)
        self._objects, self._bucket = _clients(settings, find_credentials(context, os.environ, local=settings.local))

    def rotate(self, job: Job) -> Answer:
        """Do one job and return its result."""
        phases: dict[str, float] = {}
        with _phase("fetch", phases):
            data = (CODE / job.source).read_bytes() if job.packaged else self._fetch(job.source)
        with _phase("decode", phases):
            pixels = pictures.decode(data, job.source)
        with _phase("rotate", phases):
            turned = self._rotator.rotate(pixels, job.turn)
        with _phase("encode", phases):
            result = pictures.encode(turned, job.format, job.target)
        with _phase("store", phases):
            self._store(job, result)
        return {
            "status": "success",
            "source": job.source,
            "target": job.target,
            "width": turned.shape[1],
            "height": turned.shape[0],
            "bytes": len(result),
            "milliseconds": phases,
        }

    def _fetch(self, key: str) -> bytes:
        reader = ObjectReader(self._objects, key, self._deadline)
        reader.head(HEAD)
        if reader.size > MAX_BYTES:
            raise pictures.PictureTooLargeError(f"{reader.name}: has {reader.size} bytes; at most {MAX_BYTES} are read")
        return b"".join(reader.read(0, reader.size))

    def _store(self, job: Job, data: bytes) -> None:
        headers = {"Content-Type": pictures.CONTENT_TYPES[job.format]}
        with oss_errors("oss:PutObject", self._bucket.bucket_name, job.target):
            self._bucket.put_object(job.target, data, headers=headers)


@lru_cache(maxsize=1)
def _rotator(model: Path) -> pictures.Rotator:
    return pictures.Rotator(model)


@lru_cache(maxsize=1)  # keeps connections open from one request to the next, until the credentials change
def _clients(settings: Settings, credentials: Credentials) -> tuple[OssStore, oss2.Bucket]:
    return OssStore(settings, credentials), open_bucket(settings, credentials)


@contextmanager
def _phase(name: str, phases: dict[str, float]) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    phases[name] = round((time.perf_counter() - begin) * 1000, 1)
