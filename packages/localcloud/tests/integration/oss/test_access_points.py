"""Access points of the embedded OSS, with both official Python clients: further names of a bucket, with policies of their own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import alibabacloud_oss_v2 as oss
import oss2
import oss2.models
import pytest

from tests.support.cloud import Cloud
from tests.support.roles import assume_role

ANYBODY = oss2.AnonymousAuth()


def error_of(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(oss2.exceptions.ServerError) as error:
        call()
    return error.value.status, error.value.code


def add_point(bucket: oss2.Bucket, name: str | None = None, vpc: str | None = None) -> tuple[str, str]:
    """Add an access point to a bucket, and return its name and its alias."""
    name = name or f"ap-{uuid.uuid4().hex[:10]}"
    origin = oss2.models.AccessPointVpcConfiguration(vpc) if vpc else None
    asked = oss2.models.CreateAccessPointRequest(name, "vpc" if vpc else "internet", origin)
    return name, bucket.create_access_point(asked).alias


def policy_of(cloud: Cloud, point: str, effect: str = "Allow", principal: str = "*") -> str:
    arn = f"acs:oss:{cloud.region}:{cloud.account_id}:accesspoint/{point}"
    statement = {"Effect": effect, "Action": ["oss:*"], "Principal": [principal], "Resource": [arn, f"{arn}/object/a*"]}
    return json.dumps({"Version": "1", "Statement": [statement]})


def test_an_alias_stands_for_the_bucket(cloud: Cloud, bucket: oss2.Bucket) -> None:
    name, alias = add_point(bucket)
    through = cloud.bucket(alias)
    through.put_object("a", b"hello")
    assert bucket.get_object("a").read() == b"hello"
    assert [each.key for each in through.list_objects().object_list] == ["a"]
    through.batch_delete_objects(["a"])
    assert not bucket.object_exists("a")
    found = bucket.get_access_point(name)
    assert (found.access_point_name, found.bucket, found.alias, found.network_origin, found.access_point_status) == (
        *(name, bucket.bucket_name),
        *(alias, "internet", "enable"),
    )
    bucket.delete_access_point(name)
    assert error_of(lambda: through.list_objects()) == (404, "NoSuchBucket")
    assert error_of(lambda: bucket.get_access_point(name)) == (404, "NoSuchAccessPoint")
    assert error_of(lambda: bucket.delete_access_point(name)) == (404, "NoSuchAccessPoint")


def test_access_points_are_listed_in_pages_of_a_bucket_and_of_the_account(cloud: Cloud, bucket: oss2.Bucket) -> None:
    names = sorted(add_point(bucket)[0] for _ in range(3))
    first = bucket.list_bucket_access_points(max_keys=2)
    assert ([each.access_point_name for each in first.access_points], first.is_truncated) == (names[:2], True)
    rest = bucket.list_bucket_access_points(max_keys=2, continuation_token=first.next_continuation_token)
    assert ([each.access_point_name for each in rest.access_points], rest.is_truncated) == (names[2:], False)
    every = oss2.Service(bucket.auth, cloud.endpoints["oss"], region=cloud.region).list_access_points(max_keys=1000)
    assert set(names) <= {each.access_point_name for each in every.access_points}


@pytest.mark.parametrize("name", ["ab", "a" * 20, "-ap", "ap-", "AP1", "ap.1", "ap-ossalias"])
def test_a_name_has_3_to_19_letters_digits_and_hyphens(bucket: oss2.Bucket, name: str) -> None:
    assert error_of(lambda: add_point(bucket, name)) == (400, "InvalidArgument")


def test_a_name_is_taken_once_in_an_account_and_its_bucket_stays_as_long_as_it(
    cloud: Cloud, bucket: oss2.Bucket
) -> None:
    other = cloud.bucket(f"other-{uuid.uuid4().hex[:8]}")
    other.create_bucket()
    name, _ = add_point(bucket)
    assert error_of(lambda: add_point(bucket, name)) == (409, "AccessPointAlreadyExists")
    assert error_of(lambda: add_point(other, name)) == (409, "AccessPointAlreadyExists")
    assert error_of(bucket.delete_bucket) == (409, "BucketNotEmpty")
    bucket.delete_access_point(name)
    add_point(other, name)


def test_a_role_needs_the_policy_of_the_access_point_and_its_own(cloud: Cloud, bucket: oss2.Bucket) -> None:
    name, alias = add_point(bucket)
    for key in ("a1", "b1"):
        bucket.put_object(key, b"x")
    allow = {"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": [f"acs:oss:*:*:{bucket.bucket_name}/*"]}
    nothing = {**allow, "Action": ["oss:ListBuckets"]}
    role, stranger = (cloud.bucket(alias, assume_role(cloud, given)) for given in (allow, nothing))
    denied = (403, "AccessDenied")
    assert error_of(lambda: role.get_object("a1")) == denied  # the access point has no policy
    bucket.put_access_point_policy(name, policy_of(cloud, name))
    assert role.get_object("a1").read() == b"x"
    assert error_of(lambda: role.get_object("b1")) == denied  # of which the access point's policy does not speak
    assert error_of(lambda: stranger.get_object("a1")) == denied  # whom nothing but the access point allows anything
    bucket.put_access_point_policy(name, policy_of(cloud, name, "Deny"))
    assert error_of(lambda: role.get_object("a1")) == denied
    assert cloud.bucket(alias).get_object("a1").read() == b"x"  # the account itself


def test_a_buckets_policy_can_leave_it_to_an_access_point(cloud: Cloud, bucket: oss2.Bucket) -> None:
    name, alias = add_point(bucket)
    bucket.put_object("a1", b"x")
    arn = f"acs:oss:{cloud.region}:{cloud.account_id}:accesspoint/{name}"
    statement = {
        "Effect": "Allow",
        "Action": ["oss:GetObject"],
        "Principal": ["*"],
        "Resource": [f"acs:oss:*:*:{bucket.bucket_name}/*"],
        "Condition": {"StringEquals": {"oss:DataAccessPointArn": [arn]}},
    }
    bucket.put_bucket_policy(json.dumps({"Version": "1", "Statement": [statement]}))
    bucket.put_access_point_policy(name, policy_of(cloud, name))
    through, past = (
        oss2.Bucket(ANYBODY, cloud.endpoints["oss"], each, region=cloud.region) for each in (alias, bucket.bucket_name)
    )
    assert through.get_object("a1").read() == b"x"
    assert error_of(lambda: past.get_object("a1")) == (403, "AccessDenied")
    bucket.put_access_point_public_access_block(name, True)
    assert bucket.get_access_point_public_access_block(name).block_public_access is True
    assert error_of(lambda: through.get_object("a1")) == (403, "AccessDenied")
    bucket.delete_access_point_public_access_block(name)
    assert through.get_object("a1").read() == b"x"


def test_nobody_comes_from_a_vpc(cloud: Cloud, bucket: oss2.Bucket) -> None:
    _, alias = add_point(bucket, vpc="vpc-1")
    assert error_of(lambda: cloud.bucket(alias).list_objects()) == (403, "AccessDenied")


def test_policies_of_access_points_are_put_read_and_deleted(cloud: Cloud, bucket: oss2.Bucket) -> None:
    name, _ = add_point(bucket)
    assert error_of(lambda: bucket.get_access_point_policy(name)) == (404, "NoSuchAccessPointPolicy")
    assert error_of(lambda: bucket.put_access_point_policy(name, "{}")) == (400, "InvalidPolicyDocument")
    policy = policy_of(cloud, name)
    bucket.put_access_point_policy(name, policy)
    assert bucket.get_access_point_policy(name).policy == policy
    bucket.delete_access_point_policy(name)
    assert error_of(lambda: bucket.get_access_point_policy(name)) == (404, "NoSuchAccessPointPolicy")
    assert error_of(lambda: bucket.get_access_point_policy("none")) == (404, "NoSuchAccessPoint")
    assert error_of(lambda: bucket.put_access_point_public_access_block("none", True)) == (404, "NoSuchAccessPoint")


def test_the_second_client_and_an_access_point(cloud: Cloud, bucket: oss2.Bucket) -> None:
    config: Any = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        cloud.access_key_id, cloud.access_key_secret
    )
    config.region, config.endpoint = cloud.region, cloud.endpoints["oss"]
    client: Any = oss.Client(config)
    name = f"ap-{uuid.uuid4().hex[:10]}"
    wanted = oss.CreateAccessPointConfiguration(access_point_name=name, network_origin="internet")
    made = client.create_access_point(
        oss.CreateAccessPointRequest(bucket=bucket.bucket_name, create_access_point_configuration=wanted)
    )
    found = client.get_access_point(oss.GetAccessPointRequest(bucket=bucket.bucket_name, access_point_name=name))
    assert (found.access_point_arn, found.alias, found.account_id) == (
        *(made.access_point_arn, made.alias),
        cloud.account_id,
    )
    client.put_object(oss.PutObjectRequest(bucket=made.alias, key="a", body=b"x"))
    assert bucket.get_object("a").read() == b"x"
