"""Lifecycle rules applied to versions, delete markers and storage classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import NO_ATTRIBUTES, Storage
from localcloud.oss.operations.service import OssService
from tests.support.clock import Clock

DAY = 86_400.0


def enable(service: OssService) -> None:
    service.buckets.set_setting(
        "kept", "versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    )


def rule(service: OssService, **actions: object) -> None:
    document = render("LifecycleConfiguration", {"Rule": {"Prefix": "a", "Status": "Enabled", **actions}})
    service.buckets.set_setting("kept", "lifecycle", document.decode())


def track(service: OssService, status: str) -> None:
    document = render("AccessMonitorConfiguration", {"Status": status})
    service.buckets.set_setting("kept", "accessmonitor", document.decode())


def versions(service: OssService) -> list[str]:
    return [item.version for item, _ in service.objects.versions("kept").entries]


def storage_class(service: OssService, version: str | None = None) -> str | None:
    return service.objects.get("kept", "a", version).attributes.storage.storage_class


def test_noncurrent_versions_expire_by_the_time_when_they_were_replaced(service: OssService, clock: Clock) -> None:
    enable(service)
    first = service.objects.put("kept", "a", b"1").version
    clock.now += 10 * DAY
    second = service.objects.put("kept", "a", b"2").version
    other = [service.objects.put("kept", "b", content).version for content in (b"1", b"2")]
    rule(service, NoncurrentVersionExpiration={"NoncurrentDays": 3})
    assert service.lifecycle.apply(clock.now + 3 * DAY - 1) == 0
    assert versions(service) == [second, first, *reversed(other)]
    assert service.lifecycle.apply(clock.now + 3 * DAY) == 1
    assert versions(service) == [second, *reversed(other)]
    assert service.lifecycle.apply(clock.now + 99 * DAY) == 0


def test_an_expired_object_is_hidden_where_versions_are_kept(service: OssService, clock: Clock) -> None:
    enable(service)
    version = service.objects.put("kept", "a", b"1").version
    rule(service, Expiration={"Days": 1})
    service.lifecycle.apply(clock.now + DAY)
    assert not service.objects.exists("kept", "a")
    assert service.objects.get("kept", "a", version).size == 1
    assert service.lifecycle.apply(clock.now + 99 * DAY) == 0


def test_a_marker_goes_once_it_hides_nothing(service: OssService, clock: Clock) -> None:
    enable(service)
    version = service.objects.put("kept", "a", b"1").version
    marker = service.objects.delete("kept", "a").marker
    rule(service, Expiration={"ExpiredObjectDeleteMarker": True})
    assert service.lifecycle.apply(clock.now + 99 * DAY) == 0
    assert versions(service) == [marker, version]
    service.objects.delete("kept", "a", version)
    assert service.lifecycle.apply(clock.now) == 1
    assert versions(service) == []


def test_noncurrent_markers_go_after_what_they_hide(service: OssService, clock: Clock) -> None:
    enable(service)
    service.objects.put("kept", "a", b"1")
    service.objects.delete("kept", "a")
    clock.now += DAY
    last = service.objects.put("kept", "a", b"2").version
    rule(service, NoncurrentVersionExpiration={"NoncurrentDays": 1})
    assert service.lifecycle.apply(clock.now) == 1  # the object: hidden for a day; the marker: for none
    assert service.lifecycle.apply(clock.now + DAY) == 1
    assert versions(service) == [last]


def test_objects_move_into_the_coldest_class_that_is_due_and_never_back(service: OssService, clock: Clock) -> None:
    modified = service.objects.put("kept", "a", b"1").modified
    moves = [{"Days": 1, "StorageClass": "IA"}, {"Days": 3, "StorageClass": "Archive"}]
    rule(service, Transition=moves)
    for days, expected in ((0.9, "Standard"), (1, "IA"), (3, "Archive")):
        assert service.lifecycle.apply(clock.now + days * DAY) == 0
        assert storage_class(service) == expected
    rule(service, Transition=moves[:1])
    service.lifecycle.apply(clock.now + 9 * DAY)
    assert storage_class(service) == "Archive"
    assert service.objects.get("kept", "a").modified == modified
    assert service.buckets.stat("kept").counts == {"Archive": 1}


def test_noncurrent_versions_move_by_rules_of_their_own(service: OssService, clock: Clock) -> None:
    enable(service)
    first = service.objects.put("kept", "a", b"1").version
    service.objects.put("kept", "a", b"2")
    rule(service, NoncurrentVersionTransition={"NoncurrentDays": 2, "StorageClass": "ColdArchive"})
    service.lifecycle.apply(clock.now + 2 * DAY)
    assert (storage_class(service, first), storage_class(service)) == ("ColdArchive", "Standard")


def test_transitions_of_symlinks_are_not_made(service: OssService, clock: Clock) -> None:
    service.symlinks.put("kept", "a", "target", NO_ATTRIBUTES)
    rule(service, Transition={"Days": 1, "StorageClass": "Archive"})
    service.lifecycle.apply(clock.now + 9 * DAY)
    assert storage_class(service) == "Standard"


def test_rules_by_the_last_access_need_its_tracking_as_long_as_they_are_there(service: OssService) -> None:
    transition = {"Days": 1, "StorageClass": "IA", "IsAccessTime": True, "ReturnToStdWhenVisit": False}
    with pytest.raises(OssError, match="access tracking"):
        rule(service, Transition=transition)
    track(service, "Enabled")
    rule(service, Transition=transition)
    with pytest.raises(OssError, match="AccessMonitorDisableNotAllowed"):
        track(service, "Disabled")
    rule(service, Expiration={"Days": 1})
    track(service, "Disabled")


def test_an_appendable_object_gets_colder_than_archive_when_it_is_sealed(service: OssService, clock: Clock) -> None:
    service.appends.append("kept", "a", 0, service.blobs.write([b"1"]), NO_ATTRIBUTES)
    steps = [{"Days": 1, "StorageClass": "Archive"}, {"Days": 2, "StorageClass": "ColdArchive"}]
    rule(service, Transition=steps)
    service.lifecycle.apply(clock.now + 3 * DAY)
    assert storage_class(service) == "Archive"
    service.appends.seal("kept", "a", 1)
    service.lifecycle.apply(clock.now + 3 * DAY)
    assert storage_class(service) == "ColdArchive"


def by_access(**options: object) -> dict[str, object]:
    return {"Days": 30, "StorageClass": "IA", "IsAccessTime": True, "ReturnToStdWhenVisit": False, **options}


def read(service: OssService, clock: Clock) -> None:
    service.accesses.note("kept", "a", clock.now)


def test_an_object_moves_when_it_has_not_been_accessed_for_long(service: OssService, clock: Clock) -> None:
    service.objects.put("kept", "a", b"1")
    clock.now += 100 * DAY
    track(service, "Enabled")  # which counts as an access
    rule(service, Transition=by_access())
    service.lifecycle.apply(clock.now + 30 * DAY - 1)
    assert storage_class(service) == "Standard"
    clock.now += 20 * DAY
    read(service, clock)
    service.lifecycle.apply(clock.now + 29 * DAY)
    assert storage_class(service) == "Standard"
    service.lifecycle.apply(clock.now + 30 * DAY)
    assert storage_class(service) == "IA"


def test_within_a_day_the_first_access_counts(service: OssService, clock: Clock) -> None:
    service.objects.put("kept", "a", b"1")
    track(service, "Enabled")
    begin = clock.now
    for hours in (0, 23, 25, 48):
        clock.now = begin + hours * 3600
        read(service, clock)
        assert service.accesses.find("kept", "a") == begin + (0 if hours < 24 else 25) * 3600
        service.accesses.write()
        assert service.accesses.find("kept", "a") == begin + (0 if hours < 24 else 25) * 3600


def test_an_object_that_is_read_again_returns_where_the_rule_says_so(service: OssService, clock: Clock) -> None:
    track(service, "Enabled")
    service.objects.put("kept", "a", b"1")
    for returns, expected in ((False, "IA"), (True, "Standard")):
        rule(service, Transition=by_access(ReturnToStdWhenVisit=returns))
        clock.now += 40 * DAY
        service.lifecycle.apply()
        assert storage_class(service) == "IA"
        read(service, clock)
        service.lifecycle.apply()
        assert storage_class(service) == expected


def test_an_object_that_nobody_has_read_does_not_return(service: OssService, clock: Clock) -> None:
    track(service, "Enabled")
    service.objects.put("kept", "a", b"1", replace(NO_ATTRIBUTES, storage=Storage(storage_class="IA")))
    rule(service, Transition=by_access(ReturnToStdWhenVisit=True))
    service.lifecycle.apply()
    assert storage_class(service) == "IA"


def test_small_objects_stay_where_the_rule_says_so(service: OssService, clock: Clock) -> None:
    track(service, "Enabled")
    service.objects.put("kept", "a", bytes(64 * 1024 - 1))
    service.objects.put("kept", "ab", bytes(64 * 1024))
    rule(service, Transition=by_access(AllowSmallFile=False))
    service.lifecycle.apply(clock.now + 31 * DAY)
    assert storage_class(service) == "Standard"
    assert service.objects.get("kept", "ab").attributes.storage.storage_class == "IA"


def test_accesses_survive_a_restart_and_go_with_their_objects(
    service: OssService, clock: Clock, tmp_path: Path
) -> None:
    track(service, "Enabled")
    service.objects.put("kept", "a", b"1")
    read(service, clock)
    service.close()
    again = OssService(tmp_path, account_id="1111111111111111", region="cn-hangzhou", clock=clock)
    assert again.accesses.find("kept", "a") == clock.now
    again.objects.delete("kept", "a")
    again.accesses.note("kept", "b", clock.now)
    again.accesses.write()
    assert again.accesses.find("kept", "a") is None
    again.close()
