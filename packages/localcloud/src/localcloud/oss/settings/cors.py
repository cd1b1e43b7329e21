"""Cross-origin rules of a bucket: their document, and the headers that they give answers.

Sources: OSS, PutBucketCors and OptionObject; the Fetch standard's CORS protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import Element, SubElement

from localcloud.kernel.wildcard import wildcard_matches
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import boolean, choice, group, invalid, line, number
from localcloud.oss.settings.setting import Options, Setting, kept_tree
from localcloud.oss.xml import malformed

MAX_RULES = 20
MAX_AGE = 999_999_999  # seconds
MOST = 100  # origins, or headers, of a rule, and headers that a request asks for: each is compared with each; assumed
METHODS = ("GET", "PUT", "DELETE", "POST", "HEAD")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule: the requests that pages of some origins may make."""

    origins: tuple[str, ...]  # each with at most one *
    methods: tuple[str, ...]
    headers: tuple[str, ...]  # lower case, each with at most one *
    exposed: tuple[str, ...]
    max_age: int | None  # seconds that a browser keeps the answer

    def allows(self, origin: str, method: str, headers: Iterable[str]) -> bool:
        """Return True if a page of an origin may send a request with a method and headers (in lower case)."""
        return (
            method in self.methods
            and any(wildcard_matches(pattern, origin) for pattern in self.origins)
            and all(any(wildcard_matches(pattern, header) for pattern in self.headers) for header in headers)
        )


def _check(document: Element, options: Options) -> None:
    rules = document.findall("CORSRule")
    if not 1 <= len(rules) <= MAX_RULES:
        raise malformed(f"there are {len(rules)} CORSRule; expected 1 to {MAX_RULES}")
    if document.find("ResponseVary") is None:
        SubElement(document, "ResponseVary").text = "false"
    for rule in rules:
        for name in ("AllowedOrigin", "AllowedHeader", "ExposeHeader"):
            elements = rule.findall(name)
            if len(elements) > MOST:
                raise invalid(name, str(len(elements)), f"A rule has up to {MOST} {name}.")
            for element in elements:
                value = element.text or ""
                if value.count("*") > (name != "ExposeHeader"):
                    raise invalid(name, value, f"{name} {value[:100]!r} holds too many wildcards.")
                if name == "AllowedHeader":
                    element.text = value.lower()


SETTING = Setting(
    parameter="cors",
    action="BucketCors",
    root="CORSConfiguration",
    absent="NoSuchCORSConfiguration",
    words="The CORS Configuration does not exist.",
    fields={
        "CORSRule": group(
            {
                "AllowedOrigin": line(required=True, many=True),
                "AllowedMethod": choice(*METHODS, required=True, many=True),
                "AllowedHeader": line(many=True),
                "ExposeHeader": line(many=True),
                "MaxAgeSeconds": number(0, MAX_AGE),
            },
            required=True,
            many=True,
        ),
        "ResponseVary": boolean(),
    },
    check=_check,
)


def answer_headers(bucket: Bucket, request: Mapping[str, str], method: str) -> dict[str, str]:
    """Return the headers that a bucket's rules add to the answer to a request from a page; none: no rule allows it.

    Args:
        bucket: the bucket.
        request: the request's headers.
        method: the request's method.
    """
    origin = request.get("Origin")
    found = origin and next((rule for rule in _rules_of(bucket) if rule.allows(origin, method, ())), None)
    return {**vary_header(bucket), **(_headers(found, str(origin)) if found else {})}


def vary_header(bucket: Bucket) -> dict[str, str]:
    """Return the header by which caches keep answers apart; a bucket's rules ask for it on all answers, or on none."""
    document = bucket.settings.get(SETTING.parameter)
    varies = document is not None and kept_tree(document, SETTING.root).findtext("ResponseVary") == "true"
    return {"Vary": "Origin"} if varies else {}


def preflight_headers(bucket: Bucket, request: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the answer to a preflight request.

    Raises:
        OssError: AccessForbidden (no rule allows what it asks for), InvalidArgument (a header is missing).
    """
    origin, method = request.get("Origin"), request.get("Access-Control-Request-Method")
    if not origin or not method:
        raise OssError(
            "InvalidArgument", "A preflight request has the headers Origin and Access-Control-Request-Method."
        )
    asked = request.get("Access-Control-Request-Headers", "")
    headers = [name.strip().lower() for name in asked.split(",") if name.strip()]
    rules = _rules_of(bucket)
    if not rules:
        raise OssError("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
    rule = next((rule for rule in rules if len(headers) <= MOST and rule.allows(origin, method, headers)), None)
    if rule is None:
        raise OssError(
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
            "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
        )
    return {**_headers(rule, origin), **({"Access-Control-Allow-Headers": asked} if headers else {})}


def _rules_of(bucket: Bucket) -> tuple[Rule, ...]:
    document = bucket.settings.get(SETTING.parameter)
    return () if document is None else _read(document)


@lru_cache(maxsize=64)  # each answer asks for its bucket's
def _read(document: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            origins=_texts(rule, "AllowedOrigin"),
            methods=_texts(rule, "AllowedMethod"),
            headers=_texts(rule, "AllowedHeader"),
            exposed=_texts(rule, "ExposeHeader"),
            max_age=int(age) if (age := rule.findtext("MaxAgeSeconds")) else None,
        )
        for rule in kept_tree(document, SETTING.root).findall("CORSRule")
    )


def _headers(rule: Rule, origin: str) -> dict[str, str]:
    headers = {
        "Access-Control-Allow-Origin": "*" if "*" in rule.origins else origin,
        "Access-Control-Allow-Methods": ", ".join(rule.methods),
    }
    if rule.exposed:
        headers["Access-Control-Expose-Headers"] = ", ".join(rule.exposed)
    if rule.max_age is not None:
        headers["Access-Control-Max-Age"] = str(rule.max_age)
    return headers


def _texts(rule: Element, name: str) -> tuple[str, ...]:
    return tuple(element.text or "" for element in rule.findall(name))
