"""The static website of a bucket, as ALIYUN::OSS::Bucket has it; its settings are checked as those of OSS's API.

Sources: ROS, "ALIYUN::OSS::Bucket"; ros-cdk-oss 1.15.0; OSS, the XML of PutBucketWebsite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.provider import Property

_REQUIRED = Property(kind="string", required=True)
_FLAG = Property(kind="boolean")
_NAMES = Property(kind="list", maximum=10, items=STRING)
_CONDITION = {
    "HttpErrorCodeReturnedEquals": STRING,
    "IncludeHeaders": Property(
        kind="list", maximum=10, items=Property(kind="map", fields={"Key": _REQUIRED, "Equals": STRING})
    ),
    "KeyPrefixEquals": STRING,
    "KeySuffixEquals": STRING,
}
_MIRROR_HEADERS = {
    "Pass": _NAMES,
    "PassAll": _FLAG,
    "Remove": _NAMES,
    "Sets": Property(
        kind="list",
        maximum=10,
        items=Property(
            kind="map", fields={"Key": _REQUIRED, "Value": Property(kind="string", required=True, maximum=1024)}
        ),
    ),
}
_REDIRECT = {
    "RedirectType": Property(kind="string", required=True, choices=("Mirror", "External", "AliCDN")),
    "EnableReplacePrefix": _FLAG,
    "HostName": STRING,
    "HttpRedirectCode": Property(kind="string", choices=("301", "302", "307")),
    "MirrorCheckMd5": _FLAG,
    "MirrorFollowRedirect": _FLAG,
    "MirrorHeaders": Property(kind="map", fields=_MIRROR_HEADERS),
    "MirrorPassQueryString": _FLAG,
    "MirrorURL": STRING,
    "PassQueryString": _FLAG,
    "Protocol": Property(kind="string", choices=("http", "https")),
    "ReplaceKeyPrefixWith": STRING,
    "ReplaceKeyWith": STRING,
}
_RULE = {
    "Condition": Property(kind="map", required=True, fields=_CONDITION),
    "Redirect": Property(kind="map", required=True, fields=_REDIRECT),
    "RuleNumber": Property(kind="integer", required=True, minimum=1, maximum=20),
}
WEBSITE = Property(
    kind="map",
    fields={
        "ErrorDocument": Property(
            kind="map", fields={"Key": _REQUIRED, "HttpStatus": Property(kind="string", choices=("200", "404"))}
        ),
        "IndexDocument": Property(
            kind="map",
            fields={
                "Suffix": _REQUIRED,
                "SupportSubDir": Property(kind="string", choices=("true", "false")),
                "Type": Property(kind="string", choices=("0", "1", "2")),
            },
        ),
        "RoutingRules": Property(kind="list", maximum=20, items=Property(kind="map", fields=_RULE)),
    },
)
_IN_OSS = {"IncludeHeaders": "IncludeHeader", "Sets": "Set"}  # names of lists, whose elements OSS has side by side


def website_in_oss(configuration: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a website's configuration with OSS's names and groups, for `render`."""
    website = dict(configuration)
    if rules := website.pop("RoutingRules", None):
        website["RoutingRules"] = {"RoutingRule": [_renamed(rule) for rule in rules]}
    return website


def _renamed(value: Any) -> Any:  # noqa: ANN401 - any value of a template
    if isinstance(value, Mapping):
        return {_IN_OSS.get(name, name): _renamed(each) for name, each in value.items()}
    return [_renamed(each) for each in value] if isinstance(value, list) else value
