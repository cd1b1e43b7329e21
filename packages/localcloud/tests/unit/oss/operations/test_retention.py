"""The retention policy of a bucket beside its versioning, and in the hands of lifecycle rules."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.operations.service import OssService
from localcloud.oss.settings import worm
from tests.support.clock import Clock

DAY = 86_400.0
ENABLED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
SUSPENDED = ENABLED.replace("Enabled", "Suspended")
EXPIRATION = (
    "<LifecycleConfiguration><Rule><Status>Enabled</Status><Expiration><Days>1</Days></Expiration>"
    "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>"
)


def retain(service: OssService, days: int, clock: Clock) -> None:
    body = (
        f"<InitiateWormConfiguration><RetentionPeriodInDays>{days}</RetentionPeriodInDays></InitiateWormConfiguration>"
    )
    service.buckets.change_setting(
        "kept", worm.PARAMETER, lambda bucket: worm.initiate(bucket, body.encode(), clock()).document()
    )
    worm_id = worm.existing(service.buckets.get("kept"), clock()).worm_id
    service.buckets.change_setting(
        "kept", worm.PARAMETER, lambda bucket: worm.complete(bucket, worm_id, clock()).document()
    )


def test_versions_are_hidden_and_superseded_and_not_deleted(service: OssService, clock: Clock) -> None:
    service.buckets.set_setting("kept", "versioning", ENABLED)
    retain(service, 2, clock)
    first, second = (service.objects.put("kept", "a", content).version for content in (b"1", b"2"))
    marker = service.objects.delete("kept", "a").marker
    for version in (first, second):
        with pytest.raises(OssError, match="FileImmutable"):
            service.objects.delete("kept", "a", version)
    assert service.objects.delete("kept", "a", marker).marker == marker
    service.objects.set_tagging("kept", "a", None)  # which is not the object's content
    clock.now += 2 * DAY
    assert service.objects.delete("kept", "a", first).item


def test_lifecycle_rules_wait_for_the_end_of_retention(service: OssService, clock: Clock) -> None:
    service.buckets.set_setting("kept", "versioning", ENABLED)
    retain(service, 10, clock)
    service.buckets.set_setting("kept", "lifecycle", EXPIRATION)
    for content in (b"1", b"2"):
        service.objects.put("kept", "a", content)
    assert service.lifecycle.apply(clock() + 5 * DAY) == 0
    assert service.lifecycle.apply(clock() + 11 * DAY) > 0


def test_suspended_versioning_and_retention_exclude_each_other(service: OssService, clock: Clock) -> None:
    service.buckets.set_setting("kept", "versioning", SUSPENDED)
    with pytest.raises(OssError, match="InvalidWORMConfiguration"):
        retain(service, 1, clock)
    service.buckets.set_setting("kept", "versioning", ENABLED)
    retain(service, 1, clock)
    service.buckets.set_setting("kept", "versioning", ENABLED)
    with pytest.raises(OssError, match="OperationNotSupported"):
        service.buckets.set_setting("kept", "versioning", SUSPENDED)
