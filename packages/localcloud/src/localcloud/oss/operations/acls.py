"""Access control lists: which may be set, and which counts."""

from __future__ import annotations

from dataclasses import replace

from localcloud.oss.errors import OssError
from localcloud.oss.model import ACLS, Bucket, StoredObject
from localcloud.oss.settings import blocks_public_access


def check_acl(acl: str) -> None:
    """Refuse what is no ACL.

    Raises:
        OssError: InvalidArgument.
    """
    if acl not in ACLS:
        raise OssError(
            "InvalidArgument",
            f"no such bucket access control exists: {acl}; expected one of {', '.join(sorted(ACLS))}",
            {"ArgumentName": "x-oss-acl", "ArgumentValue": acl},
        )


def check_object_acl(bucket: Bucket, acl: str) -> None:
    """Refuse an ACL that an object of the bucket may not have.

    Raises:
        OssError: InvalidArgument, AccessDenied (a public ACL, which the bucket blocks).
    """
    if acl == "default":
        return
    check_acl(acl)
    if acl != "private" and blocks_public_access(bucket):
        raise OssError(
            "AccessDenied", "Put public object acl is not allowed: the bucket blocks public access.", {"ObjectAcl": acl}
        )


def with_acl(bucket: Bucket, acl: str) -> Bucket:
    """Return the bucket with another ACL.

    Raises:
        OssError: InvalidArgument, AccessDenied (a public ACL, which the bucket blocks).
    """
    check_acl(acl)
    if acl != "private" and blocks_public_access(bucket):
        raise OssError("AccessDenied", "Put public bucket acl is not allowed: the bucket blocks public access.")
    return replace(bucket, acl=acl)


def effective_acl(bucket: Bucket, item: StoredObject | None) -> str:
    """Return the ACL that counts for an object; None: for one that does not exist yet."""
    acl = bucket.acl if item is None or item.attributes.acl == "default" else item.attributes.acl
    return "private" if acl != "private" and blocks_public_access(bucket) else acl
