"""Publishes a stack's assets to its asset bucket, before the stack is created or updated.

An asset's key names its content, so one that the bucket holds already is not sent again. Large ones travel in parts, and an
interrupted upload goes on where it stopped. A bucket that this module made carries a tag that says so: only such a bucket is ever
emptied and removed.

Source: ros-cdk's `publishAssets`, which signs with V1 and uploads everything again on every deploy; that is what is different here.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import oss2
from oss2.models import Tagging, TaggingRule

from heavylift.clouds.archives import is_uploaded, upload
from heavylift.clouds.assembly import REGION, Asset
from heavylift.clouds.ros import Ros
from heavylift.clouds.session import Session
from heavylift.clouds.stacks import asset_buckets
from heavylift.errors import HeavyliftError

MADE_BY = ("heavylift", "assets")  # the tag of a bucket made here


class Output(Protocol):
    """The output that shows the progress of publishing, as the command line's does."""

    def emit(self, record: Mapping[str, object], text: str | bytes | None = None) -> None:
        """Print one record, as JSON or as a text."""

    def progress(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show the bytes that are done, of a total."""


def bucket_names(assets: Iterable[Asset], region: str) -> list[str]:
    """Return the names of the buckets that assets go to, in order."""
    return sorted({asset.bucket.replace(REGION, region) for asset in assets})


def publish(session: Session, assets: Iterable[Asset], work: Path, output: Output) -> None:
    """Upload the assets that the asset buckets do not hold yet; buckets are made when they do not exist.

    Args:
        session: where to.
        assets: what.
        work: a folder for zips and for what is remembered of unfinished uploads.
        output: told about each asset.

    Raises:
        HeavyliftError: a bucket's name belongs to another account.
        oss2.exceptions.OssError: OSS refused something else.
    """
    assets = tuple(assets)
    for name in bucket_names(assets, session.region):
        bucket = session.bucket(name)
        make_bucket(bucket)
        for asset in assets:
            if asset.bucket.replace(REGION, session.region) == name:
                _publish(bucket, asset, work, output)


def make_bucket(bucket: oss2.Bucket, *, tagged: bool = True) -> None:
    """Make a private bucket, unless it exists.

    Args:
        bucket: it.
        tagged: whether `remove_bucket` may remove it one day.

    Raises:
        HeavyliftError: its name belongs to another account.
    """
    try:
        bucket.get_bucket_info()
    except oss2.exceptions.NoSuchBucket:
        _create_bucket(bucket)
        bucket.put_bucket_public_access_block(True)
        if tagged:
            rule = TaggingRule()
            rule.add(*MADE_BY)
            bucket.put_bucket_tagging(Tagging(rule))
    except oss2.exceptions.AccessDenied as error:
        raise _taken(bucket.bucket_name) from error


def _create_bucket(bucket: oss2.Bucket) -> None:
    try:
        bucket.create_bucket(oss2.BUCKET_ACL_PRIVATE)
    except oss2.exceptions.ServerError as error:
        if error.code == "BucketAlreadyExists":
            raise _taken(bucket.bucket_name) from error
        raise


def _taken(name: str) -> HeavyliftError:
    return HeavyliftError(
        f"the bucket {name} belongs to another account, or this key may not use it: bucket names are unique across all "
        "accounts, so choose another one"
    )


def _publish(bucket: oss2.Bucket, asset: Asset, work: Path, output: Output) -> None:
    if is_uploaded(bucket, asset.key):
        output.emit({"event": "asset", "key": asset.key, "uploaded": False})
        return
    work.mkdir(parents=True, exist_ok=True)
    path = _zipped(asset, work) if asset.packaging == "zip" else asset.path
    size = path.stat().st_size
    with output.progress(f"upload {asset.key[:28]}", size) as progress:
        upload(bucket, path, asset.key, progress, checkpoints=work)
    if path != asset.path:
        path.unlink()
    output.emit(
        {"event": "asset", "key": asset.key, "uploaded": True, "size": size},
        f"uploaded {asset.key} ({size / 1e6:,.1f} MB) to {bucket.bucket_name}",
    )


def _zipped(asset: Asset, work: Path) -> Path:
    """Return the asset's zip; one that an interrupted upload left is used again, so that the upload can go on."""
    path = work / asset.key.replace("/", "-")
    if not path.exists():
        new = path.with_name(path.name + ".new")
        try:
            new.write_bytes(zip_code(asset.path))
            new.replace(path)
        finally:  # a full disk needs the room
            new.unlink(missing_ok=True)
    return path


def has_bucket(bucket: oss2.Bucket) -> bool:
    """Return whether a bucket exists."""
    try:
        bucket.get_bucket_info()
    except oss2.exceptions.NoSuchBucket:
        return False
    return True


def remove_bucket(bucket: oss2.Bucket) -> bool:
    """Empty and remove a bucket that was made here; return whether it was.

    One that somebody else made stays as it is.
    """
    try:
        rules = bucket.get_bucket_tagging().tag_set.tagging_rule
    except oss2.exceptions.NoSuchBucket:
        return False
    if rules.get(MADE_BY[0]) != MADE_BY[1]:
        return False
    for unfinished in oss2.MultipartUploadIterator(bucket):
        bucket.abort_multipart_upload(unfinished.key, unfinished.upload_id)
    for item in oss2.ObjectIterator(bucket):
        bucket.delete_object(item.key)
    bucket.delete_bucket()
    return True


def superseded_buckets(session: Session, ros: Ros, stack: str, names: Iterable[str]) -> list[str]:
    """Return the asset buckets of a stack that are not among some names: an app may name another one than before."""
    before = buckets_of(ros, stack).difference(names)
    return [name for name in sorted(before) if has_bucket(session.bucket(name))]


def buckets_of(ros: Ros, stack: str) -> set[str]:
    """Return the asset buckets of a stack; none: it is not there."""
    return {name for each in ros.stacks(stack) if each.name == stack for name in asset_buckets(each)}


def remove_unused(session: Session, ros: Ros, names: Iterable[str], output: Output, *, user: str = "") -> None:
    """Remove asset buckets that heavylift made and that no stack uses any longer; what becomes of each is told.

    Args:
        session: where they are.
        ros: the stacks there.
        names: the buckets'.
        output: told about each.
        user: the stack that used them last.
    """
    used = {name for stack in ros.stacks() if stack.name != user for name in asset_buckets(stack)}
    for name in names:
        if name in used:
            output.emit({"event": "kept", "bucket": name}, f"kept the asset bucket {name}: another stack uses it")
        elif remove_bucket(session.bucket(name)):
            output.emit({"event": "removed", "bucket": name}, f"removed the asset bucket {name}")


def tell_left(session: Session, names: Iterable[str], output: Output) -> None:
    """Tell of the asset buckets that another tool made, which does not say which of its stacks use them; see `remove_unused`."""
    for name in names:
        if has_bucket(session.bucket(name)):
            output.emit(
                {"event": "left", "bucket": name},
                f"the asset bucket {name} stays: heavylift did not make it, and other stacks may use it; remove it when none does",
            )


def zip_code(code: Path) -> bytes:
    """Zip the code package in memory, with fixed times, so that the same code gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(code.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(code).as_posix())
                entry.external_attr = (0o100000 | path.stat().st_mode & 0o777) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
