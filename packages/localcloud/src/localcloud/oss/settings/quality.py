"""Bandwidth and rate of a bucket, kept and given back; the embedded cloud limits none.

Source: OSS, PutBucketQoSInfo (units: Gbit/s, requests/s; -1: no limit of its own). The limits of an account are assumed.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from localcloud.oss.settings.schema import invalid, number
from localcloud.oss.settings.setting import Options, Setting

ACCOUNT = {"Upload": 10, "Download": 10}  # Gbit/s
_KINDS = ("UploadBandwidth", "DownloadBandwidth", "Qps")
_MOST = 10**9


def _check(document: Element, options: Options) -> None:
    for name in SETTING.fields:
        if document.find(name) is None:
            SubElement(document, name).text = "-1"
    for kind in _KINDS:
        total = _value(document, f"Total{kind}")
        limit = ACCOUNT.get(kind.removesuffix("Bandwidth"), _MOST)
        if total > limit:
            raise invalid(f"Total{kind}", str(total), f"Total{kind} is more than the account has: {limit}.")
        for part in ("Intranet", "Extranet"):
            value = _value(document, f"{part}{kind}")
            if value > (limit if total == -1 else total):
                raise invalid(f"{part}{kind}", str(value), f"{part}{kind} is more than Total{kind}.")


def _value(document: Element, name: str) -> int:
    return int(document.findtext(name) or -1)


SETTING = Setting(
    parameter="qosInfo",
    action="BucketQoSInfo",
    root="QoSConfiguration",
    absent="NoSuchBucketQosInfo",
    fields={f"{part}{kind}": number(-1, _MOST) for part in ("Total", "Intranet", "Extranet") for kind in _KINDS},
    check=_check,
)

OF_ACCOUNT = {  # of the parts an account limits none by itself: the suite of OSS's SDK for C++ reads them
    f"{part}{kind}": ACCOUNT.get(kind.removesuffix("Bandwidth"), -1) if part == "Total" else -1
    for part in ("Total", "Intranet", "Extranet")
    for kind in _KINDS
}
