"""Lifecycle rules in S3's form and in OSS's. Pure.

S3 puts a rule's scope into `Filter`, and into `And` there when it has several conditions, or, as it once did, its prefix into the
rule. OSS has prefix and tags in the rule; a `Filter` that is left, be it empty, tells that they came in one.

Sources: Amazon S3 API reference, PutBucketLifecycleConfiguration; OSS, PutBucketLifecycle, "Compatibility with Amazon S3". That OSS
takes `Filter` from S3's clients is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement

from localcloud.kernel.xml import serialize
from localcloud.oss.errors import OssError
from localcloud.oss.s3.headers import STORAGE_CLASSES
from localcloud.oss.xml import parse

ROOT = "LifecycleConfiguration"
_NAMES = (  # S3's and OSS's names of elements within a rule; the first of two names of a path is in OSS's words already
    ("AbortIncompleteMultipartUpload", "AbortMultipartUpload"),
    ("AbortMultipartUpload/DaysAfterInitiation", "AbortMultipartUpload/Days"),
)
_MOVED = ("Prefix", "Tag")  # the conditions that OSS has in the rule
_KEPT = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")  # those that both have in Filter
_CLASSES = ("Transition/StorageClass", "NoncurrentVersionTransition/StorageClass")


def lifecycle_to_oss(body: bytes) -> bytes:
    """Return a lifecycle document that a client of S3 puts, in OSS's form.

    Raises:
        OssError: MalformedXML, NotImplemented (an element that OSS has no counterpart of).
    """
    document = parse(body, ROOT)
    for rule in document.findall("Rule"):
        for each in rule.iter("NewerNoncurrentVersions"):
            raise _unknown(each, "a rule of the lifecycle")
        for scope in rule.findall("Filter"):
            _spread(rule, scope)
        _rename(rule, _NAMES)
        for path in _CLASSES:
            for element in rule.findall(path):
                element.text = STORAGE_CLASSES.get(element.text or "", element.text)
        for date in rule.iter("Date"):
            date.text = (date.text or "").removesuffix("+00:00").removesuffix("Z").removesuffix(".000") + ".000Z"
    return serialize(document).encode()


def lifecycle_to_s3(body: bytes) -> bytes:
    """Return a lifecycle document as it is kept in S3's form, but for storage classes; what S3 cannot say stays in OSS's words."""
    document = parse(body, ROOT)
    for rule in document.findall("Rule"):
        for scope in rule.findall("Filter"):
            _gather(rule, scope)
        _rename(rule, [(ours, theirs) for theirs, ours in reversed(_NAMES)])
    return serialize(document).encode()


def _rename(rule: Element, names: Iterable[tuple[str, str]]) -> None:
    for path, name in names:
        for element in rule.findall(path):
            element.tag = name.rpartition("/")[2]


def _spread(rule: Element, scope: Element) -> None:
    """Put the conditions of a rule's `Filter` where OSS has them."""
    both = scope.find("And")
    conditions = list(scope if both is None else both)
    scope[:] = [each for each in conditions if each.tag in _KEPT]
    for each in conditions:
        if each.tag in _MOVED:
            rule.append(each)
        elif each.tag not in _KEPT:
            raise _unknown(each, "the Filter of a rule")


def _gather(rule: Element, scope: Element) -> None:
    """Put a rule's conditions into its `Filter`."""
    conditions = [each for each in rule if each.tag in _MOVED]
    for each in conditions:
        rule.remove(each)
    conditions += list(scope)
    scope[:] = []
    (SubElement(scope, "And") if len(conditions) > 1 else scope).extend(conditions)


def _unknown(element: Element, where: str) -> OssError:
    """Return the error for an element that OSS has no counterpart of. Source: OSS, "Troubleshooting", 0014-00000003."""
    return OssError("NotImplemented", f"not implemented: {element.tag[:100]} in {where}", ec="0014-00000003")
