"""The index of a bucket's metadata, by both official Python SDKs."""

from __future__ import annotations

import json
import time
import uuid

import alibabacloud_oss_v2 as oss
import oss2
import oss2.models
import pytest

from tests.support.cloud import Cloud
from tests.support.roles import make_user


@pytest.fixture
def bucket(cloud: Cloud) -> oss2.Bucket:
    bucket = cloud.bucket("meta-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    return bucket


def condition(name: str, operation: str, value: str) -> str:
    return json.dumps({"Field": name, "Operation": operation, "Value": value})


def test_an_index_is_opened_asked_and_closed(bucket: oss2.Bucket) -> None:
    query = oss2.models.MetaQuery(None, 100, condition("Size", "gt", "0"), "Size", "asc")
    for refused in (bucket.get_bucket_meta_query_status, bucket.close_bucket_meta_query):
        with pytest.raises(oss2.exceptions.ServerError) as error:
            refused()
        assert (error.value.status, error.value.code) == (404, "MetaQueryNotExist")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.do_bucket_meta_query(query)
    assert error.value.code == "MetaQueryNotExist"
    bucket.put_object("b.txt", b"22", headers={"x-oss-tagging": "owner=John", "x-oss-meta-place": "here"})
    bucket.open_bucket_meta_query()
    assert bucket.get_bucket_meta_query_status().state == "Ready"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.open_bucket_meta_query()
    assert (error.value.status, error.value.code) == (409, "MetaQueryAlreadyExist")
    bucket.put_object("a.txt", b"1")
    time.sleep(1.1)
    status = bucket.get_bucket_meta_query_status()
    assert (status.state, status.phase) == ("Running", "IncrementalScanning")
    assert status.create_time.endswith("+08:00")
    result = bucket.do_bucket_meta_query(query)
    assert ([file.file_name for file in result.files], result.next_token) == (["a.txt", "b.txt"], "")
    file = result.files[1]
    assert (file.size, file.oss_object_type, file.oss_storage_class, file.object_acl) == (
        2,
        "Normal",
        "Standard",
        "default",
    )
    assert [(tag.key, tag.value) for tag in file.oss_tagging] == [("owner", "John")]
    assert [(meta.key, meta.value) for meta in file.oss_user_meta] == [("x-oss-meta-place", "here")]
    assert file.etag == f'"{bucket.head_object("b.txt").etag}"'
    bucket.delete_object("a.txt")
    assert [file.file_name for file in bucket.do_bucket_meta_query(query).files] == ["b.txt"]
    bucket.close_bucket_meta_query()
    with pytest.raises(oss2.exceptions.ServerError):
        bucket.get_bucket_meta_query_status()


def test_pages_and_aggregations(bucket: oss2.Bucket, cloud: Cloud) -> None:
    bucket.open_bucket_meta_query()
    for number in range(5):
        bucket.put_object(f"{number}", b"1" * number)
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        cloud.access_key_id, cloud.access_key_secret
    )
    config.region, config.endpoint, config.use_path_style = cloud.region, cloud.endpoints["oss"], True
    client = oss.Client(config)
    seen: list[str] = []
    token = ""
    while True:
        query = oss.MetaQuery(
            query=condition("Size", "gt", "0"), sort="Size", order="desc", max_results=3, next_token=token
        )
        result = client.do_meta_query(oss.DoMetaQueryRequest(bucket=bucket.bucket_name, meta_query=query))
        seen += [file.filename for file in result.files.file]
        token = result.next_token
        if not token:
            break
    assert seen == ["4", "3", "2", "1"]
    figures = [
        oss.MetaQueryAggregation(field=name, operation=operation)
        for name, operation in (("Size", "sum"), ("Size", "average"), ("OSSStorageClass", "group"))
    ]
    query = oss.MetaQuery(
        query=condition("Size", "gte", "0"), aggregations=oss.MetaQueryAggregations(aggregations=figures)
    )
    told = client.do_meta_query(oss.DoMetaQueryRequest(bucket=bucket.bucket_name, meta_query=query)).aggregations
    assert [(each.field, each.operation, each.value) for each in told.aggregations[:2]] == [
        ("Size", "sum", 10.0),
        ("Size", "average", 2.0),
    ]
    assert [(group.value, group.count) for group in told.aggregations[2].groups.groups] == [("Standard", 5)]
    with pytest.raises(oss.exceptions.OperationError, match="not implemented: \\?metaQuery&mode=semantic"):
        client.open_meta_query(oss.OpenMetaQueryRequest(bucket=bucket.bucket_name, mode="semantic"))


def test_a_query_has_a_right_of_its_own(bucket: oss2.Bucket, cloud: Cloud) -> None:
    bucket.open_bucket_meta_query()
    place = f"acs:oss:*:*:{bucket.bucket_name}"
    user = cloud.bucket(
        bucket.bucket_name, make_user(cloud, {"Effect": "Allow", "Action": "oss:DoMetaQuery", "Resource": place})
    )
    assert user.do_bucket_meta_query(oss2.models.MetaQuery(None, 1, condition("Size", "gt", "0"))).files == []
    for refused in (user.open_bucket_meta_query, user.close_bucket_meta_query, user.get_bucket_meta_query_status):
        with pytest.raises(oss2.exceptions.AccessDenied):
            refused()
