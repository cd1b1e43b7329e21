"""The files of OSS on disk, sound and damaged."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest

from localcloud.kernel.errors import LocalCloudError
from localcloud.oss.errors import OssError
from localcloud.oss.listing import FEW
from localcloud.oss.operations.service import OssService


def open_service(folder: Path) -> OssService:
    return OssService(folder, account_id="1111111111111111", region="cn-hangzhou", clock=lambda: 1_800_000_000.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a service that kept two objects in a bucket."""
    service = open_service(tmp_path)
    service.buckets.create("kept")
    for key in ("a", "b"):
        service.objects.put("kept", key, key.encode() * 1000)
    service.close()
    return tmp_path


def data_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "data").iterdir()}


def missing(database: Path) -> None:
    database.unlink()


def empty(database: Path) -> None:
    database.write_bytes(b"")


def without_tables(database: Path) -> None:
    database.unlink()
    sqlite3.connect(database).executescript("PRAGMA user_version = 1").connection.close()


def of_another_folder(database: Path) -> None:
    other = database.parent / "other"
    service = open_service(other)
    service.buckets.create("kept")
    service.close()
    shutil.copyfile(other / "oss.sqlite3", database)
    shutil.rmtree(other)


def not_a_database(database: Path) -> None:
    database.write_bytes(b"x" * database.stat().st_size)


