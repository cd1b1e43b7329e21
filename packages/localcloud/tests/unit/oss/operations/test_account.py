"""Settings of the account, which count for all its buckets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.operations.service import OssService
from localcloud.oss.settings import blocks_public_access
from localcloud.oss.settings.table import PUBLIC_ACCESS_BLOCK

BLOCKING = render(PUBLIC_ACCESS_BLOCK.root, {"BlockPublicAccess": "true"})


def opened(folder: Path) -> OssService:
    return OssService(folder, account_id="1111111111111111", clock=lambda: 1_800_000_000.0)


@pytest.fixture
def oss(tmp_path: Path) -> Iterator[OssService]:
    service = opened(tmp_path)
    yield service
    service.close()


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


def test_the_settings_of_an_account_are_there_after_a_restart(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.buckets.create("bucket")
    first.buckets.put_account_setting(PUBLIC_ACCESS_BLOCK, BLOCKING, {})
    first.close()
    second = opened(tmp_path)
    assert blocks_public_access(second.buckets.get("bucket"))
    assert second.buckets.find("") is None
    second.close()
