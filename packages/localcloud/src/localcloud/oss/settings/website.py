"""Static website of a bucket: its document, and the page that an anonymous GET gets.

Redirection rules of the types External, AliCDN and Internal are obeyed. Mirror is kept, and refused by name when it would apply:
the embedded cloud fetches nothing from elsewhere.

Source: OSS, PutBucketWebsite, "Static website hosting", "Redirection".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import boolean, choice, group, invalid, line, number, text
from localcloud.oss.settings.setting import Options, Setting, kept_tree
from localcloud.oss.xml import malformed

MAX_RULES = 20
_PAIR = {"Key": text(), "Value": text()}
_CONDITION = {
    "KeyPrefixEquals": text(),
    "KeySuffixEquals": text(),
    "HttpErrorCodeReturnedEquals": number(400, 599),
    "IncludeHeader": group(
        {"Key": text(required=True), "Equals": text(), "StartsWith": text(), "EndsWith": text()}, many=True
    ),
}
_MIRROR = {
    "MirrorHeaders": group(
        {"PassAll": boolean(), "Pass": text(many=True), "Remove": text(many=True), "Set": group(_PAIR, many=True)}
    ),
    "MirrorAuth": group({"AuthType": text(), "Region": text(), "AccessKeyId": text(), "AccessKeySecret": text()}),
    "MirrorTaggings": group({"Taggings": group(_PAIR, many=True)}),
    "MirrorReturnHeaders": group({"ReturnHeader": group(_PAIR, many=True)}),
    "MirrorMultiAlternates": group(
        {
            "MirrorMultiAlternate": group(
                {
                    "MirrorMultiAlternateNumber": text(),
                    "MirrorMultiAlternateURL": text(),
                    "MirrorMultiAlternateVpcId": text(),
                    "MirrorMultiAlternateDstRegion": text(),
                },
                many=True,
            )
        }
    ),
    **{
        f"Mirror{name}": text()
        for name in [
            "URL",
            "URLSlave",
            "URLProbe",
            "AsyncStatus",
            "DstVpcId",
            "DstSlaveVpcId",
            "DstRegion",
            "Role",
            "TunnelId",
        ]
    },
    **{
        f"Mirror{name}": boolean()
        for name in [
            "SNI",
            "CheckMd5",
            "FollowRedirect",
            "PassQueryString",
            "PassOriginalSlashes",
            "AllowVideoSnapshot",
            "AllowGetImageInfo",
            "AllowHeadObject",
            "UserLastModified",
            "UsingRole",
            "IsExpressTunnel",
            "ProxyPass",
            "SwitchAllErrors",
            "SaveOssMeta",
        ]
    },
    "TransparentMirrorResponseCodes": text(),
}
_REDIRECT = {
    "RedirectType": choice("External", "AliCDN", "Internal", "Mirror"),
    "PassQueryString": boolean(),
    "Protocol": choice("http", "https"),
    "HostName": line(),
    "ReplaceKeyWith": text(),
    "ReplaceKeyPrefixWith": text(),
    "EnableReplacePrefix": boolean(),
    # OSS, PutBucketWebsite; 303 as the SDK for Java's suite puts it.
    "HttpRedirectCode": choice("301", "302", "303", "307"),
    **_MIRROR,
}
# What OSS adds to a rule that does not say it (the suites of the SDKs for Go and Java read it back).
_DEFAULTS = {"RedirectType": "External", "PassQueryString": "false"}
_MIRROR_DEFAULTS = {
    "MirrorPassQueryString": "false",
    "MirrorPassOriginalSlashes": "false",
    "MirrorFollowRedirect": "true",
    "MirrorCheckMd5": "false",
}


def _check(document: Element, options: Options) -> None:
    if (
        document.find("IndexDocument") is None
        and document.find("ErrorDocument") is None
        and document.find("RoutingRules") is None
    ):
        raise malformed("WebsiteConfiguration has none of IndexDocument, ErrorDocument and RoutingRules")
    suffix, ruled = document.findtext("IndexDocument/Suffix"), document.find("RoutingRules/RoutingRule") is not None
    empty = suffix == "" and not ruled  # the SDK for Go writes empty ones with rules
    if suffix is not None and ("/" in suffix or empty):
        raise invalid("Suffix", suffix, "The suffix of the index document is not valid: a name without a slash.")
    rules = document.findall("RoutingRules/RoutingRule")
    if len(rules) > MAX_RULES:
        raise malformed(f"there are {len(rules)} RoutingRule; expected up to {MAX_RULES}")
    numbers = [rule.findtext("RuleNumber") for rule in rules]
    if len(set(numbers)) != len(numbers):
        raise invalid("RuleNumber", "", "Two routing rules have the same number.")
    for rule in rules:
        for redirect in rule.findall("Redirect"):
            _fill(redirect, _DEFAULTS)
            if redirect.findtext("RedirectType") == "Mirror":
                _check_mirror(rule, redirect)
                passes, mirrored = redirect.find("PassQueryString"), redirect.findtext("MirrorPassQueryString")
                if passes is not None and mirrored is not None:  # the suite of the SDK for Python: the other one counts
                    passes.text = mirrored
                _fill(redirect, _MIRROR_DEFAULTS)
            for headers in redirect.findall("MirrorHeaders"):
                _fill(headers, {"PassAll": "false"})


def _check_mirror(rule: Element, redirect: Element) -> None:
    """Refuse a rule that fetches from nowhere, or what is there but may not be read.

    Raises:
        OssError: InvalidArgument.
    """
    status = rule.findtext("Condition/HttpErrorCodeReturnedEquals") or "404"
    if status != "404":
        raise invalid(
            "HttpErrorCodeReturnedEquals", status, "A rule of the type Mirror applies to the status 404 only."
        )
    if not redirect.findtext("MirrorURL") and redirect.find("MirrorMultiAlternates") is None:
        raise invalid("MirrorURL", "", "A rule of the type Mirror has a MirrorURL.")


def _fill(element: Element, defaults: Mapping[str, str]) -> None:
    for name, value in defaults.items():
        if element.find(name) is None:
            SubElement(element, name).text = value


SETTING = Setting(
    parameter="website",
    action="BucketWebsite",
    root="WebsiteConfiguration",
    absent="NoSuchWebsiteConfiguration",
    words="The specified bucket does not have a website configuration.",
    fields={
        "IndexDocument": group({"Suffix": text(required=True), "SupportSubDir": boolean(), "Type": number(0, 2)}),
        "ErrorDocument": group({"Key": text(required=True), "HttpStatus": choice("200", "404")}),
        "RoutingRules": group(
            {
                "RoutingRule": group(
                    {
                        "RuleNumber": number(1, MAX_RULES, required=True),
                        "Condition": group(_CONDITION),
                        "Redirect": group(_REDIRECT, required=True),
                        "LuaConfig": group({"Script": text()}),
                    },
                    many=True,
                )
            }
        ),
    },
    check=_check,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """The static website of a bucket."""

    document: Element

    def index_of(self, key: str) -> str | None:
        """Return the key of the page for a folder; None: the key is no folder's, or folders have no pages."""
        suffix = self.document.findtext("IndexDocument/Suffix")
        if not suffix or (key and not key.endswith("/")):
            return None
        return key + suffix if not key or self.has_folders else suffix

    @property
    def has_folders(self) -> bool:
        """The setting of pages below the root."""
        return self.document.findtext("IndexDocument/SupportSubDir") == "true"

    def folder_page(self, key: str) -> str | None:
        """Return the page to look for when nothing stands under a key that might be a folder without its slash."""
        suffix = self.document.findtext("IndexDocument/Suffix")
        return f"{key}/{suffix}" if suffix and self.has_folders and key and not key.endswith("/") else None

    @property
    def folder_type(self) -> str:
        """The answer to a folder without its slash: 0 redirects to it, 1 is NoSuchKey, 2 sends its page."""
        return self.document.findtext("IndexDocument/Type") or "0"

    @property
    def error_page(self) -> tuple[str, int] | None:
        """The key of the page for what is missing, and its HTTP status."""
        key = self.document.findtext("ErrorDocument/Key")
        return (key, int(self.document.findtext("ErrorDocument/HttpStatus") or 404)) if key else None

    def rule(self, key: str, headers: Mapping[str, str], status: int | None) -> Element | None:
        """Return the first redirection rule that a request meets; None: there is none.

        Args:
            key: the object's key.
            headers: the request's.
            status: of the answer that it would get; None: it has none yet.
        """
        rules = self.document.findall("RoutingRules/RoutingRule")
        for rule in sorted(rules, key=lambda rule: int(rule.findtext("RuleNumber") or 0)):
            condition = rule.find("Condition")
            if condition is None or _meets(condition, key, headers, status):
                return rule
        return None


