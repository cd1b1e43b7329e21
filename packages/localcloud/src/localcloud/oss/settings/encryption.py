"""Encryption of objects on the server, and the default of a bucket. Nothing is enciphered here: it is kept and told, as OSS does.

Sources: OSS, PutBucketEncryption, "Server-side encryption"; "Troubleshooting", 0005-00000204, -205, -208, -214 and -215, which
give status and finer code. The names of the last two's codes are KMS's own ("Impact of CMK status on API operations"), to which
these pages refer: that OSS passes them on is assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from xml.etree.ElementTree import Element

from localcloud.kernel.xml import render
from localcloud.kms.model import State, default_key_id
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import group, invalid, text
from localcloud.oss.settings.setting import Options, Setting
from localcloud.oss.xml import parse

KeyState = Callable[[str, str], State | None]  # of an account's key of that id in KMS; None: there is none
ALGORITHMS = frozenset({"AES256", "KMS", "SM4"})
ALGORITHM = "x-oss-server-side-encryption"  # headers
KEY = f"{ALGORITHM}-key-id"
DATA_ALGORITHM = "x-oss-server-side-data-encryption"
_ELEMENTS = {ALGORITHM: "SSEAlgorithm", KEY: "KMSMasterKeyID", DATA_ALGORITHM: "KMSDataEncryption"}
_RULE = "ApplyServerSideEncryptionByDefault"
_FINER = {"KMSMasterKeyID": "0005-00000204"}  # codes of elements that do not belong there


def _check(document: Element, options: Options) -> None:
    algorithm = document.findtext(f"{_RULE}/SSEAlgorithm") or ""
    check_algorithm("SSEAlgorithm", algorithm)
    for rule in document.iter(_RULE):
        for empty in [each for each in rule if not each.text]:  # as the SDK for Java sends a key that it has not
            rule.remove(empty)
        for unused in rule.findall("KMSDataEncryption") if algorithm != "KMS" else ():
            rule.remove(unused)  # which OSS passes over: the suite of its SDK for Python
    for name, value in (("KMSMasterKeyID", None), ("KMSDataEncryption", "SM4")):
        given = document.findtext(f"{_RULE}/{name}")
        if given and (algorithm != "KMS" or (value is not None and given != value)):
            raise invalid(name, given, f"{name} is not applicable if SSEAlgorithm is {algorithm}.", ec=_FINER.get(name))


SETTING = Setting(
    parameter="encryption",
    action="BucketEncryption",
    root="ServerSideEncryptionRule",
    absent="NoSuchServerSideEncryptionRule",
    fields={
        _RULE: group(
            {"SSEAlgorithm": text(required=True), "KMSMasterKeyID": text(), "KMSDataEncryption": text()}, required=True
        )
    },
    check=_check,
)


def check_algorithm(name: str, algorithm: str) -> str:
    """Return the name of an algorithm.

    Raises:
        OssError: InvalidEncryptionAlgorithmError.
    """
    if algorithm not in ALGORITHMS:
        raise OssError(
            "InvalidEncryptionAlgorithmError",
            f"The Encryption request you specified is not valid. Supported value: {'/'.join(sorted(ALGORITHMS))}.",
            {"ArgumentName": name, "ArgumentValue": algorithm[:100]},
        )
    return algorithm


def read_encryption(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the encryption that a request asks for, as headers; empty: it asks for none.

    Raises:
        OssError: InvalidEncryptionAlgorithmError, InvalidArgument (a key without KMS, or an empty one).
    """
    if headers.get(ALGORITHM) == "KMS" and headers.get(KEY) == "":
        raise invalid(KEY, "", f"{KEY} is empty.", ec="0005-00000205")
    found = {name: headers[name] for name in (ALGORITHM, KEY, DATA_ALGORITHM) if headers.get(name)}
    if ALGORITHM in found:
        check_algorithm(ALGORITHM, found[ALGORITHM])
        if found[ALGORITHM] != "KMS":
            found.pop(DATA_ALGORITHM, None)  # which OSS passes over: the suite of its SDK for Python
    for name in found.keys() - {ALGORITHM}:
        if found.get(ALGORITHM) != "KMS" or (name == DATA_ALGORITHM and found[name] != "SM4"):
            raise invalid(name, found[name], f"{name} is not applicable if {ALGORITHM} is not KMS.")
    return found


def default_of(encryption: Mapping[str, str]) -> str | None:
    """Return the document of a bucket whose default is what `read_encryption` returned; None: it has none."""
    if not encryption:
        return None
    names = {element: encryption[header] for header, element in _ELEMENTS.items() if header in encryption}
    return render(SETTING.root, {_RULE: names}).decode()


def complete(encryption: Mapping[str, str], bucket: Bucket) -> dict[str, str]:
    """Return the encryption of an object: as asked for, else the bucket's default; KMS's own key where none is named."""
    found = dict(encryption) or dict(_default(bucket.settings.get(SETTING.parameter, "")))
    if found.get(ALGORITHM) == "KMS":
        found.setdefault(KEY, default_key_id(bucket.owner, "oss"))
    return found


def check_key_state(encryption: Mapping[str, str], owner: str, key_state: KeyState) -> None:
    """Refuse to write or read an object whose key does not encipher or decipher; it is one of its bucket's owner.

    Raises:
        OssError: InvalidArgument (KMS has no such key), Rejected.Disabled, Rejected.PendingDeletion.
    """
    key = encryption.get(KEY)
    state = State.ENABLED if key is None else key_state(owner, key)
    if state is None:
        raise OssError(
            "InvalidArgument",
            "The KMS key ID is invalid: there is no such key in KMS.",
            {"ArgumentName": KEY, "ArgumentValue": str(key)[:100]},
            ec="0005-00000208",
        )
    if state is not State.ENABLED:
        raise OssError(
            f"Rejected.{state}",
            f"The request was rejected because the key state is {state}.",
            {"ArgumentName": KEY, "ArgumentValue": str(key)},
        )


@lru_cache(maxsize=256)
def _default(document: str) -> Mapping[str, str]:
    if not document:
        return {}
    rule = parse(document.encode(), SETTING.root)
    found = {header: rule.findtext(f"{_RULE}/{name}") for header, name in _ELEMENTS.items()}
    return {header: text for header, text in found.items() if text}
