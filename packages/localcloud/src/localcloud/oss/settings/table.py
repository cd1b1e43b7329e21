"""The settings of a bucket: one row of `SETTINGS` makes one.

A row is all that a setting takes whose document has no effect: routes, rights and the documents' names follow from it, and an error
code of its own stands in `errors.STATUS`. A setting that has an effect has a module here with the functions that read it.

Source: OSS API reference, "Operations on buckets".
"""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree.ElementTree import Element

from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket, StoredObject
from localcloud.oss.settings import (
    cors,
    encryption,
    https,
    lifecycle,
    logging,
    monitoring,
    overwrite,
    quality,
    referer,
    tags,
    versioning,
    website,
)
from localcloud.oss.settings.schema import boolean, choice, number, text
from localcloud.oss.settings.setting import Options, Setting, kept_tree

RESOURCE_GROUP_ID = re.compile(r"rg-[a-z0-9]{1,30}", re.ASCII)  # which groups there are, OSS here does not know
RESOURCE_GROUP = "rg-default"  # of buckets that are put into no other one


def _check_resource_group(document: Element, options: Options) -> None:
    element = document.find("ResourceGroupId")
    if element is not None and not element.text:
        element.text = RESOURCE_GROUP
    if element is not None and not RESOURCE_GROUP_ID.fullmatch(element.text or ""):
        raise OssError("ResourceGroupIdPreCheckError", "The resource group id precheck error", ec="0039-00000003")


PUBLIC_ACCESS_BLOCK = Setting(
    parameter="publicAccessBlock",
    action="BucketPublicAccessBlock",
    root="PublicAccessBlockConfiguration",
    absent={"BlockPublicAccess": "false"},
    fields={"BlockPublicAccess": boolean()},
)
REQUEST_PAYMENT = Setting(
    parameter="requestPayment",
    action="BucketRequestPayment",
    root="RequestPaymentConfiguration",
    absent={"Payer": "BucketOwner"},
    fields={"Payer": choice("BucketOwner", "Requester", required=True)},
    deletable=False,
)
TRANSFER_ACCELERATION = Setting(
    parameter="transferAcceleration",
    action="BucketTransferAcceleration",
    root="TransferAccelerationConfiguration",
    absent="NoSuchTransferAccelerationConfiguration",
    fields={"Enabled": boolean(required=True)},
)
RESOURCE_GROUPS = Setting(
    parameter="resourceGroup",
    action="BucketResourceGroup",
    root="BucketResourceGroupConfiguration",
    absent={"ResourceGroupId": RESOURCE_GROUP},
    fields={"ResourceGroupId": text(required=True)},
    check=_check_resource_group,
    deletable=False,
)
ARCHIVE_DIRECT_READ = Setting(
    parameter="bucketArchiveDirectRead",
    action="BucketArchiveDirectRead",
    root="ArchiveDirectReadConfiguration",
    absent={"Enabled": "false"},
    fields={"Enabled": boolean(required=True)},
    deletable=False,
)
SETTINGS = (
    lifecycle.SETTING,
    encryption.SETTING,
    PUBLIC_ACCESS_BLOCK,
    Setting(
        parameter="tagging",
        action="BucketTagging",
        root="Tagging",
        absent={"TagSet": ""},
        fields=tags.FIELDS,
        check=tags.check_bucket_tags,
    ),
    cors.SETTING,
    referer.SETTING,
    logging.SETTING,
    logging.FIELDS,
    website.SETTING,
    REQUEST_PAYMENT,
    TRANSFER_ACCELERATION,
    monitoring.SETTING,
    RESOURCE_GROUPS,
    quality.SETTING,
    Setting(
        parameter="qos",
        action="BucketStorageCapacity",
        root="BucketUserQos",
        absent={"StorageCapacity": "-1"},
        fields={"StorageCapacity": number(-1, 10**15, required=True)},
        deletable=False,
    ),
    https.SETTING,
    ARCHIVE_DIRECT_READ,
    overwrite.SETTING,
    versioning.SETTING,
)
BY_PARAMETER = {setting.parameter: setting for setting in SETTINGS}


def find_text(bucket: Bucket, setting: Setting, path: str) -> str | None:
    """Return the text of an element of a setting's document; None: there is none."""
    document = bucket.settings.get(setting.parameter)
    if document is not None:
        return kept_tree(document, setting.root).findtext(path)
    return None if isinstance(setting.absent, str) else str(setting.absent[path]) if path in setting.absent else None


def blocks_public_access(bucket: Bucket) -> bool:
    """Return True if a bucket's setting, or the account's, forbids public ACLs and disregards those that it has.

    Sources: OSS, PutBucketPublicAccessBlock, PutPublicAccessBlock.
    """
    account = replace(bucket, settings=bucket.of_account)
    return any(find_text(each, PUBLIC_ACCESS_BLOCK, "BlockPublicAccess") == "true" for each in (bucket, account))


def requester_pays(bucket: Bucket) -> bool:
    """Return True if whoever reads a bucket pays for it, and must therefore be somebody.

    Source: OSS, PutBucketRequestPayment.
    """
    return find_text(bucket, REQUEST_PAYMENT, "Payer") == "Requester"


def reads_archives(bucket: Bucket, item: StoredObject) -> bool:
    """Return True if an archived object of a bucket is read without being restored.

    Source: OSS, "Real-time access of Archive objects".
    """
    return (
        item.attributes.storage.storage_class == "Archive"
        and find_text(bucket, ARCHIVE_DIRECT_READ, "Enabled") == "true"
    )
