"""Access points: further names of a bucket, each with a policy of its own. Pure.

A request that names a bucket by an access point's alias needs what it always needs, and that the access point's policy allows
it. The owner's account itself may do everything, as with its buckets' policies (assumed).

Sources: OSS, "Access points", CreateAccessPoint, GetAccessPoint, PutAccessPointPolicy, PutAccessPointPublicAccessBlock. That one
whose name is taken is refused as AccessPointAlreadyExists, and how an alias is drawn, is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4
from xml.etree.ElementTree import SubElement

from localcloud.kernel.identity import Identity
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.policy import evaluate
from localcloud.oss.settings.schema import check_form, choice, group, invalid, text
from localcloud.oss.settings.setting import keep, kept_tree
from localcloud.oss.settings.table import PUBLIC_ACCESS_BLOCK, blocks_public_access
from localcloud.oss.xml import parse
from localcloud.ram.policy import Effect, Request

ALIAS = "-ossalias"  # the end of each alias
MOST = 100  # of a bucket
_ROOT = "CreateAccessPointConfiguration"
_BEGIN, _POLICY, _BLOCK = "accessPoint/", "accessPointPolicy/", "accessPointPublicAccessBlock/"  # keys among settings
_NAME = re.compile(rf"(?!.*{ALIAS}$)[a-z0-9][a-z0-9-]{{1,17}}[a-z0-9]")
_FIELDS = {
    "AccessPointName": text(required=True),
    "NetworkOrigin": choice("internet", "vpc", required=True),
    "VpcConfiguration": group({"VpcId": text()}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessPoint:
    """An access point."""

    name: str
    bucket: str
    alias: str
    origin: str  # internet or vpc
    vpc: str | None  # its id; None: the origin is the internet
    created: int  # seconds since the epoch
    policy: str | None  # JSON
    blocked: bool  # for the public

    def arn(self, region: str, account_id: str) -> str:
        """Return its ARN."""
        return f"acs:oss:{region}:{account_id}:accesspoint/{self.name}"


def read_point(body: bytes, now: float) -> tuple[str, str]:
    """Return the name of an access point and its document, as it is kept, from the one that a request puts.

    Raises:
        OssError: MalformedXML, InvalidArgument.
    """
    document = parse(body, _ROOT)
    check_form(document, _FIELDS)
    name, vpc = document.findtext("AccessPointName") or "", document.findtext("VpcConfiguration/VpcId")
    if not _NAME.fullmatch(name):
        why = f"The name of an access point has 3 to 19 lower-case letters, digits and hyphens, and no end {ALIAS}."
        raise invalid("AccessPointName", name, why)
    if document.findtext("NetworkOrigin") == "vpc" and not vpc:
        raise invalid("VpcId", "", "An access point whose network origin is vpc needs the id of one.")
    SubElement(document, "Alias").text = f"{name}-{uuid4().hex}{ALIAS}"
    SubElement(document, "CreationDate").text = str(int(now))
    return name, keep(document)


def add_point(name: str, document: str, others: Callable[[], list[Bucket]]) -> Callable[[Bucket], str]:
    """Return the change that keeps a new access point in a bucket.

    Args:
        name: its name, which no other of the account has.
        document: it.
        others: returns the buckets of the account.
    """

    def change(bucket: Bucket) -> str:
        if any(key_of(name) in other.settings for other in others()):
            raise OssError("AccessPointAlreadyExists", "The access point already exists.", {"AccessPointName": name})
        if len(points_of(bucket)) >= MOST:
            raise invalid("AccessPointName", name, f"A bucket has up to {MOST} access points.")
        return document

    return change


def key_of(name: str) -> str:
    """Return the key of an access point among its bucket's settings."""
    return _BEGIN + name


def policy_key_of(name: str) -> str:
    """Return the key of an access point's policy among its bucket's settings."""
    return _POLICY + name


def block_key_of(name: str) -> str:
    """Return the key of an access point's block of public access among its bucket's settings."""
    return _BLOCK + name


def without_point(bucket: Bucket, name: str) -> Bucket:
    """Return a bucket without one of its access points.

    Raises:
        OssError: NoSuchAccessPoint.
    """
    find_point(bucket, name)
    gone = {key_of(name), policy_key_of(name), block_key_of(name)}
    return replace(bucket, settings={key: value for key, value in bucket.settings.items() if key not in gone})


def points_of(bucket: Bucket) -> list[AccessPoint]:
    """Return the access points of a bucket in the order of their names."""
    names = sorted(key.removeprefix(_BEGIN) for key in bucket.settings if key.startswith(_BEGIN))
    return [find_point(bucket, name) for name in names]


def find_point(bucket: Bucket, name: str) -> AccessPoint:
    """Return an access point of a bucket.

    Raises:
        OssError: NoSuchAccessPoint.
    """
    kept = bucket.settings.get(key_of(name))
    if kept is None:
        raise OssError("NoSuchAccessPoint", "Accesspoint not found", {"AccessPointName": name[:100]})
    document = kept_tree(kept, _ROOT)
    block = bucket.settings.get(block_key_of(name))
    return AccessPoint(
        name=name,
        bucket=bucket.name,
        alias=document.findtext("Alias") or "",
        origin=document.findtext("NetworkOrigin") or "",
        vpc=document.findtext("VpcConfiguration/VpcId"),
        created=int(document.findtext("CreationDate") or 0),
        policy=bucket.settings.get(policy_key_of(name)),
        blocked=block is not None
        and kept_tree(block, PUBLIC_ACCESS_BLOCK.root).findtext("BlockPublicAccess") == "true",
    )


def find_alias(buckets: list[Bucket], alias: str) -> AccessPoint | None:
    """Return the access point of an alias, or None."""
    name = alias.removesuffix(ALIAS).rpartition("-")[0]  # as `read_point` draws it
    named = (find_point(bucket, name) for bucket in buckets if key_of(name) in bucket.settings)
    return next((point for point in named if point.alias == alias), None)


def conditions_of(point: AccessPoint, arn: str, account_id: str) -> Mapping[str, str]:
    """Return the condition keys by which policies ask for the access point of a request, and their values."""
    return {
        "oss:DataAccessPointArn": arn,
        "oss:DataAccessPointAccount": account_id,
        "oss:AccessPointNetworkOrigin": point.origin,
    }


def admits(bucket: Bucket, point: AccessPoint, identity: Identity | None, request: Request) -> bool:
    """Return True if an access point lets a request pass; the bucket's policies still have to.

    Args:
        bucket: the bucket.
        point: the access point.
        identity: who asks; None: anybody.
        request: the request, of a resource below the access point's ARN.
    """
    if point.origin != "internet":
        return False  # no request comes from a VPC
    if identity is not None and identity.is_account and identity.account_id == bucket.owner:
        return True
    if point.policy is None:
        return False
    blocked = is_blocked(bucket, point)
    return evaluate(point.policy, identity, request, owner=bucket.owner, blocked=blocked) is Effect.ALLOW


def is_blocked(bucket: Bucket, point: AccessPoint) -> bool:
    """Return True if an access point, its bucket or its account blocks public access."""
    return point.blocked or blocks_public_access(bucket)
