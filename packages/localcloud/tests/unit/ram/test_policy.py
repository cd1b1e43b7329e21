"""Policies: what parses, and what is decided."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from localcloud.kernel.wildcard import wildcard_matches
from localcloud.ram.policy import (
    MalformedPolicyError,
    Request,
    is_allowed,
    is_trusted,
    parse_policy,
    parse_trust_policy,
    resource_matches,
)

OBJECT = "acs:oss:cn-hangzhou:1111111111111111:photos/applib/a.zip"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "1", "Statement": list(statements)})


def allow(**changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "oss:GetObject", "Resource": "*", **changes}


def decide(
    *statements: dict[str, Any], action: str = "oss:GetObject", resource: str = OBJECT, **conditions: str
) -> bool:
    keys = {name.replace("_", ":"): value for name, value in conditions.items()}
    return is_allowed(parse_policy(document(*statements)), Request(action=action, resource=resource, conditions=keys))


def test_nothing_is_allowed_without_a_statement() -> None:
    assert not is_allowed((), Request(action="oss:GetObject", resource=OBJECT, conditions={}))


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ("oss:GetObject", True),
        ("OSS:getobject", True),
        (["oss:PutObject", "oss:Get*"], True),
        ("oss:GetObjec?", True),
        ("*", True),
        ("oss:PutObject", False),
        ("oss:GetObjectAcl", False),
        ("fc:*", False),
    ],
)
def test_action(actions: object, expected: bool) -> None:
    assert decide(allow(Action=actions)) is expected


@pytest.mark.parametrize(("actions", "expected"), [("oss:Put*", True), (["ram:*", "oss:Get*"], False)])
def test_not_action_speaks_of_every_other_action(actions: object, expected: bool) -> None:
    statement = allow(NotAction=actions)
    del statement["Action"]
    assert decide(statement) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", True),
        ("acs:oss:*:*:photos/applib/*", True),
        ("acs:oss:*:*:photos/*", True),
        ("acs:oss:cn-hangzhou:1111111111111111:photos/applib/a.zip", True),
        ("acs:oss:*:*:photos/APPLIB/*", False),
        ("acs:oss:*:*:photos", False),
        ("acs:oss:*:*:photo", False),
        ("acs:oss:cn-beijing:*:photos/*", False),
        ("acs:oss:*:2222222222222222:photos/*", False),
        ("acs:oss:*", True),
    ],
)
def test_resource(pattern: str, expected: bool) -> None:
    assert decide(allow(Resource=[pattern])) is expected


def test_a_wildcard_for_the_account_does_not_reach_into_the_key() -> None:
    """Else a key that holds a colon would look like another bucket's."""
    assert not resource_matches("acs:oss:*:*:photos/x", "acs:oss:cn-hangzhou:1:private/a:photos/x")


def test_not_resource_speaks_of_every_other_resource() -> None:
    statement = {"Effect": "Allow", "Action": "*", "NotResource": "acs:oss:*:*:secret/*"}
    assert decide(statement)
    assert not decide(statement, resource="acs:oss:r:1:secret/x")


def test_deny_wins_whatever_the_order() -> None:
    deny = allow(Effect="Deny", Resource="acs:oss:*:*:photos/applib/*")
    assert not decide(allow(), deny)
    assert not decide(deny, allow())
    assert decide(allow(), deny, resource="acs:oss:r:1:photos/other")


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["b", "a"], "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "Ab", "aB", True),
        ("StringNotEqualsIgnoreCase", "Ab", "aB", False),
        ("StringLike", "in/*", "in/x", True),
        ("StringLike", "in/*", "out/x", False),
        ("StringNotLike", "in/*", "in/x", False),
        ("StringNotLike", "in/*", "out/x", True),
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", 10, "10", True),
        ("NumericNotEquals", "10", "9", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "9", False),
        ("NumericGreaterThanEquals", "10", "10", True),
        ("NumericLessThan", "10", "many", False),
        ("DateEquals", "2026-01-01T08:00:00+08:00", "2026-01-01T00:00:00Z", True),
        ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
        ("DateLessThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", False),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", False),
        ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", True),
        ("Bool", "true", "true", True),
        ("Bool", True, "true", True),
        ("Bool", "true", "false", False),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", ["10.0.0.0/8", "127.0.0.1"], "127.0.0.1", True),
        ("IpAddress", "10.0.0.0/8", "11.1.2.3", False),
        ("IpAddress", "10.0.0.0/8", "::1", False),
        ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
        ("NotIpAddress", "10.0.0.0/8", "11.1.2.3", True),
    ],
)
def test_condition(operator: str, wanted: object, given: str, expected: bool) -> None:
    assert decide(allow(Condition={operator: {"test:Key": wanted}}), test_Key=given) is expected


def test_a_missing_key_fails_a_condition_and_satisfies_its_negation() -> None:
    assert not decide(allow(Condition={"StringEquals": {"oss:Prefix": "a"}}))
    assert decide(allow(Condition={"StringNotEquals": {"oss:Prefix": "a"}}))


