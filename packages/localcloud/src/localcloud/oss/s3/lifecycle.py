"""Lifecycle rules in S3's form and in OSS's. Pure.

S3 puts a rule's scope into `Filter`, and into `And` there when it has several conditions; OSS has prefix and tags in the
rule itself.

Sources: Amazon S3 API reference, PutBucketLifecycleConfiguration; OSS, PutBucketLifecycle, "Compatibility with Amazon S3". That OSS
takes `Filter` from S3's clients is assumed.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from localcloud.kernel.xml import serialize
from localcloud.oss.errors import OssError
from localcloud.oss.s3.headers import S3_CLASSES, STORAGE_CLASSES
from localcloud.oss.xml import parse

ROOT = "LifecycleConfiguration"
_SIZES = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
_TRANSITIONS = ("Transition", "NoncurrentVersionTransition")


def lifecycle_to_oss(body: bytes) -> bytes:
    """Return a lifecycle document that a client of S3 puts, in OSS's form.

    Raises:
        OssError: MalformedXML, NotImplemented (an element that OSS has no counterpart of).
    """
    document = parse(body, ROOT)
    for rule in document.findall("Rule"):
        for each in rule.iter("NewerNoncurrentVersions"):
            raise OssError("NotImplemented", f"not implemented: {each.tag} in a rule of the lifecycle")
        _spread_filter(rule)
        for element in rule.findall("AbortIncompleteMultipartUpload"):
            element.tag = "AbortMultipartUpload"
            for days in element.findall("DaysAfterInitiation"):
                days.tag = "Days"
        for action in _TRANSITIONS:
            for storage_class in rule.findall(f"{action}/StorageClass"):
                storage_class.text = STORAGE_CLASSES.get(storage_class.text or "", storage_class.text)
        for date in rule.iter("Date"):
            date.text = (date.text or "").removesuffix("+00:00").removesuffix("Z").removesuffix(".000") + ".000Z"
    return serialize(document).encode()


def _spread_filter(rule: Element) -> None:
    """Put the conditions of a rule's `Filter` where OSS has them."""
    scope = rule.find("Filter")
    if scope is None:
        return
    rule.remove(scope)
    both = scope.find("And")
    conditions = list(scope if both is None else both)
    sizes = Element("Filter")
    for condition in conditions:
        if condition.tag in _SIZES:
            sizes.append(condition)
        elif condition.tag in {"Prefix", "Tag"}:
            rule.append(condition)
        else:
            raise OssError("NotImplemented", f"not implemented: {condition.tag[:100]} in the Filter of a rule")
    if len(sizes):
        rule.append(sizes)


def lifecycle_to_s3(body: bytes) -> bytes:
    """Return a lifecycle document as it is kept in S3's form; what S3 cannot say stays in OSS's words."""
    document = parse(body, ROOT)
    for rule in document.findall("Rule"):
        conditions = [each for each in rule if each.tag in {"Prefix", "Tag"}]
        for each in conditions:
            rule.remove(each)
        for own in rule.findall("Filter"):
            conditions += list(own)
            rule.remove(own)
        scope = SubElement(rule, "Filter")
        (SubElement(scope, "And") if len(conditions) > 1 else scope).extend(conditions)
        for element in rule.findall("AbortMultipartUpload"):
            element.tag = "AbortIncompleteMultipartUpload"
            for days in element.findall("Days"):
                days.tag = "DaysAfterInitiation"
        for action in _TRANSITIONS:
            for storage_class in rule.findall(f"{action}/StorageClass"):
                storage_class.text = S3_CLASSES.get(storage_class.text or "", storage_class.text)
    return serialize(document).encode()
