"""Callbacks that a bucket keeps, each under a name, so that an upload names one instead of describing it.

Source: OSS's SDKs for Python and Java (`put_bucket_callback_policy`); what stands in a callback: OSS, "Callback".
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from localcloud.oss.callbacks import read_callback
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import group, invalid, text
from localcloud.oss.settings.setting import Options, Setting, kept_tree


def _check(document: Element, options: Options) -> None:
    names = [item.findtext("PolicyName") or "" for item in document]
    if len(set(names)) != len(names):
        raise invalid("PolicyName", "", "Two callbacks of the bucket have the same name.")
    for item in document:
        read_callback(item.findtext("Callback") or "", item.findtext("CallbackVar") or "")


SETTING = Setting(
    parameter="callbackPolicy",
    action="BucketCallbackPolicy",
    root="BucketCallbackPolicy",
    absent="BucketCallbackPolicyNotExist",
    fields={
        "PolicyItem": group(
            {"PolicyName": text(required=True), "Callback": text(required=True), "CallbackVar": text()}, many=True
        )
    },
    check=_check,
)


def find_callback(bucket: Bucket | None, name: str) -> tuple[str, str] | None:
    """Return the parameters of a bucket's callback, as a request would give them; None: it has none of that name."""
    document = bucket.settings.get(SETTING.parameter) if bucket else None
    if document is None:
        return None
    for item in kept_tree(document, SETTING.root):
        if item.findtext("PolicyName") == name:
            return item.findtext("Callback") or "", item.findtext("CallbackVar") or ""
    return None
