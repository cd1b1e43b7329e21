"""Storage classes, restoration of archived objects, and encryption, on a clock that the test moves."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.model import Attributes, Storage
from localcloud.oss.operations.copies import Differences
from localcloud.oss.operations.restores import DAY, HOUR, MINUTE, Wish, restore_state
from localcloud.oss.operations.service import OssService
from tests.support.clock import Clock


def put(service: OssService, storage_class: str | None = None, bucket: str = "kept") -> None:
    service.objects.put(bucket, "a", b"1", Attributes(storage=Storage(storage_class=storage_class)))


def test_an_archived_object_is_read_between_the_end_of_its_restoration_and_its_expiry(
    service: OssService, clock: Clock
) -> None:
    put(service, "Archive")
    for moment, readable, state in (
        (0, False, 'ongoing-request="true"'),
        (MINUTE, True, 'ongoing-request="false", expiry-date="Sun, 17 Jan 2027 08:01:00 GMT"'),
        (MINUTE + 2 * DAY - 1, True, 'ongoing-request="false", expiry-date="Sun, 17 Jan 2027 08:01:00 GMT"'),
        (MINUTE + 2 * DAY, False, None),
    ):
        if moment == 0:
            with pytest.raises(OssError, match="InvalidObjectState"):
                service.objects.read("kept", "a")
            assert service.restores.restore("kept", "a", Wish(days=2))[1] is False
        clock.now = 1_800_000_000.0 + moment
        assert restore_state(service.objects.get("kept", "a"), clock.now) == state
        if readable:
            assert service.objects.read("kept", "a") == b"1"
        else:
            with pytest.raises(OssError, match="InvalidObjectState"):
                service.objects.read("kept", "a")


def test_a_restoration_that_runs_is_not_begun_again_and_one_that_is_done_is_prolonged(
    service: OssService, clock: Clock
) -> None:
    put(service, "ColdArchive")
    item, again = service.restores.restore("kept", "a", Wish(days=1, tier="Expedited"))
    assert item.restoration
    assert (item.restoration.ready - clock.now, again) == (HOUR, False)
    with pytest.raises(OssError, match="RestoreAlreadyInProgress"):
        service.restores.restore("kept", "a", Wish())
    with pytest.raises(OssError, match="ArchiveRestoreNotFinished"):
        service.restores.clean("kept", "a")
    clock.now += HOUR
    item, again = service.restores.restore("kept", "a", Wish(days=3))
    assert item.restoration
    assert (item.restoration.expires - clock.now, again) == (3 * DAY, True)
    service.restores.clean("kept", "a")
    with pytest.raises(OssError, match="InvalidObjectState"):
        service.objects.read("kept", "a")


@pytest.mark.parametrize(
    ("storage_class", "wish", "code"),
    [
        ("Standard", Wish(), "OperationNotSupported"),
        ("IA", Wish(), "OperationNotSupported"),
        ("Archive", Wish(days=8), "InvalidArgument"),
        ("Archive", Wish(tier="Bulk"), "MalformedXML"),
        ("ColdArchive", Wish(days=0), "InvalidArgument"),
        ("ColdArchive", Wish(tier="Soon"), "InvalidArgument"),
        ("DeepColdArchive", Wish(tier="Bulk"), "InvalidArgument"),
    ],
)
def test_a_restoration_that_cannot_be_is_refused(
    service: OssService, storage_class: str, wish: Wish, code: str
) -> None:
    put(service, storage_class)
    with pytest.raises(OssError, match=code):
        service.restores.restore("kept", "a", wish)


def test_an_archived_object_is_copied_nowhere(service: OssService) -> None:
    put(service, "Archive")
    with pytest.raises(OssError, match="InvalidObjectState"):
        service.copies.copy(("kept", "a", None), "kept", "c")
    with pytest.raises(OssError, match="InvalidObjectState"):
        service.copies.copy(("kept", "a", None), "kept", "a", Differences(storage=Storage(storage_class="Standard")))


def test_a_bucket_that_reads_archives_directly_needs_no_restoration(service: OssService) -> None:
    put(service, "Archive")
    document = "<ArchiveDirectReadConfiguration><Enabled>true</Enabled></ArchiveDirectReadConfiguration>"
    service.buckets.set_setting("kept", "bucketArchiveDirectRead", document)
    assert service.objects.read("kept", "a") == b"1"


def test_an_object_has_its_own_class_or_the_buckets(service: OssService) -> None:
    service.buckets.create("cold", storage_class="IA")
    put(service, bucket="cold")
    assert service.objects.get("cold", "a").attributes.storage.storage_class == "IA"
    put(service, "Standard", bucket="cold")
    assert service.objects.get("cold", "a").attributes.storage.storage_class == "Standard"
    service.copies.copy(("cold", "a", None), "cold", "a", Differences(storage=Storage(storage_class="Archive")))
    stat = service.buckets.stat("cold")
    assert (dict(stat.sizes), dict(stat.counts)) == ({"Archive": 1}, {"Archive": 1})
    with pytest.raises(OssError, match="InvalidStorageClass"):
        service.buckets.create("other", storage_class="Lukewarm")


def test_the_default_encryption_of_a_bucket_is_applied_to_whatever_names_none(service: OssService) -> None:
    rule = "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>KMS</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
    service.buckets.set_setting("kept", "encryption", f"<ServerSideEncryptionRule>{rule}</ServerSideEncryptionRule>")
    put(service)
    found = service.objects.get("kept", "a").attributes.storage.encryption
    assert found["x-oss-server-side-encryption"] == "KMS"
    assert found["x-oss-server-side-encryption-key-id"]
    own = {"x-oss-server-side-encryption": "AES256"}
    service.objects.put("kept", "a", b"1", Attributes(storage=Storage(encryption=own)))
    assert service.objects.get("kept", "a").attributes.storage.encryption == own
    upload = service.uploads.begin("kept", "c")
    assert upload.attributes.storage.encryption == found
    service.uploads.put_part(upload, 1, service.blobs.write([b"1"]))
    assert service.uploads.complete(upload, None).attributes.storage.encryption == found


def test_creating_a_bucket_again_never_changes_its_storage_class(service: OssService) -> None:
    service.buckets.create("cold", storage_class="IA")
    for same in ("IA", None):
        assert service.buckets.create("cold", storage_class=same).storage_class == "IA"
    for other in ("Archive", "Standard"):
        with pytest.raises(OssError, match="BucketAlreadyExists"):
            service.buckets.create("cold", storage_class=other)
