"""Settings of the account, which count for all its buckets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import Attributes
from localcloud.oss.operations.service import OssService
from localcloud.oss.settings import blocks_public_access
from localcloud.oss.settings.table import PUBLIC_ACCESS_BLOCK

BLOCKING = render(PUBLIC_ACCESS_BLOCK.root, {"BlockPublicAccess": "true"})


def opened(folder: Path) -> OssService:
    return OssService(folder, account_id="1111111111111111", region="cn-hangzhou", clock=lambda: 1_800_000_000.0)


@pytest.fixture
def oss(tmp_path: Path) -> Iterator[OssService]:
    service = opened(tmp_path)
    yield service
    service.close()


def test_an_account_has_nothing_of_another_s_buckets(oss: OssService) -> None:
    other = oss.buckets_of("2222222222222222")
    oss.buckets.create("first")
    assert (other.all(), other.find("first")) == ([], None)
    for call in (lambda: other.get("first"), lambda: other.delete("first"), lambda: other.set_acl("first", "private")):
        with pytest.raises(OssError, match="does not belong to you"):
            call()
    with pytest.raises(OssError, match="BucketAlreadyExists"):
        other.create("first")


def test_services_of_the_cloud_read_their_own_account_s_objects(oss: OssService) -> None:
    oss.buckets_of("2222222222222222").create("second", acl="public-read-write")
    oss.objects.put("second", "key", b"theirs", Attributes())
    assert oss.objects_of("2222222222222222").read("second", "key") == b"theirs"
    with pytest.raises(OssError, match="does not belong to you"):
        oss.objects_of("1111111111111111").read("second", "key")


def test_events_of_another_account_s_buckets_are_not_told(oss: OssService) -> None:
    told: list[str] = []
    oss.subscribe(lambda event: told.append(event.bucket))
    oss.buckets.create("first")
    oss.buckets_of("2222222222222222").create("second")
    for bucket in ("first", "second"):
        oss.objects.put(bucket, "key", b"", Attributes())
    assert told == ["first"]


def test_an_account_blocks_public_access_to_all_its_buckets(oss: OssService) -> None:
    before = oss.buckets.create("before", acl="public-read")
    assert not blocks_public_access(before)
    oss.buckets.put_account_setting(PUBLIC_ACCESS_BLOCK, BLOCKING, {})
    assert blocks_public_access(oss.buckets.get("before"))
    assert blocks_public_access(oss.buckets.create("after"))
    with pytest.raises(OssError, match="AccessDenied"):
        oss.buckets.set_acl("after", "public-read")
    assert [bucket.name for bucket in oss.buckets.all()] == ["after", "before"]
    oss.buckets.delete_account_setting(PUBLIC_ACCESS_BLOCK)
    assert not blocks_public_access(oss.buckets.get("before"))


def test_an_account_s_settings_count_for_its_own_buckets_alone(tmp_path: Path) -> None:
    oss = opened(tmp_path)
    other = oss.buckets_of("2222222222222222")
    for buckets, name in ((oss.buckets, "first"), (other, "second")):
        buckets.create(name, acl="public-read")
    other.put_account_setting(PUBLIC_ACCESS_BLOCK, BLOCKING, {})
    for _ in ("before", "after a restart"):
        found = {bucket.name: blocks_public_access(bucket) for bucket in oss.all_buckets()}
        assert found == {"first": False, "second": True}
        oss.close()
        oss = opened(tmp_path)
    oss.close()


def test_the_settings_of_an_account_are_there_after_a_restart(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.buckets.create("bucket")
    first.buckets.put_account_setting(PUBLIC_ACCESS_BLOCK, BLOCKING, {})
    first.close()
    second = opened(tmp_path)
    assert blocks_public_access(second.buckets.get("bucket"))
    assert second.find_bucket("") is None
    second.close()
