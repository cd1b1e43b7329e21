"""Versions, storage classes, restoration and encryption with oss2, the official client."""

from __future__ import annotations

import uuid
from xml.etree import ElementTree

import oss2
import oss2.models
import pytest

from tests.support import signers
from tests.support.cloud import Cloud
from tests.support.roles import assume_role
from tests.support.wire import Request, exchange


@pytest.fixture
def bucket(cloud: Cloud) -> oss2.Bucket:
    bucket = cloud.bucket("test-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    return bucket


@pytest.fixture
def versioned(bucket: oss2.Bucket) -> oss2.Bucket:
    bucket.put_bucket_versioning(oss2.models.BucketVersioningConfig(oss2.BUCKET_VERSIONING_ENABLE))
    return bucket


def test_a_bucket_says_whether_it_keeps_versions(bucket: oss2.Bucket) -> None:
    assert bucket.get_bucket_versioning().status is None
    assert "x-oss-version-id" not in bucket.put_object("a", b"1").headers
    bucket.put_bucket_versioning(oss2.models.BucketVersioningConfig("Enabled"))
    assert (bucket.get_bucket_versioning().status, bucket.get_bucket_info().versioning_status) == ("Enabled", "Enabled")
    with pytest.raises(oss2.exceptions.MalformedXml):
        bucket.put_bucket_versioning(oss2.models.BucketVersioningConfig("Sometimes"))


def test_versions_and_markers_are_listed_in_one_order_from_new_to_old(cloud: Cloud, versioned: oss2.Bucket) -> None:
    wanted: list[tuple[str, str]] = []
    for key in ("b", "a"):
        made = [versioned.put_object(key, b"1"), versioned.delete_object(key), versioned.put_object(key, b"2")]
        wanted = [(key, each.versionid) for each in reversed(made)] + wanted
    request = Request("GET", f"/{versioned.bucket_name}/", (("versions", None),), (("Host", cloud.host("oss")),))
    answer = exchange(cloud.address("oss"), signers.oss(cloud.key, request, cloud.region))
    tree = ElementTree.fromstring(answer.body)
    found = [(each.findtext("Key"), each.findtext("VersionId")) for each in tree if each.find("VersionId") is not None]
    assert found == wanted


def test_a_listing_goes_on_behind_a_version_that_was_deleted_meanwhile(versioned: oss2.Bucket) -> None:
    """As whoever empties a bucket does it: a page is listed, deleted, and the next one asked for."""
    made = {("a", versioned.put_object("a", str(number)).versionid) for number in range(5)}
    made |= {(key, versioned.delete_object(key).versionid) for key in ("a", "b")}
    listed: list[tuple[str, str]] = []
    marker, version = "", ""
    while True:
        page = versioned.list_object_versions(key_marker=marker, versionid_marker=version, max_keys=2)
        for each in (*page.versions, *page.delete_marker):
            listed.append((each.key, each.versionid))
            versioned.delete_object(each.key, params={"versionId": each.versionid})
        if not page.is_truncated:
            break
        marker, version = page.next_key_marker, page.next_versionid_marker
    assert sorted(listed) == sorted(made)
    versioned.delete_bucket()


def test_versions_are_put_read_hidden_listed_and_deleted(versioned: oss2.Bucket) -> None:
    first, second = (versioned.put_object("a", content).versionid for content in (b"1", b"22"))
    for version, content in ((first, b"1"), (second, b"22")):
        got = versioned.get_object("a", params={"versionId": version})
        assert (got.read(), got.versionid) == (content, version)
        head = versioned.head_object("a", params={"versionId": version})
        assert (head.content_length, head.versionid) == (len(content), version)
    hidden = versioned.delete_object("a")
    assert hidden.delete_marker
    with pytest.raises(oss2.exceptions.NoSuchKey) as missing:
        versioned.get_object("a")
    assert missing.value.headers["x-oss-delete-marker"] == "true"
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        versioned.get_object("a", params={"versionId": hidden.versionid})
    assert (refused.value.status, refused.value.headers["Allow"]) == (405, "DELETE")
    assert refused.value.details["EC"] == "0003-00000016"
    page = versioned.list_object_versions(max_keys=2)
    assert [(marker.versionid, marker.is_latest) for marker in page.delete_marker] == [(hidden.versionid, True)]
    assert [(item.versionid, item.is_latest) for item in page.versions] == [(second, False)]
    rest = versioned.list_object_versions(key_marker=page.next_key_marker, versionid_marker=page.next_versionid_marker)
    assert [item.versionid for item in rest.versions] == [first]
    with pytest.raises(oss2.exceptions.BucketNotEmpty):
        versioned.delete_bucket()
    everything = oss2.models.BatchDeleteObjectVersionList()
    for version in (first, second, hidden.versionid):
        everything.append(oss2.models.BatchDeleteObjectVersion("a", version))
    assert len(versioned.delete_object_versions(everything).delete_versions) == 3
    versioned.delete_bucket()


def test_where_versions_are_kept_nothing_need_be_forbidden_to_be_replaced(versioned: oss2.Bucket) -> None:
    versioned.put_object("a", b"1")
    for text in (b"2", b"3"):
        versioned.put_object("a", text, headers={"x-oss-forbid-overwrite": "true"})
    upload = versioned.init_multipart_upload("a", headers={"x-oss-forbid-overwrite": "true"})
    versioned.abort_multipart_upload("a", upload.upload_id)
    assert versioned.get_object("a").read() == b"3"


def test_acl_tags_symlinks_and_copies_know_versions(versioned: oss2.Bucket) -> None:
    first, second = (versioned.put_object("a", content).versionid for content in (b"1", b"2"))
    versioned.put_object_acl("a", "public-read", params={"versionId": first})
    assert (versioned.get_object_acl("a", params={"versionId": first}).acl, versioned.get_object_acl("a").acl) == (
        "public-read",
        "default",
    )
    rule = oss2.models.TaggingRule()
    rule.add("k", "v")
    assert versioned.put_object_tagging("a", oss2.models.Tagging(rule), params={"versionId": first}).versionid == first
    assert versioned.get_object_tagging("a", params={"versionId": first}).tag_set.tagging_rule == {"k": "v"}
    assert versioned.get_object_tagging("a").tag_set.tagging_rule == {}
    copied = versioned.copy_object(versioned.bucket_name, "a", "a", params={"versionId": first})
    assert copied.versionid not in {first, second}
    assert versioned.get_object("a").read() == b"1"
    link = {"versionId": str(versioned.put_symlink("a", "link").versionid)}
    assert versioned.get_symlink("link", params=link).target_key == "a"
    assert "symlink" in link  # the client has left it there
    assert versioned.delete_object("link", params=link).status == 204


def test_reading_a_version_and_deleting_it_for_good_need_rights_of_their_own(
    cloud: Cloud, versioned: oss2.Bucket
) -> None:
    version = {"versionId": versioned.put_object("a", b"1").versionid}
    resource = [f"acs:oss:*:*:{versioned.bucket_name}/*"]
    statement = {"Effect": "Allow", "Action": ["oss:GetObject", "oss:DeleteObject"], "Resource": resource}
    role = cloud.bucket(versioned.bucket_name, assume_role(cloud, statement))
    assert role.get_object("a").read() == b"1"
    for call in (role.get_object, role.delete_object):
        with pytest.raises(oss2.exceptions.AccessDenied):
            call("a", params=version)
    role.delete_object("a")
    assert versioned.get_object("a", params=version).read() == b"1"


def test_storage_classes_are_kept_shown_and_obeyed(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1", headers={"x-oss-storage-class": "ColdArchive"})
    assert bucket.head_object("a").headers["x-oss-storage-class"] == "ColdArchive"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_object("a")
    assert (error.value.status, error.value.code) == (403, "InvalidObjectState")
    wish = oss2.models.RestoreConfiguration(2, oss2.models.RestoreJobParameters("Expedited"))
    restored = bucket.restore_object("a", input=wish)
    assert (restored.status, restored.headers["x-oss-object-restore-priority"]) == (202, "Expedited")
    assert bucket.head_object("a").headers["x-oss-restore"] == 'ongoing-request="true"'
    with pytest.raises(oss2.exceptions.RestoreAlreadyInProgress):
        bucket.restore_object("a", input=wish)
    [listed] = bucket.list_objects_v2().object_list
    assert (listed.storage_class, listed.restore_info) == ("ColdArchive", 'ongoing-request="true"')
    bucket.put_object("standard", b"1")
    with pytest.raises(oss2.exceptions.ServerError, match="OperationNotSupported") as standard:
        bucket.restore_object("standard")
    assert standard.value.details["EC"] == "0016-00000702"
    with pytest.raises(oss2.exceptions.ServerError, match="InvalidStorageClass"):
        bucket.put_object("a", b"1", headers={"x-oss-storage-class": "Lukewarm"})


@pytest.mark.parametrize("algorithm", ["AES256", "KMS", "SM4"])
def test_encryption_is_kept_and_shown(bucket: oss2.Bucket, algorithm: str) -> None:
    header = "x-oss-server-side-encryption"
    assert bucket.put_object("a", b"1", headers={header: algorithm}).headers[header] == algorithm
    assert bucket.head_object("a").headers[header] == bucket.get_object("a").headers[header] == algorithm
    with pytest.raises(oss2.exceptions.ServerError, match="InvalidEncryptionAlgorithmError"):
        bucket.put_object("a", b"1", headers={header: "ROT13"})
    bucket.put_bucket_encryption(oss2.models.ServerSideEncryptionRule(algorithm))
    assert bucket.put_object("b", b"1").headers[header] == algorithm
    assert bucket.head_object("b").headers[header] == algorithm


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"x-oss-server-side-encryption": "SM4"}, ("SM4", None, None)),
        ({"x-oss-server-side-encryption": "KMS", "x-oss-server-side-encryption-key-id": "k-1"}, ("KMS", "k-1", None)),
        (
            {"x-oss-server-side-encryption": "KMS", "x-oss-server-side-data-encryption": "SM4"},
            ("KMS", None, "SM4"),
        ),
    ],
)
def test_a_bucket_is_created_with_a_default_encryption(
    cloud: Cloud, headers: dict[str, str], shown: tuple[str | None, ...]
) -> None:
    bucket = cloud.bucket("test-" + uuid.uuid4().hex[:12])
    bucket.create_bucket(headers=headers)
    info = bucket.get_bucket_info()
    assert info.comment == ""
    for rule in (info.bucket_encryption_rule, bucket.get_bucket_encryption()):
        assert (rule.sse_algorithm, rule.kms_master_keyid, rule.kms_data_encryption) == shown
    if shown[1] is None:
        assert bucket.put_object("a", b"1").headers["x-oss-server-side-encryption"] == shown[0]
    else:  # the default names a key that KMS has not, which OSS finds when it enciphers
        with pytest.raises(oss2.exceptions.InvalidArgument):
            bucket.put_object("a", b"1")


