"""Replication: rules are added and deleted, and told with how far they are.

Source: OSS, "Operations on data replication". It is assumed that who names a role needs to pass it, as with other services of the
cloud, and that who names none needs the rights of the rule, which acts as the owner of both buckets then.
"""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.api.url import ResourceUrl
from localcloud.oss.errors import OssError
from localcloud.oss.settings.replication import (
    Rule,
    find_rule,
    read_deletion,
    read_rtc,
    read_rule,
    role_arn,
    rules_of,
)


async def change(call: Call) -> web.StreamResponse:
    """PutBucketReplication and DeleteBucketReplication: the parameter `comp` says which."""
    asked = call.query.get("comp", "")
    if asked == "delete":
        call.require("DeleteBucketReplication")
        closed = await call.run(call.oss.replication.close, call.bucket, read_deletion(call.body))
        return web.Response(status=200 if closed else 204)
    if asked != "add":
        raise OssError("NotImplemented", f"not implemented: POST bucket with ?replication&comp={asked[:40]}")
    call.require("PutBucketReplication")
    rule = read_rule(call.body, call.guard.clock())
    call.require("ReplicateGet")
    if rule.role is None:
        target = call.guard.find_bucket(rule.bucket)
        if target and target.owner == call.owner:  # else it is refused
            place = ResourceUrl(bucket=rule.bucket, query={})
            for action in ("ReplicatePut", "ReplicateDelete"):
                call.require(action, target=place)
    else:
        call.pass_role(role_arn(call.owner, rule.role))
    await call.run(call.oss.replication.add, call.bucket, rule)
    return web.Response()


async def get_rules(call: Call) -> web.StreamResponse:
    """GetBucketReplication."""
    now = call.guard.clock()
    return xml_response("ReplicationConfiguration", {"Rule": [rule.describe(now) for rule in _rules(call)]})


async def get_progress(call: Call) -> web.StreamResponse:
    """GetBucketReplicationProgress: of a rule, or of all of them where none is named."""
    now, rule_id = call.guard.clock(), call.query.get("rule-id")
    rules = [find_rule(call.holder, rule_id)] if rule_id else _rules(call)
    told = []
    for rule in rules:
        progress = await call.read(call.oss.replication.progress, call.bucket, rule)
        told.append({**rule.describe(now), "SyncRole": None, "RTC": None, "Progress": progress})
    return xml_response("ReplicationProgress", {"Rule": told})


async def get_locations(call: Call) -> web.StreamResponse:
    """GetBucketReplicationLocation: all regions, and the ways into the others."""
    locations = [f"oss-{region}" for region in sorted(call.guard.regions)]
    others = [location for location in locations if location != f"oss-{call.holder.region}"]
    return xml_response(
        "ReplicationLocation",
        {
            "Location": locations,
            "LocationTransferTypeConstraint": {
                "LocationTransferType": [
                    {"Location": location, "TransferTypes": {"Type": "oss_acc"}} for location in others
                ]
            },
            "LocationRTCConstraint": {"Location": others},
        },
    )


async def control_time(call: Call) -> web.StreamResponse:
    """PutBucketRTC."""
    rule_id, on = read_rtc(call.body)
    await call.run(call.oss.replication.control_time, call.bucket, rule_id, on=on)
    return web.Response()


def _rules(call: Call) -> tuple[Rule, ...]:
    rules = rules_of(call.holder)
    if not rules:
        raise OssError(
            "NoSuchReplicationConfiguration",
            "The bucket you specified does not have replication configuration.",
            {"BucketName": call.bucket},
        )
    return rules