def with_a_damaged_page(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xa5" * len(content[4096:])
    database.write_bytes(content)


@pytest.mark.parametrize(
    "damage", [missing, empty, without_tables, of_another_folder, not_a_database, with_a_damaged_page]
)
def test_bytes_whose_database_is_lost_are_kept_and_the_error_says_what_to_do(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    before = data_files(folder)
    damage(folder / "oss.sqlite3")
    with pytest.raises(LocalCloudError, match=r"restore .* from a copy, or remove .* to start anew"):
        open_service(folder)
    assert data_files(folder) == before


def test_a_damaged_database_is_not_believed_when_it_does_not_name_a_file(folder: Path) -> None:
    (folder / "data" / "stray").write_bytes(b"1")
    content = bytearray((folder / "oss.sqlite3").read_bytes())
    content[36:40] = (7).to_bytes(4, "big")  # free pages that are not there: the rows can be read all the same
    (folder / "oss.sqlite3").write_bytes(content)
    with pytest.raises(LocalCloudError, match="is damaged"):
        open_service(folder)
    assert len(data_files(folder)) == 3


def test_what_no_row_names_goes_at_the_next_start(folder: Path) -> None:
    (folder / "data" / "stray").write_bytes(b"1")
    service = open_service(folder)
    assert len(data_files(folder)) == 2
    assert service.objects.read("kept", "a") == b"a" * 1000


def test_more_bytes_than_a_kill_leaves_are_moved_not_removed_when_the_database_is_older(folder: Path) -> None:
    older = (folder / "oss.sqlite3").read_bytes()
    service = open_service(folder)
    for number in range(20):
        service.objects.put("kept", f"newer-{number}", b"new")
    service.close()
    newer = (folder / "oss.sqlite3").read_bytes()
    before = data_files(folder)

    (folder / "oss.sqlite3").write_bytes(older)
    service = open_service(folder)
    assert service.objects.read("kept", "a") == b"a" * 1000
    service.close()
    lost = {path.name: path.read_bytes() for path in (folder / "lost").iterdir()}
    assert data_files(folder) | lost == before
    assert len(lost) == 20

    (folder / "oss.sqlite3").write_bytes(newer)
    for name in lost:
        (folder / "lost" / name).rename(folder / "data" / name)
    assert open_service(folder).objects.read("kept", "newer-19") == b"new"


def number_that_is_no_text(folder: Path) -> None:
    (folder / "number").write_bytes(b"\xff\xfe")


def number_that_is_a_folder(folder: Path) -> None:
    (folder / "number").unlink()
    (folder / "number").mkdir()


def folder_among_the_files(folder: Path) -> None:
    (folder / "data" / "folder").mkdir()


def file_in_place_of_the_folder(folder: Path) -> None:
    shutil.rmtree(folder / "data")
    (folder / "data").write_bytes(b"")


@pytest.mark.parametrize(
    "spoil", [number_that_is_no_text, number_that_is_a_folder, folder_among_the_files, file_in_place_of_the_folder]
)
def test_what_does_not_belong_into_the_folder_is_an_error_that_names_it(
    folder: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(folder)
    with pytest.raises(LocalCloudError, match=str(folder)):
        open_service(folder)


def test_a_folder_without_objects_starts_anew_without_its_database(folder: Path) -> None:
    service = open_service(folder)
    service.buckets.empty("kept")
    service.close()
    (folder / "oss.sqlite3").unlink()
    service = open_service(folder)
    service.buckets.create("kept")
    service.objects.put("kept", "a", b"1")
    service.close()
    assert open_service(folder).objects.read("kept", "a") == b"1"


def test_a_replaced_object_is_read_to_its_end(folder: Path) -> None:
    service = open_service(folder)
    with service.objects.open("kept", "a") as (item, path):
        service.objects.put("kept", "a", b"2")
        assert path.read_bytes() == b"a" * item.size
    assert len(data_files(folder)) == 2


def test_an_object_is_not_stored_in_a_bucket_that_has_gone_meanwhile(folder: Path) -> None:
    service = open_service(folder)
    service.buckets.empty("kept")
    blob = service.blobs.write([b"1"])
    service.buckets.delete("kept")
    with pytest.raises(OssError, match="NoSuchBucket"):
        service.objects.put("kept", "a", blob)
    assert data_files(folder) == {}


def test_pages_with_a_delimiter_are_those_of_the_order_of_bytes(tmp_path: Path) -> None:
    folders = ["a/", "a/é", "a/\U0010ffff", "a0", "é/1", "é/\ud7ff/2", "\U0010ffff/x"]
    keys = [*folders, *(f"b/{number}" for number in range(FEW))]
    service = open_service(tmp_path)
    service.buckets.create("pages")
    for key in keys:
        service.objects.put("pages", key, b"")
    for limit in (1, 2, 1000):
        found: list[str] = []
        marker: str | None = ""
        while marker is not None:
            page = service.objects.page("pages", delimiter="/", marker=marker, limit=limit)
            found += sorted([*page.prefixes, *(item.key for item in page.entries)], key=str.encode)
            marker = page.next_marker
        assert found == ["a/", "a0", "b/", "é/", "\U0010ffff/"]
    assert [item.key for item in service.objects.page("pages", prefix="a/", delimiter="/").entries] == folders[:3]
    service.close()


def test_bytes_are_discarded_when_the_write_that_is_under_way_has_ended(folder: Path) -> None:
    begun, go_on = Event(), Event()

    class SlowBytes(bytes):
        def __len__(self) -> int:
            begun.set()
            assert go_on.wait(10)
            return super().__len__()

    service = open_service(folder)
    before = data_files(folder)
    writer = service.blobs.new()
    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(writer.write, SlowBytes(b"late"))
        assert begun.wait(10)
        discarding = threads.submit(writer.discard)
        assert not wait([discarding], timeout=0.05).done
        go_on.set()
        writing.result(10)
        discarding.result(10)
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"later")
    assert data_files(folder) == before
    service.close()


@pytest.mark.parametrize("number", [errno.EMLINK, errno.EPERM])
def test_a_copy_where_a_file_takes_no_further_name_has_bytes_of_its_own(
    folder: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no link")

    service = open_service(folder)
    monkeypatch.setattr(os, "link", refuse)
    service.copies.copy(("kept", "a", None), "kept", "copy")
    service.objects.delete("kept", "a")
    assert service.objects.read("kept", "copy") == b"a" * 1000
    service.close()


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_pages_of_uploads_follow_each_other_by_key_and_id(
    tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.oss.store.database.PAGE", 2)  # rows at a time, so that a page goes on behind them
    service = open_service(tmp_path)
    service.buckets.create("pages")
    service.buckets.create("other")
    service.uploads.begin("other", "a")
    keys = ["a", "a", "a", "a\0b", "b/1", "b/1", "b/2", "b0", "é"]
    begun = sorted((key.encode(), service.uploads.begin("pages", key).upload_id) for key in keys)
    for delimiter, whole in (("", begun), ("/", [each for each in begun if each[0][:2] != b"b/"])):
        found, prefixes, marker, upload_id = [], list[str](), "", None
        while True:
            page = service.uploads.page("pages", delimiter=delimiter, marker=marker, id_marker=upload_id, limit=limit)
            found += [(upload.key.encode(), upload.upload_id) for upload in page.entries]
            prefixes += page.prefixes
            if page.next_marker is None:
                break
            marker = page.next_marker
            upload_id = page.entries[-1].upload_id if page.entries and page.entries[-1].key == marker else None
        assert (found, prefixes) == (whole, ["b/"] if delimiter else [])
    assert [upload.key for upload in service.uploads.page("pages", prefix="b").entries] == ["b/1", "b/1", "b/2", "b0"]
    behind = service.uploads.page("pages", prefix="b", marker="b/1")
    assert [upload.key for upload in behind.entries] == ["b/2", "b0"]
    service.close()


def test_an_object_that_was_read_is_read_anew_after_each_change(folder: Path) -> None:
    service = open_service(folder)

    def read() -> tuple[bytes, str, bool]:
        with service.objects.open("kept", "a") as (item, path):
            return path.read_bytes(), item.attributes.acl, item.attributes.tagging is None

    assert read() == (b"a" * 1000, "default", True)
    with pytest.raises(OssError, match="exists"):
        service.objects.put("kept", "a", b"refused", overwrite=False)
    assert read() == (b"a" * 1000, "default", True)
    service.objects.put("kept", "a", b"new")
    assert read() == (b"new", "default", True)
    service.objects.set_acl("kept", "a", "private")
    assert read() == (b"new", "private", True)
    service.objects.set_tagging("kept", "a", "<Tagging><TagSet/></Tagging>")
    assert read() == (b"new", "private", False)
    service.copies.copy(("kept", "b", None), "kept", "a")
    assert read() == (b"b" * 1000, "default", True)
    service.objects.delete("kept", "a")
    with pytest.raises(OssError, match="NoSuchKey"):
        read()
    service.appends.append("kept", "a", 0, service.blobs.write([b"1"]))
    assert read() == (b"1", "default", True)
    service.buckets.empty("kept")
    service.close()
