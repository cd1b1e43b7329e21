"""Replication between buckets of the embedded OSS, with both official Python clients."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import oss2
import oss2.models
import pytest
import requests

from tests.support.cloud import Cloud
from tests.support.roles import document, make_service_role, make_user
from tests.support.waiting import wait_for

FAR = "cn-shanghai"
RIGHTS = {
    "source": ["oss:ReplicateList", "oss:ReplicateGet"],
    "target": ["oss:ReplicateList", "oss:ReplicateGet", "oss:ReplicatePut", "oss:ReplicateDelete"],
}


def bucket_in(cloud: Cloud, region: str, name: str | None = None, auth: Any = None) -> oss2.Bucket:
    auth = auth or oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    return oss2.Bucket(
        auth, cloud.endpoints["oss"], name or f"replica-{uuid.uuid4().hex[:12]}", region=region, session=oss2.Session()
    )


@pytest.fixture
def target(cloud: Cloud) -> oss2.Bucket:
    bucket = bucket_in(cloud, FAR)
    bucket.create_bucket()
    return bucket


def rule_to(target: oss2.Bucket, **changes: Any) -> Any:
    location = target.get_bucket_location().location
    given = {"rule_id": "rule", "target_bucket_name": target.bucket_name, "target_bucket_location": location}
    return oss2.models.ReplicationRule(**{**given, **changes})


def replicate(cloud: Cloud, seconds: float = 60) -> int:
    """Have the rules run as if they had started."""
    answer = requests.post(
        f"{cloud.endpoints['oss']}/-/localcloud/replication",
        json={"time": time.time() + seconds},
        headers={
            "Authorization": f"Bearer {json.loads((cloud.data / 'account.json').read_text())['access_key_secret']}"
        },
        timeout=30,
    )
    return int(answer.json()["copied"])


def keys_of(bucket: oss2.Bucket) -> set[str]:
    return {each.key for each in oss2.ObjectIterator(bucket)}


def code_of(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        call()
    return caught.value.status, caught.value.code


def test_a_rule_starts_works_and_is_closed(cloud: Cloud, bucket: oss2.Bucket, target: oss2.Bucket) -> None:
    assert code_of(bucket.get_bucket_replication) == (404, "NoSuchReplicationConfiguration")
    assert bucket.delete_bucket_replication("rule").status == 200
    bucket.put_object("old", b"0", headers={"x-oss-meta-a": "b", "x-oss-tagging": "k=v"})
    rule = rule_to(target, prefix_list=["o", "n"], action_list=["PUT", "DELETE"], target_transfer_type="oss_acc")
    bucket.put_bucket_replication(rule)
    (told,) = bucket.get_bucket_replication().rule_list
    assert (told.rule_id, told.status, told.target_bucket_name, told.target_bucket_location) == (
        *("rule", "starting"),
        *(target.bucket_name, f"oss-{FAR}"),
    )
    assert (told.prefix_list, told.action_list, told.target_transfer_type) == (["o", "n"], ["PUT", "DELETE"], "oss_acc")
    progress = bucket.get_bucket_replication_progress("rule").progress
    assert (progress.status, progress.historical_object_progress, progress.new_object_progress) == ("starting", 0, None)
    bucket.put_object("new", b"1")
    bucket.put_object("elsewhere", b"1")
    assert keys_of(target) == set()
    assert replicate(cloud) == 2
    assert keys_of(target) == {"old", "new"}
    copy = target.head_object("old")
    assert (copy.headers["x-oss-meta-a"], copy.headers["x-oss-tagging-count"]) == ("b", "1")
    assert copy.last_modified == bucket.head_object("old").last_modified
    assert code_of(lambda: bucket.put_bucket_replication(rule)) == (400, "BucketReplicationAlreadyExist")
    assert code_of(lambda: bucket.delete_bucket_replication("other")) == (404, "NoSuchReplicationRule")
    assert code_of(lambda: bucket.get_bucket_replication_progress("other")) == (404, "NoSuchReplicationRule")
    assert bucket.delete_bucket_replication("rule").status == 200
    assert bucket.delete_bucket_replication("rule").status == 204
    assert [each.status for each in bucket.get_bucket_replication().rule_list] == ["closing"]
    replicate(cloud)
    assert code_of(bucket.get_bucket_replication) == (404, "NoSuchReplicationConfiguration")


def test_it_copies_by_itself_also_after_a_restart(start_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    cloud = start_cloud(tmp_path)
    source, target = bucket_in(cloud, cloud.region, "the-source"), bucket_in(cloud, FAR, "the-target")
    for each in (source, target):
        each.create_bucket()
    source.put_object("old", b"0")
    source.put_bucket_replication(rule_to(target))
    source.put_object("new", b"1")
    cloud.stop()
    cloud = start_cloud(tmp_path)
    source, target = bucket_in(cloud, cloud.region, "the-source"), bucket_in(cloud, FAR, "the-target")
    wait_for(lambda: keys_of(target) == {"old", "new"})
    source.put_object("newer", b"2")
    wait_for(lambda: "newer" in keys_of(target))
    source.batch_delete_objects(["old", "new"])
    wait_for(lambda: keys_of(target) == {"newer"})
    progress = source.get_bucket_replication_progress("rule").progress
    assert (progress.status, progress.historical_object_progress) == ("doing", 1.0)
    assert progress.new_object_progress is not None


def test_targets_that_cannot_be(bucket: oss2.Bucket, target: oss2.Bucket) -> None:
    for changes, code in (
        ({"target_bucket_location": "oss-cn-zhengzhou"}, "InvalidTargetLocation"),
        ({"target_bucket_name": "no-such-bucket-here"}, "InvalidTargetBucket"),
        ({"target_bucket_name": bucket.bucket_name}, "InvalidTargetBucket"),
    ):
        assert code_of(lambda: bucket.put_bucket_replication(rule_to(target, **changes))) == (400, code)  # noqa: B023


def test_versions_and_delete_markers_reach_the_target(cloud: Cloud, bucket: oss2.Bucket, target: oss2.Bucket) -> None:
    for each in (bucket, target):
        each.put_bucket_versioning(oss2.models.BucketVersioningConfig("Enabled"))
    bucket.put_bucket_replication(rule_to(target))
    first = bucket.put_object("a", b"1").versionid
    bucket.put_object("a", b"2")
    bucket.delete_object("a")

    def told(of: oss2.Bucket) -> list[str]:
        page = of.list_object_versions()
        return sorted(each.versionid for each in [*page.versions, *page.delete_marker])

    replicate(cloud)
    assert told(target) == told(bucket)
    assert target.get_object("a", params={"versionId": first}).read() == b"1"
    bucket.delete_object("a", params={"versionId": first})
    replicate(cloud)
    assert told(target) == told(bucket)


def test_the_second_client_does_all_of_it(cloud: Cloud, bucket: oss2.Bucket, target: oss2.Bucket) -> None:
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        cloud.access_key_id, cloud.access_key_secret
    )
    config.region, config.endpoint = cloud.region, cloud.endpoints["oss"]
    client, name = oss.Client(config), bucket.bucket_name
    rule = oss.ReplicationRule(
        destination=oss.ReplicationDestination(bucket=target.bucket_name, location=f"oss-{FAR}"),
        historical_object_replication="disabled",
        rtc=oss.ReplicationTimeControl(status="disabled"),
        action="ALL",
    )
    configuration = oss.ReplicationConfiguration(rules=[rule])
    client.put_bucket_replication(oss.PutBucketReplicationRequest(bucket=name, replication_configuration=configuration))
    (told,) = client.get_bucket_replication(
        oss.GetBucketReplicationRequest(bucket=name)
    ).replication_configuration.rules
    assert (told.status, told.rtc.status, told.action) == ("starting", "disabled", "ALL")
    control = oss.RtcConfiguration(rtc=oss.ReplicationTimeControl(status="enabled"), id=told.id)
    client.put_bucket_rtc(oss.PutBucketRtcRequest(bucket=name, rtc_configuration=control))
    (told,) = client.get_bucket_replication(
        oss.GetBucketReplicationRequest(bucket=name)
    ).replication_configuration.rules
    assert told.rtc.status == "enabled"
    where = client.get_bucket_replication_location(
        oss.GetBucketReplicationLocationRequest(bucket=name)
    ).replication_location
    assert {f"oss-{cloud.region}", f"oss-{FAR}"} <= set(where.locations)
    assert where.location_transfer_type_constraint.location_transfer_types
    progress = client.get_bucket_replication_progress(
        oss.GetBucketReplicationProgressRequest(bucket=name, rule_id=told.id)
    ).replication_progress
    assert progress.rules[0].destination.bucket == target.bucket_name
    ended = client.delete_bucket_replication(
        oss.DeleteBucketReplicationRequest(bucket=name, replication_rules=oss.ReplicationRules(ids=[told.id]))
    )
    assert ended.status_code == 200


def rights(source: oss2.Bucket, target: oss2.Bucket, *, only: str = "") -> list[Mapping[str, Any]]:
    """Return what the role of a rule needs; `only`: on keys with a prefix."""
    return [
        {
            "Effect": "Allow",
            "Action": RIGHTS[which],
            "Resource": [f"acs:oss:*:*:{each.bucket_name}", f"acs:oss:*:*:{each.bucket_name}/{only}*"],
        }
        for which, each in (("source", source), ("target", target))
    ]


def test_a_rule_does_what_its_role_may_and_nothing_else(cloud: Cloud, bucket: oss2.Bucket, target: oss2.Bucket) -> None:
    role = make_service_role(cloud, "oss", *rights(bucket, target, only="open/"))
    bucket.put_bucket_replication(rule_to(target, sync_role_name=role.partition("role/")[2]))
    for key in ("open/a", "shut/b"):
        bucket.put_object(key, b"1")
    replicate(cloud)
    assert keys_of(target) == {"open/a"}


@pytest.mark.parametrize("service", ["fc", None])
def test_a_role_that_is_not_there_or_not_for_oss_copies_nothing(
    cloud: Cloud, bucket: oss2.Bucket, target: oss2.Bucket, service: str | None
) -> None:
    role = (
        make_service_role(cloud, service, *rights(bucket, target)).partition("role/")[2] if service else "no-such-role"
    )
    bucket.put_bucket_replication(rule_to(target, sync_role_name=role))
    bucket.put_object("a", b"1")
    assert replicate(cloud) == 0
    assert keys_of(target) == set()


def test_who_names_a_role_needs_to_pass_it(cloud: Cloud, bucket: oss2.Bucket, target: oss2.Bucket) -> None:
    role = make_service_role(cloud, "oss", *rights(bucket, target))
    rule = rule_to(target, sync_role_name=role)
    own = {"Effect": "Allow", "Action": ["oss:PutBucketReplication", "oss:ReplicateGet"], "Resource": "*"}
    for statements, allowed in (([own], False), ([own, {**own, "Action": "ram:PassRole", "Resource": role}], True)):
        key = make_user(cloud, *statements)
        as_user = bucket_in(cloud, cloud.region, bucket.bucket_name, oss2.AuthV4(key.id, key.secret))
        if allowed:
            as_user.put_bucket_replication(rule)
        else:
            assert code_of(lambda: as_user.put_bucket_replication(rule)) == (403, "AccessDenied")  # noqa: B023


def test_who_names_no_role_needs_the_rights_of_the_rule(cloud: Cloud, bucket: oss2.Bucket, target: oss2.Bucket) -> None:
    own = {"Effect": "Allow", "Action": ["oss:PutBucketReplication", "oss:ReplicateGet"], "Resource": "*"}
    more = {"Effect": "Allow", "Action": RIGHTS["target"], "Resource": f"acs:oss:*:*:{target.bucket_name}"}
    for statements, allowed in (([own], False), ([own, more], True)):
        key = make_user(cloud, *statements)
        as_user = bucket_in(cloud, cloud.region, bucket.bucket_name, oss2.AuthV4(key.id, key.secret))
        rule = rule_to(target)
        if allowed:
            as_user.put_bucket_replication(rule)
        else:
            assert code_of(lambda: as_user.put_bucket_replication(rule)) == (403, "AccessDenied")  # noqa: B023


@pytest.fixture
def others(cloud: Cloud) -> oss2.Bucket:
    """A bucket of another account."""
    other = cloud.account("other")
    bucket = bucket_in(other, FAR)
    bucket.create_bucket()
    return bucket


def test_another_accounts_bucket_takes_copies_when_its_policy_says_so(
    cloud: Cloud, bucket: oss2.Bucket, others: oss2.Bucket
) -> None:
    assert code_of(lambda: bucket.put_bucket_replication(rule_to(others))) == (400, "InvalidTargetBucket")
    role = make_service_role(cloud, "oss", *rights(bucket, others))
    bucket.put_bucket_replication(rule_to(others, sync_role_name=role.partition("role/")[2]))
    bucket.put_object("a", b"1")
    assert (replicate(cloud), keys_of(others)) == (0, set())
    principal = f"arn:sts::{cloud.account_id}:assumed-role/{role.partition('role/')[2]}/*"
    name = others.bucket_name
    resource = [f"acs:oss:*:*:{name}", f"acs:oss:*:*:{name}/*"]
    statement = {"Effect": "Allow", "Action": RIGHTS["target"], "Principal": [principal], "Resource": resource}
    others.put_bucket_policy(document(statement))
    assert (replicate(cloud), keys_of(others)) == (1, {"a"})
