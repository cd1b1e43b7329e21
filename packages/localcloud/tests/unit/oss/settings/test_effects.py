"""The effects of settings on a request: cross-origin rules, hotlink protection, website, policy, retention."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from localcloud.kernel.identity import Identity
from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings import cors, referer, website, worm
from localcloud.oss.settings.policy import change_policy, decide, is_public, read_policy
from localcloud.oss.settings.setting import Setting, keep
from localcloud.ram.policy import Effect, Request

ACCOUNT = "1234567890123456"
BUCKET = Bucket(name="b", owner=ACCOUNT, region="cn-hangzhou", created=0.0, acl="private", storage_class="Standard")
ROLE = Identity(account_id=ACCOUNT, role_arn=f"acs:ram::{ACCOUNT}:role/reader", session_name="s")


def with_setting(setting: Setting, content: dict[str, object]) -> Bucket:
    document = keep(setting.read(render(setting.root, content), {}))
    return replace(BUCKET, settings={setting.parameter: document})


# Cross-origin rules

RULES = with_setting(
    cors.SETTING,
    {
        "CORSRule": [
            {"AllowedOrigin": "*", "AllowedMethod": ["GET", "HEAD"], "ExposeHeader": ["ETag", "x-oss-a"]},
            {
                "AllowedOrigin": "http://*.example.com",
                "AllowedMethod": "PUT",
                "AllowedHeader": "X-*",
                "MaxAgeSeconds": 60,
            },
        ],
        "ResponseVary": "true",
    },
)


@pytest.mark.parametrize("name", ["AllowedOrigin", "AllowedHeader", "ExposeHeader"])
@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\x7f"])
def test_a_rule_holds_nothing_that_a_header_cannot_carry(name: str, value: str) -> None:
    rule = {"AllowedOrigin": "*", "AllowedMethod": "GET", name: value}
    with pytest.raises(OssError, match=f"InvalidArgument: {name} holds what a header cannot carry"):
        with_setting(cors.SETTING, {"CORSRule": rule})


def test_white_space_around_the_values_of_a_rule_does_not_count() -> None:
    rule = {"AllowedOrigin": "\n  http://a\n ", "AllowedMethod": "GET", "ExposeHeader": "\tETag "}
    answer = cors.answer_headers(with_setting(cors.SETTING, {"CORSRule": rule}), {"Origin": "http://a"}, "GET")
    assert answer["Access-Control-Expose-Headers"] == "ETag"


def test_a_page_of_any_origin_reads_what_a_rule_with_a_star_allows() -> None:
    assert cors.answer_headers(RULES, {"Origin": "http://a"}, "GET") == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Expose-Headers": "ETag, x-oss-a",
    }


def test_what_no_rule_allows_gets_no_header_but_vary() -> None:
    assert cors.answer_headers(RULES, {"Origin": "http://a"}, "DELETE") == {"Vary": "Origin"}
    assert cors.answer_headers(BUCKET, {"Origin": "http://a"}, "GET") == {}


def test_caches_keep_answers_apart_where_the_rules_say_so() -> None:
    assert (cors.vary_header(RULES), cors.vary_header(BUCKET)) == ({"Vary": "Origin"}, {})


def test_a_preflight_request_gets_the_headers_that_it_asked_for() -> None:
    asked = {
        "Origin": "http://www.example.com",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-one, X-Two",
    }
    headers = cors.preflight_headers(RULES, asked)
    assert headers["Access-Control-Allow-Origin"] == "http://www.example.com"
    assert headers["Access-Control-Allow-Headers"] == "x-one, X-Two"
    assert headers["Access-Control-Max-Age"] == "60"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Origin": "http://other"}, "AccessForbidden"),
        ({"Access-Control-Request-Method": "DELETE"}, "AccessForbidden"),
        ({"Access-Control-Request-Headers": "authorization"}, "AccessForbidden"),
        ({"Access-Control-Request-Headers": ",".join(["x-a"] * (cors.MOST + 1))}, "AccessForbidden"),
        ({"Origin": ""}, "InvalidArgument"),
    ],
)
def test_a_preflight_request_that_no_rule_allows_is_refused(change: dict[str, str], code: str) -> None:
    asked = {"Origin": "http://www.example.com", "Access-Control-Request-Method": "PUT", **change}
    with pytest.raises(OssError) as error:
        cors.preflight_headers(RULES, asked)
    assert error.value.code == code


# Hotlink protection


@pytest.mark.parametrize(
    ("page", "admitted"),
    [
        ("", False),
        ("http://www.example.com", True),
        ("http://www.example.com/a?b=c", True),
        ("http://www.bad.example.com/", False),
        ("http://elsewhere.com/", False),
    ],
)
def test_hotlink_protection_admits_pages_of_its_list(page: str, admitted: bool) -> None:
    bucket = with_setting(
        referer.SETTING,
        {
            "AllowEmptyReferer": "false",
            "RefererList": {"Referer": "http://*.example.com"},
            "RefererBlacklist": {"Referer": "http://*.bad.example.com"},
        },
    )
    assert referer.admits(bucket, page) is admitted


def test_without_a_list_every_page_is_admitted() -> None:
    assert referer.admits(BUCKET, "http://a")
    assert referer.admits(with_setting(referer.SETTING, {"AllowEmptyReferer": "true", "RefererList": ""}), "http://a")


# Website

SITE = website.site_of(
    with_setting(
        website.SETTING,
        {
            "IndexDocument": {"Suffix": "index.html", "SupportSubDir": "true", "Type": 2},
            "ErrorDocument": {"Key": "error.html"},
            "RoutingRules": {
                "RoutingRule": [
                    {
                        "RuleNumber": 2,
                        "Condition": {"KeyPrefixEquals": "old/"},
                        "Redirect": {
                            "RedirectType": "External",
                            "ReplaceKeyPrefixWith": "new/",
                            "PassQueryString": "true",
                        },
                    },
                    {
                        "RuleNumber": 1,
                        "Condition": {"KeyPrefixEquals": "old/x", "HttpErrorCodeReturnedEquals": 404},
                        "Redirect": {"RedirectType": "Mirror", "MirrorURL": "http://elsewhere.com/"},
                    },
                ]
            },
        },
    )
)


def test_a_rule_is_kept_with_the_defaults_of_what_it_does_not_say() -> None:
    rule = {
        "RuleNumber": 1,
        "Condition": {"HttpErrorCodeReturnedEquals": 404},
        "Redirect": {
            "RedirectType": "Mirror",
            "MirrorURL": "http://elsewhere.com/",
            "MirrorCheckMd5": "true",
            "MirrorHeaders": {"Pass": "a"},
        },
    }
    kept = with_setting(website.SETTING, {"RoutingRules": {"RoutingRule": rule}}).settings["website"]
    redirect = ElementTree.fromstring(kept).find("RoutingRules/RoutingRule/Redirect")
    assert redirect is not None
    said = {each.tag: each.text for each in redirect.iter()}
    assert (said["PassQueryString"], said["MirrorPassQueryString"], said["MirrorFollowRedirect"]) == (
        "false",
        "false",
        "true",
    )
    assert (said["MirrorCheckMd5"], said["PassAll"]) == ("true", "false")


def test_a_rule_that_fetches_passes_the_query_on_as_the_mirror_says() -> None:
    redirect = {"RedirectType": "Mirror", "MirrorURL": "http://elsewhere.com/", "PassQueryString": "false"}
    rule = {"RuleNumber": 1, "Redirect": redirect | {"MirrorPassQueryString": "true"}}
    kept = with_setting(website.SETTING, {"RoutingRules": {"RoutingRule": rule}}).settings["website"]
    assert ElementTree.fromstring(kept).findtext(".//PassQueryString") == "true"


def test_a_redirection_that_says_neither_type_nor_query_gets_both() -> None:
    rule = {"RuleNumber": 1, "Redirect": {"HostName": "example.org", "HttpRedirectCode": 303}}
    kept = with_setting(website.SETTING, {"RoutingRules": {"RoutingRule": rule}}).settings["website"]
    assert "<RedirectType>External</RedirectType>" in kept
    assert "<PassQueryString>false</PassQueryString>" in kept


def test_a_folder_has_the_page_that_the_index_names() -> None:
    assert SITE is not None
    assert (SITE.index_of(""), SITE.index_of("a/"), SITE.index_of("a")) == ("index.html", "a/index.html", None)
    assert (SITE.folder_page("a"), SITE.folder_page("a/"), SITE.error_page) == (
        "a/index.html",
        None,
        ("error.html", 404),
    )


def test_a_redirection_replaces_the_prefix_that_its_condition_names() -> None:
    assert SITE is not None
    found = SITE.rule("old/a b", {}, None)
    assert found is not None
    assert found.findtext("RuleNumber") == "2"
    redirect = found.find("Redirect")
    assert redirect is not None
    key = website.replaced_key(redirect, "old/a b", "old/")
    assert website.location(redirect, key, host="h", scheme="http", query="q=1") == (302, "http://h/new/a%20b?q=1")


def test_a_mirror_is_refused_by_name_when_it_would_apply() -> None:
    assert SITE is not None
    found = SITE.rule("old/x", {}, 404)
    assert found is not None
    redirect = found.find("Redirect")
    assert redirect is not None
    with pytest.raises(OssError, match="not implemented: the redirection type Mirror"):
        website.location(redirect, "old/x", host="h", scheme="http", query="")


# Policy


def policy(**elements: object) -> Bucket:
    statement = {"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": [f"acs:oss:*:{ACCOUNT}:b/*"], **elements}
    document = read_policy(json.dumps({"Version": "1", "Statement": [statement]}).encode())
    return replace(BUCKET, settings={"policy": document})


def effect(bucket: Bucket, identity: Identity | None, key: str = "b/k", **conditions: str) -> Effect | None:
    resource = f"acs:oss:oss-cn-hangzhou:{ACCOUNT}:{key}"
    known = {name.replace("_", ":"): value for name, value in conditions.items()}
    return decide(bucket, identity, Request(action="oss:GetObject", resource=resource, conditions=known))


def test_a_policy_speaks_of_those_that_it_names() -> None:
    assert effect(policy(Principal=["*"]), None) is Effect.ALLOW
    assert effect(policy(Principal=["*"]), ROLE) is Effect.ALLOW
    assert effect(policy(Principal=[f"arn:sts::{ACCOUNT}:assumed-role/reader/*"]), ROLE) is Effect.ALLOW
    assert effect(policy(Principal=[f"arn:sts::{ACCOUNT}:assumed-role/writer/*"]), ROLE) is None
    assert effect(policy(Principal=[ACCOUNT]), None) is None
    assert effect(policy(), None) is Effect.ALLOW
    assert effect(policy(NotPrincipal=[f"arn:sts::{ACCOUNT}:assumed-role/writer/*"]), ROLE) is Effect.ALLOW


def test_a_policy_speaks_of_the_resources_and_conditions_that_it_names() -> None:
    bucket = policy(Principal=["*"], Condition={"IpAddress": {"acs:SourceIp": ["10.0.0.0/8"]}})
    assert effect(bucket, None, acs_SourceIp="10.1.1.1") is Effect.ALLOW
    assert effect(bucket, None, acs_SourceIp="127.0.0.1") is None
    assert effect(bucket, None, "other/k", acs_SourceIp="10.1.1.1") is None


def test_what_a_policy_denies_is_denied() -> None:
    assert effect(policy(Effect="Deny", Principal=["*"]), ROLE) is Effect.DENY


HTTP_ONLY = {"Bool": {"acs:SecureTransport": "false"}}


def test_of_the_owner_speaks_what_is_of_everybody_and_has_a_condition() -> None:
    owner = Identity(account_id=ACCOUNT)
    denied = {"acs_SecureTransport": "false"}
    assert effect(policy(Effect="Deny", Principal=["*"], Condition=HTTP_ONLY), owner, **denied) is Effect.DENY
    assert effect(policy(Effect="Deny", Principal=["*"], Condition=HTTP_ONLY), owner) is None
    assert effect(policy(Effect="Deny", Principal=["*"]), owner) is None
    assert effect(policy(Effect="Deny", Principal=[ACCOUNT], Condition=HTTP_ONLY), owner, **denied) is None


FROM_ONE_NETWORK = {"IpAddress": {"acs:SourceIp": ["10.0.0.0/8"]}, "StringNotLike": {"acs:SourceVpc": "vpc-*"}}


@pytest.mark.parametrize(
    ("elements", "public"),
    [
        ({"Principal": ["*"]}, True),
        ({}, True),
        ({"Principal": ["1"]}, False),
        ({"Principal": ["1", "*"]}, True),
        ({"Principal": ["arn:sts::1:assumed-role/r/*"]}, True),
        ({"NotPrincipal": ["1"]}, True),
        ({"Principal": ["*"], "Effect": "Deny"}, False),
        ({"Principal": ["*"], "Condition": HTTP_ONLY}, True),
        ({"Principal": ["*"], "Condition": FROM_ONE_NETWORK}, False),
        ({"Principal": ["*"], "Condition": {**FROM_ONE_NETWORK, "IpAddress": {"acs:SourceIp": ["0.0.0.0/7"]}}}, True),
        ({"Principal": ["*"], "Condition": {**FROM_ONE_NETWORK, "IpAddress": {"acs:SourceIp": ["2001::/31"]}}}, True),
        ({"Principal": ["*"], "Condition": {**FROM_ONE_NETWORK, "IpAddress": {"acs:SourceIp": ["2001::/32"]}}}, False),
        ({"Principal": ["*"], "Condition": {"StringEquals": {"acs:SourceVpc": "vpc-1"}}}, False),
        ({"Principal": ["*"], "Condition": {"StringLike": {"acs:SourceVpc": "vpc-*"}}}, True),
        ({"Principal": ["*"], "Condition": {"StringNotEquals": {"acs:SourceVpc": "vpc-1"}}}, True),
    ],
)
def test_a_policy_is_public_that_allows_something_to_more_than_fixed_names_and_places(
    elements: dict[str, object], public: bool
) -> None:
    assert is_public(policy(**elements).settings["policy"]) == public


def test_what_is_public_does_not_count_where_public_access_is_blocked() -> None:
    block = render("PublicAccessBlockConfiguration", {"BlockPublicAccess": True}).decode()

    def blocked(**elements: object) -> Bucket:
        bucket = policy(**elements)
        return replace(bucket, settings={**bucket.settings, "publicAccessBlock": block})

    bucket = blocked(Principal=["*"])
    assert (effect(bucket, None), effect(bucket, ROLE)) == (None, None)
    assert effect(blocked(Principal=["*"], Condition=FROM_ONE_NETWORK), None, acs_SourceIp="10.1.1.1") is Effect.ALLOW
    assert effect(blocked(Principal=["*"], Effect="Deny"), ROLE) is Effect.DENY
    with pytest.raises(OssError, match="AccessDenied: Put public bucket policy is not allowed"):
        change_policy(bucket.settings["policy"].encode())(bucket)


def test_a_statement_on_addresses_needs_one_on_private_networks() -> None:
    addresses = {"IpAddress": {"acs:SourceIp": ["10.0.0.0/8"]}}
    with pytest.raises(OssError, match=r"InvalidPolicyDocument: .*acs:SourceVpc") as refused:
        change_policy(policy(Principal=["*"], Condition=addresses).settings["policy"].encode())
    assert refused.value.ec == "0030-00000008"
    document = policy(Principal=["*"], Condition=FROM_ONE_NETWORK).settings["policy"]
    assert change_policy(document.encode())(BUCKET) == document


@pytest.mark.parametrize(
    "document",
    [
        b"policy",
        b"[]",
        b'{"Version": "1"}',
        b'{"Version": "2", "Statement": []}',
        b'{"Version": "1", "Statement": [{"Effect": "Allow", "Principal": [], "Action": ["oss:*"], "Resource": ["*"]}]}',
        b'{"Version": "1", "Statement": [{"Effect": "May", "Principal": ["*"], "Action": ["oss:*"], "Resource": ["*"]}]}',
        b"\xff",
        b'{"Version": "1", "Statement": "' + b"x" * 20_000 + b'"}',
    ],
)
def test_what_is_no_policy_is_refused(document: bytes) -> None:
    with pytest.raises(OssError, match="InvalidPolicyDocument"):
        read_policy(document)


# Retention


def days(root: str, count: int) -> bytes:
    return render(root, {"RetentionPeriodInDays": count})


def test_a_retention_policy_is_locked_and_then_only_extended() -> None:
    begun = worm.initiate(BUCKET, days("InitiateWormConfiguration", 1), 1000.0)
    bucket = replace(BUCKET, settings={"worm": begun.document()})
    with pytest.raises(OssError, match="InvalidWORMConfiguration"):
        worm.extend(bucket, begun.worm_id, days("ExtendWormConfiguration", 2), 1000.0)
    with pytest.raises(OssError, match="NoSuchWORMConfiguration"):
        worm.complete(bucket, "another", 1000.0)
    locked = worm.complete(bucket, begun.worm_id, 1000.0)
    bucket = replace(BUCKET, settings={"worm": locked.document()})
    for act in (
        lambda: worm.check_abort(bucket, 1000.0),
        lambda: worm.initiate(bucket, days("InitiateWormConfiguration", 1), 1000.0),
    ):
        with pytest.raises(OssError, match="WORMConfigurationLocked"):
            act()
    assert worm.extend(bucket, begun.worm_id, days("ExtendWormConfiguration", 2), 1000.0).days == 2
    with pytest.raises(OssError, match="InvalidWORMConfiguration"):
        worm.extend(bucket, begun.worm_id, days("ExtendWormConfiguration", 1), 1000.0)


def test_a_retention_policy_that_is_not_locked_within_a_day_is_void() -> None:
    begun = worm.initiate(BUCKET, days("InitiateWormConfiguration", 1), 1000.0)
    bucket = replace(BUCKET, settings={"worm": begun.document()})
    assert worm.retention_of(bucket, 1000.0 + 86_399) is not None
    with pytest.raises(OssError, match="NoSuchWORMConfiguration"):
        worm.existing(bucket, 1000.0 + 86_400)


def test_what_retention_protects_is_immutable_until_its_days_are_over() -> None:
    begun = worm.initiate(BUCKET, days("InitiateWormConfiguration", 2), 1000.0)
    locked = worm.complete(replace(BUCKET, settings={"worm": begun.document()}), begun.worm_id, 1000.0)
    bucket = replace(BUCKET, settings={"worm": locked.document()})
    worm.check_mutable(bucket, 0.0, 2 * 86_400.0)
    worm.check_mutable(BUCKET, 0.0, 0.0)
    with pytest.raises(OssError, match="FileImmutable"):
        worm.check_mutable(bucket, 1.0, 2 * 86_400.0)