def test_condition_keys_are_compared_without_case() -> None:
    assert decide(allow(Condition={"Bool": {"acs:securetransport": "false"}}), acs_SecureTransport="false")


def test_all_operators_and_keys_must_hold() -> None:
    statement = allow(
        Condition={"StringEquals": {"oss:Prefix": "a", "oss:Delimiter": "/"}, "Bool": {"acs:SecureTransport": "true"}}
    )
    keys = {"oss_Prefix": "a", "oss_Delimiter": "/", "acs_SecureTransport": "true"}
    assert decide(statement, **keys)
    for name in keys:
        assert not decide(statement, **{**keys, name: "false"})


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "object"),
        ('{"Version": "1"}', "Statement"),
        ('{"Version": "1", "Statement": []}', "Statement"),
        ('{"Version": "1", "Statement": ["x"]}', "Statement[0]"),
        ('{"Version": "2012-10-17", "Statement": []}', "Version"),
        ('{"Version": "1", "Version": "1", "Statement": []}', "twice"),
        ('{"Version": "1", "Statement": [], "Id": "x"}', "Id"),
        (document(allow(Effect="Perhaps")), "Statement[0].Effect"),
        (document(allow(), allow(Effect=None)), "Statement[1].Effect"),
        (document(allow(Action=[])), "Statement[0].Action"),
        (document(allow(Action=[1])), "Statement[0].Action"),
        (document(allow(Action="GetObject")), "GetObject"),
        (document(allow(NotAction="oss:*")), "either Action or NotAction"),
        (document({"Effect": "Allow", "Action": "*"}), "either Resource or NotResource"),
        (document(allow(Principal={"RAM": "x"})), "Principal"),
        (document(allow(Condition=[])), "Condition"),
        (document(allow(Condition={"StringEquals": {}})), "Condition.StringEquals"),
        (document(allow(Condition={"StringEquals": {"k": {}}})), "Condition.StringEquals.k"),
        (document(allow(Condition={"StringIsNice": {"k": "v"}})), "unknown operator"),
        (document(allow(Condition={"NumericEquals": {"k": "ten"}})), "Condition.NumericEquals.k"),
        (document(allow(Condition={"DateLessThan": {"k": "2026-01-01T00:00:00"}})), "zone"),
        (document(allow(Condition={"Bool": {"k": "yes"}})), "true or false"),
        (document(allow(Condition={"IpAddress": {"k": "10.0.0.0/64"}})), "Condition.IpAddress.k"),
    ],
)
def test_a_malformed_document_is_refused_with_the_path(text: str, part: str) -> None:
    with pytest.raises(MalformedPolicyError) as caught:
        parse_policy(text)
    assert part in str(caught.value)


def trust(**changes: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": ["fc.aliyuncs.com"], "RAM": "acs:ram::1:root"},
        **changes,
    }


def trusted(principal: tuple[str, str], *statements: dict[str, Any], **conditions: str) -> bool:
    return is_trusted(parse_trust_policy(document(*statements)), [principal], conditions)


def test_trust_names_principals_exactly() -> None:
    assert trusted(("Service", "fc.aliyuncs.com"), trust())
    assert trusted(("RAM", "acs:ram::1:root"), trust())
    assert not trusted(("Service", "ecs.aliyuncs.com"), trust())
    assert not trusted(("RAM", "fc.aliyuncs.com"), trust())


def test_trust_can_be_denied_and_conditioned() -> None:
    assert not trusted(("RAM", "acs:ram::1:root"), trust(), trust(Effect="Deny"))
    assert not trusted(("RAM", "acs:ram::1:root"), trust(Action="sts:GetCallerIdentity"))
    conditioned = trust(Condition={"StringEquals": {"key": "v"}})
    assert trusted(("RAM", "acs:ram::1:root"), conditioned, key="v")
    assert not trusted(("RAM", "acs:ram::1:root"), conditioned)


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        (trust(Principal={}), "Principal"),
        (trust(Principal="*"), "Principal"),
        (trust(Principal={"Federated": "x"}), "not implemented"),
        (trust(Principal={"Robot": "x"}), "Robot"),
        (trust(Principal={"RAM": []}), "Principal.RAM"),
        (trust(Resource="*"), "Resource"),
    ],
)
def test_a_malformed_trust_policy_is_refused(statement: dict[str, Any], part: str) -> None:
    with pytest.raises(MalformedPolicyError) as caught:
        parse_trust_policy(document(statement))
    assert part in str(caught.value)


def test_hostile_pattern_is_decided_at_once() -> None:
    begin = time.perf_counter()
    assert not wildcard_matches("*" + "a" * 3000 + "b*c", "a" * 8000)
    assert not wildcard_matches("*a?" * 1000 + "b", "a" * 8000)
    assert time.perf_counter() - begin < 0.5
