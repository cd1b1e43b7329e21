"""Retention, of a bucket and of single objects, beside versioning and in the hands of lifecycle rules."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.errors import OssError
from localcloud.oss.model import Attributes, Protection, RetentionMode, Storage, StoredObject
from localcloud.oss.operations.service import OssService
from localcloud.oss.settings import objectworm, worm
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


def enable_objects(service: OssService, clock: Clock, default: str = "", *, mode: str = "COMPLIANCE") -> None:
    rule = f"<Rule><DefaultRetention><Mode>{mode}</Mode>{default}</DefaultRetention></Rule>" if default else ""
    body = f"<ObjectWormConfiguration><ObjectWormEnabled>Enabled</ObjectWormEnabled>{rule}</ObjectWormConfiguration>"
    service.buckets.change_setting(
        "kept", "objectWorm", lambda bucket: objectworm.configure(bucket, body.encode(), clock())
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


EARLY, MIDDLE, LATE = 10 * DAY, 20 * DAY, 30 * DAY  # after the clock's beginning


@pytest.mark.parametrize(
    ("mode", "until", "bypass", "after", "code"),
    [
        ("GOVERNANCE", LATE, False, 0.0, None),
        ("GOVERNANCE", EARLY, False, 0.0, "InvalidRequest"),
        ("GOVERNANCE", EARLY, True, 0.0, None),
        ("COMPLIANCE", LATE, False, 0.0, "InvalidRequest"),
        ("COMPLIANCE", EARLY, True, 0.0, None),
        ("COMPLIANCE", LATE, False, MIDDLE, None),
        ("ANYTHING", LATE, True, 0.0, "MalformedXML"),
    ],
)
def test_a_retention_in_the_mode_governance_is_eased_by_a_bypass_or_when_it_has_ended(
    service: OssService, clock: Clock, mode: str, until: float, bypass: bool, after: float, code: str | None
) -> None:
    service.buckets.set_setting("kept", "versioning", ENABLED)
    enable_objects(service, clock)
    governed = Protection(until=clock() + MIDDLE, mode=RetentionMode.GOVERNANCE)
    service.objects.put("kept", "a", b"1", Attributes(storage=Storage(protection=governed)))
    wanted = clock() + until
    body = f"<Retention><Mode>{mode}</Mode><RetainUntilDate>{to_milliseconds(wanted)}</RetainUntilDate></Retention>"
    clock.now += after

    def put() -> Protection:
        change = partial(objectworm.retain, body=body.encode(), now=clock(), bypass=bypass)
        return service.objects.protect("kept", "a", change).attributes.storage.protection

    if code is None:
        assert put() == Protection(until=wanted, mode=RetentionMode(mode))
    else:
        with pytest.raises(OssError, match=f"{code}:"):
            put()


def test_nobody_eases_a_retention_in_the_mode_compliance(service: OssService, clock: Clock) -> None:
    service.buckets.set_setting("kept", "versioning", ENABLED)
    enable_objects(service, clock, "<Days>20</Days>")
    item = service.objects.put("kept", "a", b"1")
    body = f"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{to_milliseconds(clock() + EARLY)}</RetainUntilDate></Retention>"
    with pytest.raises(OssError, match="InvalidRequest:"):
        objectworm.retain(item, body.encode(), clock(), bypass=True)


def test_the_default_of_a_bucket_has_its_mode(service: OssService, clock: Clock) -> None:
    service.buckets.set_setting("kept", "versioning", ENABLED)
    enable_objects(service, clock, "<Days>20</Days>", mode="GOVERNANCE")
    protection = service.objects.put("kept", "a", b"1").attributes.storage.protection
    assert protection == Protection(until=clock() + 20 * DAY, mode=RetentionMode.GOVERNANCE)


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


@pytest.mark.parametrize(("default", "days"), [("<Days>3</Days>", 3), ("<Years>1</Years>", 365), ("", 0)])
def test_new_objects_get_the_default_of_their_bucket(
    service: OssService, clock: Clock, default: str, days: int
) -> None:
    service.buckets.set_setting("kept", "versioning", ENABLED)
    before = service.objects.put("kept", "a", b"0").version
    enable_objects(service, clock, default)
    version = service.objects.put("kept", "a", b"1").version
    service.objects.delete("kept", "a", before)  # which was there before
    until = service.objects.get("kept", "a").attributes.storage.protection.until
    assert until == (clock() + days * DAY if days else 0)
    if days:
        clock.now += days * DAY - 1
        with pytest.raises(OssError, match="FileImmutable"):
            service.objects.delete("kept", "a", version)
        clock.now += 1
    assert service.objects.delete("kept", "a", version).item


def test_the_protection_of_an_object_outlives_a_restart_and_stops_lifecycle_rules(
    service: OssService, clock: Clock, tmp_path: Path
) -> None:
    service.buckets.set_setting("kept", "versioning", ENABLED)
    enable_objects(service, clock)
    held = Protection(until=clock() + 9 * DAY, mode=RetentionMode.GOVERNANCE, held=True)
    service.objects.put("kept", "a", b"1", Attributes(storage=Storage(protection=held)))
    service.objects.put("kept", "a", b"2")
    service.buckets.set_setting("kept", "lifecycle", EXPIRATION)
    service.close()
    again = OssService(tmp_path, account_id="1111111111111111", region="cn-hangzhou", clock=clock)
    again.lifecycle.apply(clock() + 20 * DAY)
    left = [item for item, _ in again.objects.versions("kept").entries]
    assert [item.attributes.storage.protection for item in left if isinstance(item, StoredObject)][-1] == held
    with pytest.raises(OssError, match="FileImmutable"):
        again.buckets.empty("kept")
    again.close()


def test_objects_are_retained_in_versioned_buckets_without_a_policy_only(service: OssService, clock: Clock) -> None:
    with pytest.raises(OssError, match="InvalidRequest"):
        enable_objects(service, clock)
    retained = Attributes(storage=Storage(protection=Protection(until=clock() + 1)))
    with pytest.raises(OssError, match="InvalidRequest"):
        service.objects.put("kept", "a", b"1", retained)
    service.buckets.set_setting("kept", "versioning", ENABLED)
    retain(service, 1, clock)
    with pytest.raises(OssError, match="InvalidRequest"):
        enable_objects(service, clock)
    service.buckets.change_setting("kept", worm.PARAMETER, lambda _: None)
    enable_objects(service, clock)
    with pytest.raises(OssError, match="InvalidWORMConfiguration"):
        retain(service, 1, clock)
    with pytest.raises(OssError, match="OperationNotSupported"):
        service.buckets.set_setting("kept", "versioning", SUSPENDED)
    with pytest.raises(OssError, match="OperationNotSupported"):
        service.appends.append("kept", "log", 0, service.blobs.write([b"1"]), Attributes())
    with pytest.raises(OssError, match="InvalidArgument"):
        service.objects.put("kept", "a", b"1", replace(retained, storage=Storage(protection=Protection(until=1.0))))