def test_a_bucket_is_not_created_with_an_encryption_that_is_none(cloud: Cloud) -> None:
    bucket = cloud.bucket("test-" + uuid.uuid4().hex[:12])
    with pytest.raises(oss2.exceptions.ServerError, match="InvalidEncryptionAlgorithmError"):
        bucket.create_bucket(headers={"x-oss-server-side-encryption": "ROT13"})
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.get_bucket_info()


def test_a_copy_names_the_version_that_was_copied(cloud: Cloud) -> None:
    bucket = cloud.bucket("test-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    bucket.put_bucket_versioning(oss2.models.BucketVersioningConfig(oss2.BUCKET_VERSIONING_ENABLE))
    first, second = (bucket.put_object("a", content).headers["x-oss-version-id"] for content in (b"1", b"2"))
    header = "x-oss-copy-source-version-id"
    assert bucket.copy_object(bucket.bucket_name, "a", "b").headers[header] == second
    old = bucket.copy_object(bucket.bucket_name, "a", "b", params={"versionId": first})
    assert old.headers[header] == first
    upload = bucket.init_multipart_upload("c").upload_id
    part = bucket.upload_part_copy(bucket.bucket_name, "a", (0, 0), "c", upload, 1, params={"versionId": first})
    assert part.headers[header] == first


@pytest.mark.parametrize("algorithm", ["AES256", "SM4"])
def test_the_data_algorithm_of_kms_is_passed_over_without_kms(bucket: oss2.Bucket, algorithm: str) -> None:
    given = {"x-oss-server-side-encryption": algorithm, "x-oss-server-side-data-encryption": "SM4"}
    answer = bucket.put_object("a", b"1", given)
    assert answer.headers["x-oss-server-side-encryption"] == algorithm
    assert "x-oss-server-side-data-encryption" not in answer.headers
    rule = oss2.models.ServerSideEncryptionRule(sse_algorithm=algorithm, kms_data_encryption="SM4")
    bucket.put_bucket_encryption(rule)
    kept = bucket.get_bucket_encryption()
    assert (kept.sse_algorithm, kept.kms_data_encryption) == (algorithm, None)


def test_a_part_is_not_encrypted_in_a_way_of_its_own(bucket: oss2.Bucket) -> None:
    upload = bucket.init_multipart_upload("parts").upload_id
    with pytest.raises(oss2.exceptions.InvalidArgument):
        bucket.upload_part("parts", upload, 1, b"1", headers={"x-oss-server-side-encryption": "KMS"})
