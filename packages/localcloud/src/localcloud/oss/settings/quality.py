"""Bandwidth and rate of a bucket. The rate is limited; bandwidths, which begin at 1 Gbit/s, are kept and given back.

Source: OSS, PutBucketQoSInfo (units: Gbit/s, requests/s; -1: no limit of its own). The limits of an account are assumed.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import invalid, number
from localcloud.oss.settings.setting import Options, Setting, kept_tree

# Gbit/s, and requests/s (OSS, "Limits and performance metrics"). Were the last -1, the suite of OSS's SDK for Java would give its
# bucket one more, which is 0, and be locked out.
ACCOUNT = {"UploadBandwidth": 10, "DownloadBandwidth": 10, "Qps": 10000}
_KINDS = tuple(ACCOUNT)
_MOST = 10**9


def _check(document: Element, options: Options) -> None:
    for name in SETTING.fields:
        if document.find(name) is None:
            SubElement(document, name).text = "-1"
    for kind in _KINDS:
        total = _value(document, f"Total{kind}")
        limit = ACCOUNT[kind]
        if total > limit:
            raise invalid(f"Total{kind}", str(total), f"Total{kind} is more than the account has: {limit}.")
        for part in ("Intranet", "Extranet"):
            value = _value(document, f"{part}{kind}")
            if value > (limit if total == -1 else total):
                raise invalid(f"{part}{kind}", str(value), f"{part}{kind} is more than Total{kind}.")


def rates_of(bucket: Bucket, *, internal: bool) -> dict[str, int]:
    """Return the most requests a second that a bucket takes, in all and over one network, where it limits them.

    Args:
        bucket: the bucket.
        internal: the network is the intranet.
    """
    document = bucket.settings.get(SETTING.parameter)
    if document is None:
        return {}
    tree = kept_tree(document, SETTING.root)
    rates = {network: _value(tree, f"{network}Qps") for network in ("Total", "Intranet" if internal else "Extranet")}
    return {network: rate for network, rate in rates.items() if rate >= 0}


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
    f"{part}{kind}": ACCOUNT[kind] if part == "Total" else -1
    for part in ("Total", "Intranet", "Extranet")
    for kind in _KINDS
}
