"""Headers and queries of the S3 protocol, in OSS's words and back. Pure.

Most differ in their prefix only; `x-amz-` headers without a counterpart are refused by name, never passed over in silence.

Source: OSS, "Compatibility with Amazon S3".
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.oss.errors import OssError

# Headers that OSS has with its own prefix, and the same meaning.
_SAME = frozenset(
    """bypass-governance-retention copy-source copy-source-if-match copy-source-if-modified-since copy-source-if-none-match
    copy-source-if-unmodified-since copy-source-range metadata-directive request-payer security-token tagging
    tagging-directive""".split()  # noqa: SIM905 - a line each would fill half a page
)
# Headers that this edge obeys itself, or that say nothing about the outcome.
_OBEYED = frozenset(
    """api-version checksum-algorithm checksum-mode checksum-type date
    decoded-content-length mp-object-size optional-object-attributes
    sdk-checksum-algorithm te trailer user-agent""".split()  # noqa: SIM905 - likewise
)
# Headers that ask for what OSS has not; with `false` they ask for nothing.
_SWITCHES = frozenset({"bucket-object-lock-enabled", "server-side-encryption-bucket-key-enabled"})
STORAGE_CLASSES = {
    "STANDARD": "Standard",
    "STANDARD_IA": "IA",
    "ONEZONE_IA": "IA",
    "GLACIER": "Archive",
    "DEEP_ARCHIVE": "ColdArchive",
}
S3_CLASSES = {ours: theirs for theirs, ours in STORAGE_CLASSES.items() if theirs != "ONEZONE_IA"}
ENCRYPTIONS = {"AES256": "AES256", "aws:kms": "KMS"}
S3_ENCRYPTIONS = {ours: theirs for theirs, ours in ENCRYPTIONS.items()}
_KEY = "server-side-encryption-aws-kms-key-id"  # and OSS's; that OSS takes the former is assumed
_OSS_KEY = "server-side-encryption-key-id"
# Headers of OSS's answers that S3 has not.
_OSS_ONLY = frozenset(
    {
        "x-oss-hash-crc64ecma",
        "x-oss-object-type",
        "x-oss-server-time",
        "x-oss-ec",
        "x-oss-err",
        "x-oss-next-append-position",
        "x-oss-sealed-time",
    }
)
_SIGNATURE = frozenset({"algorithm", "credential", "date", "expires", "signedheaders", "signature", "security-token"})


def to_oss(
    headers: Mapping[str, str], query: Mapping[str, str], *, is_bucket: bool, writes: bool = False
) -> dict[str, str]:
    """Return a request's headers in OSS's words, by lower-case name.

    Args:
        headers: by lower-case name.
        query: decoded; presigned URLs may carry headers in it.
        is_bucket: the request names a bucket and no object.
        writes: the request makes an object, so that `If-None-Match: *` asks for one that is not there yet.

    Raises:
        OssError: NotImplemented (a header without counterpart), InvalidArgument.
    """
    hoisted = {
        name.lower(): value
        for name, value in query.items()
        if name.lower().startswith("x-amz-") and name.lower()[6:] not in _SIGNATURE
    }
    translated = {"x-oss-range-behavior": "standard"}  # S3's ranges end where the object does (assumed of OSS, too)
    for name, value in {**hoisted, **headers}.items():
        if name.startswith("x-oss-"):
            raise OssError("InvalidArgument", f"{name}: a request that AWS's signature signs carries x-amz- headers.")
        if name.startswith("x-amz-"):
            translated |= _translate(name[6:], value, is_bucket=is_bucket)
        elif writes and name == "if-none-match" and value.strip() == "*":
            translated["x-oss-forbid-overwrite"] = "true"
        elif name == "content-encoding" and "aws-chunked" in value:
            kept = [each.strip() for each in value.split(",") if each.strip() not in {"aws-chunked", ""}]
            translated |= {name: ",".join(kept)} if kept else {}
        else:
            translated[name] = value
    return translated


def _translate(name: str, value: str, *, is_bucket: bool) -> dict[str, str]:
    if name in _OBEYED or name.startswith("checksum-") or (name in _SWITCHES and value.lower() == "false"):
        return {}
    if name in _SAME or name.startswith("meta-"):
        return {f"x-oss-{name}": value}
    if name == "acl":
        return {"x-oss-acl" if is_bucket else "x-oss-object-acl": value}
    if name == "content-sha256":
        return {} if value.startswith(("UNSIGNED", "STREAMING")) else {"x-oss-content-sha256": value}
    if name == "storage-class":
        return {"x-oss-storage-class": STORAGE_CLASSES.get(value, value)}
    if name == _KEY:
        return {f"x-oss-{_OSS_KEY}": value}
    if name == "server-side-encryption":
        return {"x-oss-server-side-encryption": ENCRYPTIONS.get(value, value)}
    raise OssError("NotImplemented", f"not implemented: the header x-amz-{name}")


def query_to_oss(query: Mapping[str, str], *, lists: str | None) -> dict[str, str]:
    """Return a request's query in OSS's words.

    Args:
        query: decoded.
        lists: the level that the request lists, a bucket's or the service's; S3's pages have 1,000 entries unless it says
            otherwise. None: it lists nothing.

    Raises:
        OssError: NotImplemented (an operation of S3 that OSS has not, or has with another document).
    """
    if foreign := next((name for name in query if name in _FOREIGN), None):
        raise OssError("NotImplemented", f"not implemented: S3's ?{foreign}")
    kept = {name: value for name, value in query.items() if not name.lower().startswith("x-amz-") and name not in _SENT}
    if lists == "service":
        kept = {_LIST_OF_BUCKETS.get(name, name): value for name, value in kept.items()}
    if lists == "service" or (lists and not kept.keys() - _LIST):
        kept.setdefault("max-keys", "1000")
    return kept


# Parameters that say nothing to an operation: what AWS's SDKs add, and those of a signature of version 2.
_SENT = frozenset({"x-id", "AWSAccessKeyId", "Expires", "Signature"})
# The names of S3's operations that OSS has not: passed over, DeleteBucketOwnershipControls would be DeleteBucket.
_FOREIGN = frozenset(
    """abac accelerate analytics attributes intelligent-tiering inventory legal-hold metadataTable metrics notification
    object-lock ownershipControls publicAccessBlock renameObject select session torrent""".split()  # noqa: SIM905 - as above
)
# S3's and OSS's parameters of ListBuckets. Source of the former: Amazon S3 API reference; that OSS takes them is assumed.
_LIST_OF_BUCKETS = {"max-buckets": "max-keys", "continuation-token": "marker"}
# The parameters of ListObjects and ListObjectsV2, and of ListObjectVersions.
_LIST = frozenset(
    """prefix delimiter encoding-type marker list-type continuation-token start-after fetch-owner
    versions key-marker version-id-marker""".split()  # noqa: SIM905 - as above
)


def to_s3(headers: Mapping[str, str]) -> dict[str, str]:
    """Return an answer's headers in S3's words; those that are no `x-oss-` ones stay."""
    translated = {}
    for name, value in headers.items():
        lower = name.lower()
        if not lower.startswith("x-oss-"):
            translated[name] = value
        elif lower == "x-oss-storage-class":
            if value != "Standard":
                translated["x-amz-storage-class"] = S3_CLASSES.get(value, value)
        elif lower == "x-oss-server-side-encryption":
            translated["x-amz-server-side-encryption"] = S3_ENCRYPTIONS.get(value, value)
        elif lower == f"x-oss-{_OSS_KEY}":
            translated[f"x-amz-{_KEY}"] = value
        elif lower == "x-oss-bucket-region":  # which S3's clients sign with
            translated["x-amz-bucket-region"] = value.removeprefix("oss-")
        elif lower not in _OSS_ONLY:
            translated["x-amz-" + lower[6:]] = value
    return translated
