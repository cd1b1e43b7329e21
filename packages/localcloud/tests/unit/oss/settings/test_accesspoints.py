"""Access points: whom they let pass."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from localcloud.kernel.identity import Identity
from localcloud.oss.model import Bucket
from localcloud.oss.settings.accesspoints import AccessPoint, admits
from localcloud.ram.policy import Request

OWNER, OTHER = Identity(account_id="1111111111111111"), Identity(account_id="2222222222222222")
BUCKET = Bucket(
    name="b", owner=OWNER.account_id, region="cn-hangzhou", created=0.0, acl="private", storage_class="Standard"
)
POINT = AccessPoint(
    name="p", bucket="b", alias="p-1-ossalias", origin="internet", vpc=None, created=0, policy=None, blocked=False
)
GET = Request(action="oss:GetObject", resource="acs:oss:r:1111111111111111:accesspoint/p/object/k", conditions={})


def policy(*principals: str) -> str:
    statement = {"Effect": "Allow", "Principal": principals, "Action": ["oss:GetObject"], "Resource": ["acs:oss:*:*:*"]}
    return json.dumps({"Version": "1", "Statement": [statement]})


@pytest.mark.parametrize(
    ("principals", "admitted"), [((), [OWNER]), ([OTHER.account_id], [OWNER, OTHER]), ("*", [OWNER, OTHER, None])]
)
def test_an_access_point_admits_the_owner_and_whom_its_policy_names(
    principals: tuple[str, ...], admitted: list[Identity | None]
) -> None:
    point = replace(POINT, policy=policy(*principals) if principals else None)
    assert [who for who in (OWNER, OTHER, None) if admits(BUCKET, point, who, GET)] == admitted


def test_an_access_point_of_a_private_network_admits_nobody() -> None:
    point = replace(POINT, origin="vpc", vpc="vpc-1", policy=policy("*"))
    assert not any(admits(BUCKET, point, who, GET) for who in (OWNER, OTHER, None))


def test_an_access_point_that_blocks_public_access_admits_whom_its_policy_names() -> None:
    for principals, admitted in (("*", False), ([OTHER.account_id], True)):
        point = replace(POINT, policy=policy(*principals), blocked=True)
        assert admits(BUCKET, point, OTHER, GET) == admitted