def site_of(bucket: Bucket) -> Site | None:
    """Return the website of a bucket; None: it has none."""
    kept = bucket.settings.get(SETTING.parameter)
    return None if kept is None else Site(document=kept_tree(kept, SETTING.root))


def _meets(condition: Element, key: str, headers: Mapping[str, str], status: int | None) -> bool:
    code = condition.findtext("HttpErrorCodeReturnedEquals")
    if (code is not None and code != str(status)) or (code is None and status is not None):
        return False
    return (
        key.startswith(condition.findtext("KeyPrefixEquals") or "")
        and key.endswith(condition.findtext("KeySuffixEquals") or "")
        and all(_has(headers, element) for element in condition.findall("IncludeHeader"))
    )


def _has(headers: Mapping[str, str], element: Element) -> bool:
    value = headers.get(element.findtext("Key") or "")
    wanted = element.findtext("Equals")
    return (
        value is not None
        and (wanted is None or value == wanted)
        and value.startswith(element.findtext("StartsWith") or "")
        and value.endswith(element.findtext("EndsWith") or "")
    )


def replaced_key(redirect: Element, key: str, prefix: str) -> str:
    """Return the key that a Redirect leads to.

    Args:
        redirect: the element.
        key: the key that was asked for.
        prefix: the one that the rule's condition names.
    """
    if (whole := redirect.findtext("ReplaceKeyWith")) is not None:
        return whole.replace("${key}", key)
    if (instead := redirect.findtext("ReplaceKeyPrefixWith")) is not None:
        return instead + key.removeprefix(prefix)
    return key


def location(redirect: Element, key: str, *, host: str, scheme: str, query: str) -> tuple[int, str]:
    """Return the status and the URL of a redirection of the types External and AliCDN.

    Args:
        redirect: the element.
        key: the key that it leads to.
        host: the request's.
        scheme: the request's.
        query: the request's, as it came.

    Raises:
        OssError: NotImplemented (Mirror).
    """
    if redirect.findtext("RedirectType") == "Mirror":
        raise OssError(
            "NotImplemented",
            "not implemented: the redirection type Mirror; the embedded cloud fetches nothing from elsewhere",
        )
    status = int(redirect.findtext("HttpRedirectCode") or 302)
    url = f"{redirect.findtext('Protocol') or scheme}://{redirect.findtext('HostName') or host}/{quote(key)}"
    return status, f"{url}?{query}" if query and redirect.findtext("PassQueryString") == "true" else url
