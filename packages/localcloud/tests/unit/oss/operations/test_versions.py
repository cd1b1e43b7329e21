"""Versions of objects: which is current, which are kept, and that no bytes are lost or left over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.listing import FEW
from localcloud.oss.model import Attributes, DeleteMarker, ObjectEvent, ObjectKind, StoredObject
from localcloud.oss.operations.service import OssService

ENABLED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
SUSPENDED = ENABLED.replace("Enabled", "Suspended")
TAGS = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"


def open_service(folder: Path) -> OssService:
    return OssService(folder, account_id="1111111111111111", region="cn-hangzhou", clock=lambda: 1_800_000_000.0)


def enable(service: OssService) -> None:
    service.buckets.set_setting("kept", "versioning", ENABLED)


def suspend(service: OssService) -> None:
    service.buckets.set_setting("kept", "versioning", SUSPENDED)


def put(service: OssService, content: bytes) -> str:
    return service.objects.put("kept", "a", content).version


def listed(service: OssService) -> list[tuple[str, bool]]:
    return [(item.version, latest) for item, latest in service.objects.versions("kept").entries]


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in (folder / "data").iterdir())


def test_each_put_into_a_versioned_bucket_is_kept(service: OssService, tmp_path: Path) -> None:
    assert put(service, b"0") == "null"
    enable(service)
    first, second = put(service, b"1"), put(service, b"2")
    assert listed(service) == [(second, True), (first, False), ("null", False)]
    assert contents(tmp_path) == [b"0", b"1", b"2"]
    with service.objects.open("kept", "a", first) as (item, path):
        assert (item.version, path.read_bytes()) == (first, b"1")
    assert service.objects.read("kept", "a") == b"2"


def test_without_versioning_a_put_replaces_the_bytes(service: OssService, tmp_path: Path) -> None:
    put(service, b"0")
    put(service, b"1")
    assert (listed(service), contents(tmp_path)) == ([("null", True)], [b"1"])
    service.objects.delete("kept", "a")
    assert (listed(service), contents(tmp_path)) == ([], [])


def test_a_deletion_hides_the_object_and_deleting_the_marker_shows_it_again(service: OssService) -> None:
    enable(service)
    version = put(service, b"1")
    deletion = service.objects.delete("kept", "a")
    assert deletion.marker
    assert listed(service) == [(deletion.marker, True), (version, False)]
    assert not service.objects.exists("kept", "a")
    with pytest.raises(OssError, match="NoSuchKey") as hidden:
        service.objects.get("kept", "a")
    assert hidden.value.headers == {"x-oss-delete-marker": "true", "x-oss-version-id": deletion.marker}
    with pytest.raises(OssError, match="MethodNotAllowed"):
        service.objects.get("kept", "a", deletion.marker)
    assert service.objects.delete("kept", "a", deletion.marker).marker == deletion.marker
    assert service.objects.get("kept", "a").version == version


def test_deleting_the_current_version_makes_the_one_before_current(service: OssService, tmp_path: Path) -> None:
    enable(service)
    first, second = put(service, b"1"), put(service, b"2")
    service.objects.delete("kept", "a", second)
    assert (listed(service), contents(tmp_path)) == ([(first, True)], [b"1"])
    assert service.objects.read("kept", "a") == b"1"
    with pytest.raises(OssError, match="NoSuchVersion"):
        service.objects.get("kept", "a", second)
    service.objects.delete("kept", "a", second)  # is no error
    service.objects.delete("kept", "a", first)
    assert (listed(service), contents(tmp_path)) == ([], [])


@pytest.mark.parametrize("gone", [0, 1, 2, 3])
def test_a_page_begins_behind_a_version_that_is_gone(service: OssService, gone: int) -> None:
    enable(service)
    made = [put(service, b"1") for _ in range(4)]
    made.reverse()  # as they are listed
    service.objects.delete("kept", "a", made[gone])
    page = service.objects.versions("kept", marker="a", version_marker=made[gone])
    assert [(item.version, latest) for item, latest in page.entries] == [
        (version, gone == 0 and version == made[1]) for version in made[gone + 1 :]
    ]


def test_a_suspended_bucket_has_one_null_version(service: OssService, tmp_path: Path) -> None:
    enable(service)
    first = put(service, b"1")
    suspend(service)
    assert put(service, b"2") == put(service, b"3") == "null"
    assert (listed(service), contents(tmp_path)) == ([("null", True), (first, False)], [b"1", b"3"])
    assert service.objects.delete("kept", "a").marker == "null"
    assert (listed(service), contents(tmp_path)) == ([("null", True), (first, False)], [b"1"])
    enable(service)
    second = put(service, b"4")
    assert listed(service) == [(second, True), ("null", False), (first, False)]
    suspend(service)
    put(service, b"5")  # takes the marker's place
    assert listed(service) == [("null", True), (second, False), (first, False)]


def test_acl_and_tags_belong_to_a_version(service: OssService) -> None:
    enable(service)
    first, second = put(service, b"1"), put(service, b"2")
    service.objects.set_acl("kept", "a", "public-read", first)
    service.objects.set_tagging("kept", "a", "<Tagging/>", first)
    assert service.objects.get("kept", "a", first).attributes == Attributes(
        acl="public-read", tagging="<Tagging/>", storage=service.objects.get("kept", "a").attributes.storage
    )
    assert service.objects.get("kept", "a", second).attributes.acl == "default"
    assert listed(service) == [(second, True), (first, False)]


def test_an_old_version_is_copied_over_the_current_one(service: OssService, tmp_path: Path) -> None:
    enable(service)
    first, second = put(service, b"1"), put(service, b"2")
    third = service.copies.copy(("kept", "a", first), "kept", "a").version
    assert listed(service) == [(third, True), (second, False), (first, False)]
    assert contents(tmp_path) == [b"1", b"1", b"2"]
    service.objects.delete("kept", "a", first)
    assert service.objects.read("kept", "a") == b"1"


def test_appending_makes_no_version(service: OssService, tmp_path: Path) -> None:
    enable(service)
    blob = service.blobs.write([b"1"])
    version = service.appends.append("kept", "log", 0, blob).version
    more = service.appends.append("kept", "log", 1, service.blobs.write([b"2"]))
    assert (more.version, more.kind) == (version, ObjectKind.APPENDABLE)
    assert contents(tmp_path) == [b"12"]


def test_a_completed_upload_is_a_version(service: OssService, tmp_path: Path) -> None:
    enable(service)
    first = put(service, b"1")
    upload = service.uploads.begin("kept", "a")
    part = service.uploads.put_part(upload, 1, service.blobs.write([b"2"]))
    second = service.uploads.complete(upload, [(1, part.etag)]).version
    assert listed(service) == [(second, True), (first, False)]
    assert contents(tmp_path) == [b"1", b"2"]


def test_a_bucket_with_versions_is_not_empty(service: OssService, tmp_path: Path) -> None:
    enable(service)
    put(service, b"1")
    service.objects.delete("kept", "a")
    with pytest.raises(OssError, match="BucketNotEmpty"):
        service.buckets.delete("kept")
    assert service.buckets.contents("kept") == (["a"], [])
    stat = service.buckets.stat("kept")
    assert (stat.size, stat.objects, stat.markers) == (1, 1, 1)
    service.buckets.empty("kept")
    service.buckets.delete("kept")
    assert contents(tmp_path) == []


def test_versions_survive_a_start_that_removes_what_no_row_names(tmp_path: Path) -> None:
    service = open_service(tmp_path)
    service.buckets.create("kept")
    enable(service)
    first, second = put(service, b"1"), put(service, b"2")
    marker = service.objects.delete("kept", "a").marker
    before = [item.version for item, _ in service.objects.versions("kept").entries]
    service.close()
    (tmp_path / "data" / "left-by-a-crash").write_bytes(b"x")
    again = open_service(tmp_path)
    assert [item.version for item, _ in again.objects.versions("kept").entries] == before == [marker, second, first]
    assert contents(tmp_path) == [b"1", b"2"]
    again.close()


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_versions_follow_each_other_without_gaps(service: OssService, limit: int) -> None:
    enable(service)
    for key in ("a", "b/1", "b/2", "c"):
        for content in (b"1", b"2"):
            service.objects.put("kept", key, content)
    service.objects.delete("kept", "a")
    whole = [(item.key, item.version, latest) for item, latest in service.objects.versions("kept").entries]
    assert [latest for _, _, latest in whole] == [True, False, False, True, False, True, False, True, False]
    found, marker, version = [], "", None
    while True:
        page = service.objects.versions("kept", marker=marker, version_marker=version, limit=limit)
        found += [(item.key, item.version, latest) for item, latest in page.entries]
        if page.next_marker is None:
            break
        marker, version = page.next_marker, page.entries[-1][0].version
    assert found == whole
    rolled = service.objects.versions("kept", delimiter="/", limit=4)
    assert (rolled.prefixes, len(rolled.entries), rolled.next_marker) == (("b/",), 3, "b/")
    behind = service.objects.versions("kept", delimiter="/", marker="b/", limit=limit)
    assert {item.key for item, _ in behind.entries} == {"c"}


def test_a_page_of_versions_goes_on_behind_the_rows_that_are_fetched_first(service: OssService) -> None:
    enable(service)
    keys = [f"{number:02}" for number in range(FEW // 2 + 1)]
    for key in keys:
        for content in (b"1", b"2"):
            service.objects.put("kept", key, content)
    entries = service.objects.versions("kept", delimiter="/").entries
    assert [(item.key, latest) for item, latest in entries] == [
        (key, latest) for key in keys for latest in (True, False)
    ]
    assert len({item.version for item, _ in entries}) == len(entries)


def test_hiding_and_removing_are_told_and_removing_a_marker_is_not(service: OssService) -> None:
    told: list[ObjectEvent] = []
    service.subscribe(told.append)
    enable(service)
    put(service, b"1")
    marker = service.objects.delete("kept", "a").marker
    service.objects.delete("kept", "a", marker)
    assert [event.name for event in told] == ["ObjectCreated:PutObject", "ObjectRemoved:DeleteObject"]


def test_a_folder_of_before_versions_is_read(service: OssService, tmp_path: Path) -> None:
    put(service, b"1")
    service.close()
    with closing(sqlite3.connect(tmp_path / "oss.sqlite3")) as database:  # as a folder of an older release is
        database.executescript("DROP TABLE versions; DROP INDEX uploads_by_key; UPDATE objects SET headers = '{}'")
    again = open_service(tmp_path)
    assert again.objects.get("kept", "a").version == "null"
    enable(again)
    put(again, b"2")
    assert len(again.objects.versions("kept").entries) == 2
    assert not any(isinstance(item, DeleteMarker) for item, _ in again.objects.versions("kept").entries)
    assert contents(tmp_path) == [b"1", b"2"]
    again.close()


@pytest.mark.parametrize("state", [None, ENABLED, SUSPENDED])
def test_a_copy_onto_itself_is_one_of_what_stands_there_when_it_is_made(service: OssService, state: str | None) -> None:
    put(service, b"1")
    if state:
        service.buckets.set_setting("kept", "versioning", state)
    asked: list[StoredObject] = []

    def change_it_meanwhile(item: StoredObject) -> None:
        if not asked:
            put(service, b"2")
            service.objects.set_tagging("kept", "a", TAGS)
        asked.append(item)

    copied = service.copies.copy(("kept", "a", None), "kept", "a", check=change_it_meanwhile)
    assert (copied.attributes.tagging, service.objects.read("kept", "a")) == (TAGS, b"2")
    assert [item.size for item in asked] == [1, 1]


def test_a_symlink_is_read_with_its_own_version(service: OssService) -> None:
    enable(service)
    put(service, b"target")
    link = service.symlinks.put("kept", "link", "a", Attributes()).version
    with service.objects.open("kept", "link") as (item, path):
        assert (item.version, path.read_bytes()) == (link, b"target")
