"""Objects: rows that were counted, appends to what is sealed, parts in order, buckets of the same name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.model import NO_ATTRIBUTES, Bucket, SelectMeta
from localcloud.oss.operations.service import OssService
from tests.support.clock import Clock

META = SelectMeta("csv", 1, 1)


def test_rows_that_were_counted_are_kept_with_the_bytes_that_they_are_of(service: OssService) -> None:
    counted = service.objects.put("kept", "a", b"1\n")
    service.objects.keep_select_meta(counted, META)
    assert service.objects.get("kept", "a").select_meta == META
    service.objects.put("kept", "a", b"1\n2\n")
    service.objects.keep_select_meta(counted, META)
    assert service.objects.get("kept", "a").select_meta is None


def test_an_object_is_sealed_once_and_grows_no_more(service: OssService, clock: Clock) -> None:
    service.appends.append("kept", "a", 0, service.blobs.write([b"1"]), NO_ATTRIBUTES)
    sealed = service.appends.seal("kept", "a", 1).sealed
    clock.now += 1
    assert sealed == service.appends.seal("kept", "a", 1).sealed == clock.now - 1
    with pytest.raises(OssError, match="AppendSealedObjectNotAllowed"):
        service.appends.append("kept", "a", 1, service.blobs.write([b"2"]), NO_ATTRIBUTES)
    assert service.objects.read("kept", "a") == b"1"


def test_the_parts_of_a_sequential_upload_follow_each_other(service: OssService) -> None:
    upload = service.uploads.begin("kept", "a", sequential=True)
    for number in (1, 1, 2):
        service.uploads.put_part(upload, number, service.blobs.write([b"1"]))
    with pytest.raises(OssError, match=r"PartNotSequential: .*part 3 comes next, not 4"):
        service.uploads.put_part(upload, 4, service.blobs.write([b"1"]))


@pytest.mark.parametrize(
    "store",
    [
        lambda service, admitted: service.objects.put("kept", "a", b"bytes", admitted=admitted),
        lambda service, admitted: service.appends.append(
            "kept", "a", 0, service.blobs.write([b"bytes"]), admitted=admitted
        ),
    ],
    ids=["put", "append"],
)
def test_what_was_sent_to_a_bucket_does_not_come_into_another_one_of_its_name(
    service: OssService, clock: Clock, store: Callable[[OssService, Bucket], object]
) -> None:
    admitted = service.buckets.get("kept")
    service.buckets.delete("kept")
    clock.now += 1
    service.buckets.create("kept")
    with pytest.raises(OssError, match="NoSuchBucket"):
        store(service, admitted)
    assert not service.objects.exists("kept", "a")
