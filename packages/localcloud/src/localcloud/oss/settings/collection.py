"""Settings of which a bucket has several, each under a name: inventories and image styles.

Sources: OSS, PutBucketInventory, ListBucketInventory; PutStyle, ListStyle; "Troubleshooting", 0017-00000250 and -51; the order of
styles: the suite of OSS's SDK for Go. That inventories are listed in the order of names is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import (
    Field,
    boolean,
    check_form,
    choice,
    group,
    invalid,
    meaningless,
    number,
    prefix,
    text,
)
from localcloud.oss.settings.setting import keep
from localcloud.oss.xml import malformed, parse

MAX_SECONDS = 86_400  # between two incremental inventories; assumed
MAX_STYLE_NAME = 63  # characters
BUCKET_ARN = "acs:oss:::"  # and the bucket's name
_NO_PREFIX = "0020-00000034"


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """A subresource of a bucket under which several documents are kept.

    Attributes:
        parameter: its name in the query.
        identifier: the query parameter that names one document.
        action: its name in actions, after `oss:Get`, `oss:Put`, `oss:Delete` and, for the list, `listing`.
        listing: the action of the list.
        root: the root element of a document that is put.
        lists: the root element of the list.
        missing: the error code when there is none of that name.
        names: what a name may be.
        most: how many a bucket may have.
        fields: what a document may hold.
        page: how many a page of the list has, in the order of names; None: the list has no pages, and the order of creation.
        finish: checks a document, or makes it the one that is kept, from its name, the one before and the time.
        target: the path to an element that names a bucket by its ARN; None: no element does.
        role: the path to an element that names a role by its ARN; None: no element does.
        refused: the error code that refuses one of a name that is taken; None: it replaces the one before.
        empty: the error code of a list without documents; None: it is empty.
        misnamed: the finer codes of the errors for a name with another character, and for a longer one; None: there are none.
    """

    parameter: str
    identifier: str
    action: str
    listing: str
    root: str
    lists: str
    missing: str
    names: re.Pattern[str]
    most: int
    fields: Mapping[str, Field]
    page: int | None
    finish: Callable[[Element, str, str | None, float], None]
    target: str | None = None
    role: str | None = None
    refused: str | None = None
    empty: str | None = None
    misnamed: tuple[str, str] | None = None

    def key(self, name: str) -> str:
        """Return the name among a bucket's settings.

        Raises:
            OssError: InvalidArgument.
        """
        if not self.names.fullmatch(name):
            why = f"The value: {name[:100]} of parameter: {self.identifier.lower()} is invalid."
            raise invalid(self.identifier, name, why, ec=self.misnamed and self.misnamed[len(name) > MAX_STYLE_NAME])
        return f"{self.parameter}/{name}"

    def of(self, bucket: Bucket) -> dict[str, str]:
        """Return the documents of a bucket by name, in the order of the list."""
        begin = f"{self.parameter}/"
        keys = bucket.settings if self.page is None else sorted(bucket.settings)
        return {key.removeprefix(begin): bucket.settings[key] for key in keys if key.startswith(begin)}

    def read(
        self,
        body: bytes,
        name: str,
        now: float,
        *,
        find_bucket: Callable[[str], Bucket | None],
        pass_role: Callable[[str], None],
    ) -> Callable[[Bucket], str]:
        """Return the function that makes the document that is kept from the bucket that it is put into.

        Args:
            body: the document.
            name: its name.
            now: seconds since the epoch.
            find_bucket: returns a bucket of the same account and region, or None.
            pass_role: refuses a caller that may not give OSS the role of an ARN.

        Raises:
            OssError: MalformedXML, InvalidArgument, and what `pass_role` raises.
        """
        document = parse(body, self.root)
        check_form(document, self.fields)
        if self.target is not None:
            target = document.findtext(self.target) or ""
            if not target.startswith(BUCKET_ARN) or find_bucket(target.removeprefix(BUCKET_ARN)) is None:
                raise invalid(
                    "Bucket",
                    target,
                    f"The destination of an inventory is {BUCKET_ARN}BUCKET, of the same account and region.",
                )
        if self.role is not None:
            pass_role(document.findtext(self.role) or "")
        key = self.key(name)

        def place(bucket: Bucket) -> str:
            before = bucket.settings.get(key)
            if before is not None and self.refused:
                raise OssError(self.refused, f"The bucket has a {self.root} {name!r} already.")
            if before is None and len(self.of(bucket)) >= self.most:
                raise invalid(self.identifier, name, f"A bucket has up to {self.most} {self.root}.")
            self.finish(document, name, before, now)
            return keep(document)

        return place


def _finish_inventory(document: Element, name: str, before: str | None, now: float) -> None:
    given = document.findtext("Id") or ""
    if given != name:
        raise invalid("Id", given, "The Id of the inventory is not the inventoryId of the request.")
    form = document.findtext("Destination/OSSBucketDestination/Format") or ""
    if form != "CSV":
        raise OssError("NotImplemented", f"not implemented: inventories in {form}")
    lists = document.findtext("Destination/OSSBucketDestination/Prefix") or ""
    if lists.startswith(("/", "\\")):  # the finer code is assumed
        raise invalid(
            "Prefix", lists, "Prefix is the beginning of keys, none of which begins with / or \\.", ec=_NO_PREFIX
        )
    for encryption in document.findall("Destination/OSSBucketDestination/Encryption"):
        if len(encryption) > 1:  # source: the suite of OSS's SDK for Go
            raise malformed("Encryption has both SSE-OSS and SSE-KMS")
    for classes in document.findall("Filter/StorageClass"):  # in order: the suite of OSS's SDK for Java reads them back
        classes.text = ",".join(sorted((classes.text or "").split(",")))


def _finish_style(document: Element, name: str, before: str | None, now: float) -> None:
    content = document.find("Content")
    if content is None or not (content.text or "").strip():
        raise OssError("InvalidArgument", "Style content is invalid.", {"ArgumentName": "Content"})
    created = parse(before.encode(), "Style").findtext("CreateTime") if before else None
    for tag, value in (
        ("Name", name),
        ("Category", "image"),
        ("CreateTime", created or to_milliseconds(now)),
        ("LastModifyTime", to_milliseconds(now)),
    ):
        SubElement(document, tag).text = value


_FIELDS = [
    "Size",
    "LastModifiedDate",
    "ETag",
    "StorageClass",
    "IsMultipartUploaded",
    "EncryptionStatus",
    "ObjectAcl",
    "TaggingCount",
    "ObjectType",
    "Crc64",
    "TransitionTime",
    "ObjectACL",
]
# OSS's SDK for Java, second version, writes IsEnabled a second time, as "enabled": by the name of its method.
_ENABLED = {"IsEnabled": boolean(required=True), "enabled": meaningless()}
_INCREMENTAL = {
    **_ENABLED,
    "Schedule": group({"Frequency": number(1, MAX_SECONDS, required=True)}),
    "OptionalFields": group({"Field": text(many=True)}),
}
INVENTORY = Collection(
    parameter="inventory",
    identifier="inventoryId",
    action="BucketInventory",
    listing="GetBucketInventory",
    root="InventoryConfiguration",
    lists="ListInventoryConfigurationsResult",
    missing="NoSuchInventory",
    names=re.compile(r"[A-Za-z0-9_.-]{1,64}"),
    most=1000,
    fields={
        "Id": text(required=True),
        **_ENABLED,
        "Filter": group(
            {
                "Prefix": prefix(ec="0020-00000021"),
                "LastModifyBeginTimeStamp": number(0, 2**40),
                "LastModifyEndTimeStamp": number(0, 2**40),
                "LowerSizeBound": number(0, 2**50),
                "UpperSizeBound": number(0, 2**50),
                "StorageClass": text(),
            }
        ),
        "Destination": group(
            {
                "OSSBucketDestination": group(
                    {
                        "Format": choice("CSV", "Parquet", "ORC", required=True),
                        "AccountId": text(required=True),
                        "RoleArn": text(required=True),
                        "Bucket": text(required=True),
                        "Prefix": prefix(ec=_NO_PREFIX),
                        "Encryption": group({"SSE-OSS": text(), "SSE-KMS": group({"KeyId": text()})}),
                    },
                    required=True,
                )
            },
            required=True,
        ),
        "IncrementalInventory": group(_INCREMENTAL),
        "Schedule": group({"Frequency": choice("Daily", "Weekly", required=True)}, required=True),
        "IncludedObjectVersions": choice("All", "Current", required=True),
        "OptionalFields": group({"Field": choice(*_FIELDS, many=True)}),
    },
    page=100,
    finish=_finish_inventory,
    target="Destination/OSSBucketDestination/Bucket",
    role="Destination/OSSBucketDestination/RoleArn",
    refused="InventoryAlreadyExist",
    empty="NoSuchInventory",
)
STYLE = Collection(
    parameter="style",
    identifier="styleName",
    action="Style",
    listing="ListStyle",
    root="Style",
    lists="StyleList",
    missing="NoSuchStyle",
    names=re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_STYLE_NAME}}}"),
    most=50,
    fields={"Content": text(required=True)},
    page=None,
    finish=_finish_style,
    misnamed=("0017-00000251", "0017-00000250"),
)
COLLECTIONS = (INVENTORY, STYLE)
