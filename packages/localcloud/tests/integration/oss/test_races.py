"""Requests beside each other: what was acknowledged stays, what was deleted stays away, and one of two rivals wins."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import Blob, Upload
from localcloud.oss.operations.copies import Differences
from localcloud.oss.operations.service import OssService

ROUNDS = 25
TAGS = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[OssService]:
    service = OssService(tmp_path, account_id="1111111111111111", region="cn-hangzhou", clock=lambda: 1_800_000_000.0)
    service.buckets.create("races")
    yield service
    service.close()


def together(*calls: Callable[[], object]) -> list[str]:
    """Run calls at the same moment and return the error codes of those that are refused; "" for success."""
    gate = threading.Barrier(len(calls))
    codes = [""] * len(calls)

    def run(number: int) -> None:
        gate.wait()
        try:
            calls[number]()
        except OssError as error:
            codes[number] = error.code

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes


def changes_of(service: OssService) -> Iterator[Callable[[], object]]:
    """Yield changes of an object that is there, again and again."""
    return itertools.cycle(
        [
            lambda: service.objects.set_acl("races", "k", "private"),
            lambda: service.objects.set_tagging("races", "k", TAGS),
            lambda: service.copies.copy(("races", "k", None), "races", "k", Differences(headers={"x-oss-meta-a": "1"})),
        ]
    )


def test_a_put_beside_a_change_of_acl_or_tags_is_kept(service: OssService) -> None:
    changes = changes_of(service)
    for number in range(ROUNDS * 3):
        service.objects.put("races", "k", b"old")
        content = b"new %d" % number
        blob = service.blobs.write([content])  # durable already, so that the commits meet
        assert together(lambda new=blob: service.objects.put("races", "k", new), next(changes))[0] == ""  # type: ignore[misc]
        assert service.objects.read("races", "k") == content


def test_a_deletion_beside_a_change_of_acl_or_tags_is_kept(service: OssService) -> None:
    changes = changes_of(service)
    for _ in range(ROUNDS * 3):
        service.objects.put("races", "k", b"old")
        assert together(lambda: service.objects.delete("races", "k"), next(changes))[1] in {"", "NoSuchKey"}
        with pytest.raises(OssError, match="NoSuchKey"):
            service.objects.get("races", "k")


def test_settings_of_a_bucket_changed_beside_each_other_are_all_kept(service: OssService) -> None:
    for number in range(ROUNDS):
        paid = render("RequestPaymentConfiguration", {"Payer": ("Requester", "BucketOwner")[number % 2]}).decode()
        watched = render("AccessMonitorConfiguration", {"Status": ("Enabled", "Disabled")[number % 2]}).decode()
        codes = together(
            lambda text=paid: service.buckets.set_setting("races", "requestPayment", text),  # type: ignore[misc]
            lambda text=watched: service.buckets.set_setting("races", "accessmonitor", text),  # type: ignore[misc]
            lambda acl=("private", "public-read")[number % 2]: service.buckets.set_acl("races", acl),  # type: ignore[misc]
        )
        assert codes == ["", "", ""]
        bucket = service.buckets.get("races")
        assert (bucket.settings["requestPayment"], bucket.settings["accessmonitor"]) == (paid, watched)
        assert bucket.acl == ("private", "public-read")[number % 2]


def test_an_object_is_read_and_copied_whole_while_it_is_overwritten(service: OssService) -> None:
    contents = {b"%d" % number * 20_000 for number in range(2)}
    service.objects.put("races", "k", min(contents))
    done = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not done.is_set():
                assert service.objects.read("races", "k") in contents
                service.copies.copy(("races", "k", None), "races", f"copy-{threading.get_ident()}")
        except (OssError, OSError, AssertionError) as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for content in sorted(contents) * ROUNDS:
        service.objects.put("races", "k", content)
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []


def begin(service: OssService, key: str) -> tuple[Upload, list[tuple[int, str]]]:
    upload = service.uploads.begin("races", key)
    part = service.uploads.put_part(upload, 1, service.blobs.write([b"part"]))
    return upload, [(1, part.etag)]


def test_one_of_two_completions_that_forbid_overwriting_wins(service: OssService) -> None:
    for number in range(ROUNDS):
        key = f"k{number}"
        uploads = [begin(service, key) for _ in range(2)]
        codes = together(
            *(
                lambda one=upload, all_parts=parts: service.uploads.complete(one, all_parts, overwrite=False)
                for upload, parts in uploads
            )
        )
        assert sorted(codes) == ["", "FileAlreadyExists"]


def test_an_upload_is_completed_or_aborted_but_not_both(service: OssService) -> None:
    for number in range(ROUNDS):
        key = f"k{number}"
        upload, parts = begin(service, key)
        codes = together(
            lambda one=upload, chosen=parts: service.uploads.complete(one, chosen),  # type: ignore[misc]
            lambda one=upload: service.uploads.abort(one),  # type: ignore[misc]
        )
        assert sorted(codes) == ["", "NoSuchUpload"]
        exists = codes[0] == ""
        assert [item.key for item in service.objects.page("races", prefix=key).entries] == ([key] if exists else [])
        if exists:
            assert service.objects.read("races", key) == b"part"


def test_appends_beside_each_other_are_kept_or_refused(service: OssService) -> None:
    for number in range(ROUNDS):
        key = f"k{number}"
        codes = together(
            *(
                lambda text=text, name=key: service.appends.append("races", name, 0, service.blobs.write([text]))
                for text in (b"one", b"two")
            )
        )
        assert sorted(codes) == ["", "PositionNotEqualToLength"]
        assert service.objects.read("races", key) == (b"one" if codes[0] == "" else b"two")


def test_what_is_superseded_leaves_no_file(service: OssService, tmp_path: Path) -> None:
    test_an_upload_is_completed_or_aborted_but_not_both(service)
    test_appends_beside_each_other_are_kept_or_refused(service)
    assert len(list((tmp_path / "data").iterdir())) == len(service.objects.page("races", limit=1000).entries)


def test_a_completion_that_names_no_parts_takes_those_that_are_there(service: OssService) -> None:
    for number in range(ROUNDS):
        key = f"whole-{number}"
        upload = service.uploads.begin("races", key)
        versions = [b"%d" % version * 100_000 for version in range(10)]
        first, *others = [service.blobs.write([content]) for content in versions]
        service.uploads.put_part(upload, 1, first)
        taken = [versions[0]]

        def upload_again(upload: Upload = upload, taken: list[bytes] = taken, others: list[Blob] = others) -> None:
            for content, blob in zip(versions[1:], others, strict=True):  # noqa: B023 - run before the next round
                service.uploads.put_part(upload, 1, blob)
                taken.append(content)

        codes = together(lambda upload=upload: service.uploads.complete(upload, None), upload_again)  # type: ignore[misc]
        assert (codes[0], codes[1] in ("", "NoSuchUpload")) == ("", True)
        assert service.objects.read("races", key) == taken[-1]
