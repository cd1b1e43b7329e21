"""Access control lists: which may be set, and which counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import Attributes, Bucket, StoredObject
from localcloud.oss.operations.acls import check_object_acl, effective_acl, with_acl
from localcloud.oss.operations.service import OssService
from localcloud.oss.settings.table import PUBLIC_ACCESS_BLOCK
from tests.support.stored import ITEM

OPEN = Bucket(name="b", owner="1", region="cn-hangzhou", created=0.0, acl="public-read-write", storage_class="Standard")
BLOCK = render(PUBLIC_ACCESS_BLOCK.root, {"BlockPublicAccess": True}).decode()
BLOCKING = replace(OPEN, settings={PUBLIC_ACCESS_BLOCK.parameter: BLOCK})


def item(acl: str) -> StoredObject:
    return replace(ITEM, attributes=Attributes(acl=acl))


@pytest.mark.parametrize(
    ("stored", "acl"),
    [
        (None, "public-read-write"),
        (item("default"), "public-read-write"),
        (item("private"), "private"),
        (item("public-read"), "public-read"),
    ],
)
def test_an_objects_own_acl_counts_before_its_buckets(stored: StoredObject | None, acl: str) -> None:
    assert effective_acl(OPEN, stored) == acl
    assert effective_acl(BLOCKING, stored) == "private"


@pytest.mark.parametrize("acl", ["public-read", "public-read-write"])
def test_a_bucket_that_blocks_public_access_takes_no_public_acl(acl: str) -> None:
    assert with_acl(OPEN, acl).acl == acl
    check_object_acl(OPEN, acl)
    with pytest.raises(OssError, match="AccessDenied"):
        with_acl(BLOCKING, acl)
    with pytest.raises(OssError, match="AccessDenied"):
        check_object_acl(BLOCKING, acl)


def test_default_is_an_acl_of_objects_alone() -> None:
    check_object_acl(BLOCKING, "default")
    with pytest.raises(OssError, match="InvalidArgument"):
        with_acl(OPEN, "default")


def test_a_bucket_that_is_made_again_keeps_its_acl_unless_another_is_named(service: OssService) -> None:
    service.buckets.create("kept", acl="public-read")
    assert service.buckets.create("kept").acl == "public-read"
    assert service.buckets.create("kept", acl="private").acl == "private"
