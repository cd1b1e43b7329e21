"""The table of bucket settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.kernel.xml import render, serialize
from localcloud.oss.api.routes import OPERATIONS
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings import SETTINGS, Setting, blocks_public_access
from localcloud.oss.settings.table import BY_PARAMETER, PUBLIC_ACCESS_BLOCK

BUCKET = Bucket(name="b", owner="1", region="cn-hangzhou", created=0.0, acl="private", storage_class="Standard")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.parameter))
def test_a_row_makes_operations_with_rights_of_their_own(setting: Setting) -> None:
    actions = {method: OPERATIONS[method, "bucket"].get(setting.parameter) for method in ("GET", "PUT", "DELETE")}
    expected = {"GET": "Get", "PUT": "Put", "DELETE": "Delete" if setting.deletable else None}
    assert {method: operation and operation.action for method, operation in actions.items()} == {
        method: verb and verb + setting.action for method, verb in expected.items()
    }


def test_a_row_cannot_name_an_error_that_oss_does_not_have() -> None:
    with pytest.raises(AssertionError):
        replace(SETTINGS[0], absent="NoSuchCode")


@pytest.mark.parametrize(("written", "blocks"), [("true", True), ("True", True), ("false", False), ("False", False)])
def test_a_public_access_block_is_read_as_any_client_writes_it(written: str, blocks: bool) -> None:
    body = render(PUBLIC_ACCESS_BLOCK.root, {"BlockPublicAccess": written})
    document = serialize(PUBLIC_ACCESS_BLOCK.read(body, {}))
    kept = replace(BUCKET, settings={PUBLIC_ACCESS_BLOCK.parameter: document})
    assert blocks_public_access(kept) is blocks


DOCUMENTS: dict[str, dict[str, object]] = {  # a document that is taken, for each setting
    "lifecycle": {"Rule": {"ID": "r", "Prefix": "", "Status": "Enabled", "Expiration": {"Days": 3}}},
    "encryption": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "KMS", "KMSMasterKeyID": "k"}},
    "publicAccessBlock": {"BlockPublicAccess": "true"},
    "tagging": {"TagSet": {"Tag": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}},
    "cors": {"CORSRule": {"AllowedOrigin": "*", "AllowedMethod": ["GET", "PUT"]}, "ResponseVary": "true"},
    "referer": {
        "AllowEmptyReferer": "false",
        "RefererList": {"Referer": "http://a"},
        "AllowTruncateQueryString": "false",
        "TruncatePath": "true",
    },
    "logging": {"LoggingEnabled": {"TargetBucket": "b", "TargetPrefix": "logs/"}},
    "userDefinedLogFieldsConfig": {"HeaderSet": {"header": ["a", "b"]}, "ParamSet": {"parameter": "c"}},
    "website": {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html", "HttpStatus": 404}},
    "requestPayment": {"Payer": "Requester"},
    "transferAcceleration": {"Enabled": "true"},
    "accessmonitor": {"Status": "Enabled"},
    "resourceGroup": {"ResourceGroupId": "rg-1"},
    "qosInfo": {
        **{f"{part}{kind}": -1 for part in ("Total", "Intranet", "Extranet") for kind in ("UploadBandwidth", "Qps")},
        **{f"{part}DownloadBandwidth": 5 for part in ("Total", "Intranet", "Extranet")},
    },
    "qos": {"StorageCapacity": 100},
    "httpsConfig": {"TLS": {"Enable": "true", "TLSVersion": ["TLSv1.2", "TLSv1.3"]}},
    "bucketArchiveDirectRead": {"Enabled": "true"},
    "overwriteConfig": {
        "Rule": {
            "ID": "1",
            "Action": "forbid",
            "Prefix": "a/",
            "Suffix": ".txt",
            "Principals": {"Principal": ["1", "2"]},
        }
    },
    "versioning": {"Status": "Enabled"},
}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.parameter))
def test_a_document_of_each_setting_is_kept_as_it_was_put(setting: Setting) -> None:
    body = render(setting.root, DOCUMENTS[setting.parameter])
    assert serialize(setting.read(body, {})).encode() == body


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.parameter))
def test_no_setting_takes_an_element_that_it_does_not_know(setting: Setting) -> None:
    content = {**DOCUMENTS[setting.parameter], "Surprise": "1"}
    with pytest.raises(OssError, match=r"MalformedXML.*Surprise"):
        setting.read(render(setting.root, content), {})


@pytest.mark.parametrize(
    ("parameter", "content", "code"),
    [
        ("publicAccessBlock", {"BlockPublicAccess": "perhaps"}, "MalformedXML"),
        ("requestPayment", {"Payer": "Nobody"}, "MalformedXML"),
        ("requestPayment", {}, "MalformedXML"),
        ("requestPayment", {"Payer": ["Requester", "Requester"]}, "MalformedXML"),
        ("accessmonitor", {"Status": "on"}, "MalformedXML"),
        ("httpsConfig", {"TLS": {"Enable": "true"}}, "MalformedXML"),
        ("httpsConfig", {"TLS": {"Enable": "true", "TLSVersion": "SSLv3"}}, "MalformedXML"),
        ("qos", {"StorageCapacity": -2}, "InvalidArgument"),
        ("qosInfo", {"TotalUploadBandwidth": 11}, "InvalidArgument"),
        ("qosInfo", {"TotalDownloadBandwidth": 10, "ExtranetDownloadBandwidth": 11}, "InvalidArgument"),
        (
            "encryption",
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "random"}},
            "InvalidEncryptionAlgorithmError",
        ),
        (
            "encryption",
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}},
            "InvalidArgument",
        ),
        ("resourceGroup", {"ResourceGroupId": "rg-not-one"}, "ResourceGroupIdPreCheckError"),
        ("referer", {"AllowEmptyReferer": "true", "RefererList": {"Referer": ["a"] * 1001}}, "InvalidArgument"),
        ("referer", {"AllowEmptyReferer": "true", "RefererBlacklist": {"Referer": ["a"] * 1001}}, "InvalidArgument"),
        ("overwriteConfig", {"Rule": [{"ID": "1", "Action": "forbid"}] * 2}, "InvalidArgument"),
        ("overwriteConfig", {"Rule": {"Action": "allow"}}, "MalformedXML"),
        ("logging", {"LoggingEnabled": {"TargetBucket": "b", "TargetPrefix": "1" * 257}}, "InvalidArgument"),
        ("website", {}, "MalformedXML"),
        (
            "website",
            {
                "RoutingRules": {
                    "RoutingRule": {
                        "RuleNumber": 1,
                        "Condition": {"HttpErrorCodeReturnedEquals": 403},
                        "Redirect": {"RedirectType": "Mirror", "MirrorURL": "http://example.org/"},
                    }
                }
            },
            "InvalidArgument",
        ),
        (
            "website",
            {"RoutingRules": {"RoutingRule": {"RuleNumber": 1, "Redirect": {"RedirectType": "Mirror"}}}},
            "InvalidArgument",
        ),
        ("website", {"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument"),
        (
            "website",
            {"RoutingRules": {"RoutingRule": [{"RuleNumber": 1, "Redirect": {"HostName": "example.org"}}] * 2}},
            "InvalidArgument",
        ),
        (
            "website",
            {
                "RoutingRules": {
                    "RoutingRule": {"RuleNumber": 1, "Redirect": {"RedirectType": "External", "HttpRedirectCode": 305}}
                }
            },
            "MalformedXML",
        ),
        ("tagging", {"TagSet": {"Tag": {"Key": "k" * 65, "Value": ""}}}, "InvalidArgument"),
        ("tagging", {"TagSet": {"Tag": [{"Key": "k", "Value": ""}] * 2}}, "InvalidArgument"),
        ("cors", {"CORSRule": {"AllowedOrigin": "*", "AllowedMethod": "PATCH"}}, "MalformedXML"),
        ("cors", {"CORSRule": {"AllowedOrigin": "*://*", "AllowedMethod": "GET"}}, "InvalidArgument"),
        ("cors", {"CORSRule": {"AllowedOrigin": ["a"] * 101, "AllowedMethod": "GET"}}, "InvalidArgument"),
        (
            "cors",
            {"CORSRule": {"AllowedOrigin": "*", "AllowedMethod": "GET", "AllowedHeader": ["a"] * 101}},
            "InvalidArgument",
        ),
    ],
)
def test_a_wrong_document_is_refused_with_the_documented_error(
    parameter: str, content: dict[str, object], code: str
) -> None:
    setting = BY_PARAMETER[parameter]
    with pytest.raises(OssError) as error:
        setting.read(render(setting.root, content), {})
    assert error.value.code == code


def test_a_number_out_of_bounds_is_named_with_its_value() -> None:
    body = render(
        "CORSConfiguration", {"CORSRule": {"AllowedOrigin": "*", "AllowedMethod": "GET", "MaxAgeSeconds": -1}}
    )
    with pytest.raises(OssError) as error:
        BY_PARAMETER["cors"].read(body, {})
    assert error.value.detail == {"ArgumentName": "MaxAgeSeconds", "ArgumentValue": "-1"}


def test_a_tls_version_that_comes_twice_is_kept_once() -> None:
    body = render("HttpsConfiguration", {"TLS": {"Enable": "true", "TLSVersion": ["TLSv1.2", "TLSv1.2"]}})
    assert len(BY_PARAMETER["httpsConfig"].read(body, {}).findall("TLS/TLSVersion")) == 1


def test_without_a_public_access_block_nothing_is_blocked() -> None:
    assert not blocks_public_access(BUCKET)
