"""Errors of the OSS API: each has its documented code, its HTTP status, and words that say what to do.

Source: Alibaba Cloud OSS, "Error codes" (https://www.alibabacloud.com/help/en/oss/developer-reference/error-codes).
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.kernel.errors import ApiError

STATUS = {
    "AccessDenied": 403,
    "AccessForbidden": 403,
    "AccessMonitorDisableNotAllowed": 400,  # assumed; the code is from the suite of OSS's SDK for Java
    "AccessPointAlreadyExists": 409,
    "AppendSealedObjectNotAllowed": 400,
    "ArchiveRestoreFileStale": 409,
    "ArchiveRestoreNotFinished": 409,
    "BadDigest": 400,
    "BadRequest": 400,
    "BucketAlreadyExists": 409,
    "BucketCallbackPolicyNotExist": 404,
    "BucketDataRedundancyTransitionTaskExists": 409,
    "BucketNotEmpty": 409,
    "BucketReplicationAlreadyExist": 400,
    "CallbackFailed": 203,
    "CnameTokenNotFound": 404,
    "DecompressFailure": 400,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "FieldItemTooLong": 400,
    "FileAlreadyExists": 409,
    "FileImmutable": 409,
    "Imm Client": 404,
    "IncorrectNumberOfFilesInPOSTRequest": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidCommentCharacter": 400,
    "InvalidCsvLine": 400,
    "InvalidDigest": 400,
    "InvalidEncryptionAlgorithmError": 400,
    "InvalidEncryptionRequest": 400,
    "InvalidInputFieldDelimiter": 400,
    "InvalidInputQuote": 400,
    "InvalidInputRecordDelimiter": 400,
    "InvalidJsonData": 400,
    "InvalidLocationConstraint": 400,
    "InvalidMaxSkippedRecordsAllowed": 400,
    "InvalidObjectName": 400,
    "InvalidObjectState": 403,
    "InvalidOutputFieldDelimiter": 400,
    "InvalidOutputRecordDelimiter": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidPolicyDocument": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidSecurityToken": 403,
    "InvalidSqlParameter": 400,
    "InvalidStorageClass": 400,
    "InvalidTag": 400,
    "InvalidTargetBucket": 400,
    "InvalidTargetBucketForLogging": 400,
    "InvalidTargetLocation": 400,
    "InvalidTargetType": 400,
    "InvalidWORMConfiguration": 400,
    "InventoryAlreadyExist": 409,
    "MalformedPOSTRequest": 400,
    "MalformedXML": 400,
    "MetaQueryAlreadyExist": 409,  # assumed
    "MetaQueryNotExist": 404,
    "MethodNotAllowed": 405,
    "MissingArgument": 400,
    "MissingContentLength": 411,
    "NeedVerifyDomainOwnership": 403,
    "NoSuchAccessPoint": 404,
    "NoSuchAccessPointPolicy": 404,
    "NoSuchBucket": 404,
    "NoSuchAsyncFetchTask": 404,  # assumed
    "NoSuchBucketDataRedundancyTransitionTask": 404,
    "NoSuchBucketOverwriteConfig": 404,
    "NoSuchBucketPolicy": 404,
    "NoSuchBucketQosInfo": 404,
    "NoSuchCORSConfiguration": 404,
    "NoSuchDataPipeline": 404,
    "NoSuchInventory": 404,
    "NoSuchKey": 404,
    "NoSuchLifecycle": 404,
    "NoSuchLiveChannel": 404,
    "NoSuchObjectWormConfiguration": 404,
    "NoSuchRegion": 404,
    "NoSuchReplicationConfiguration": 404,
    "NoSuchReplicationRule": 404,
    "NoSuchServerSideEncryptionRule": 404,
    "NoSuchStyle": 404,
    "NoSuchTransferAccelerationConfiguration": 404,
    "NoSuchUpload": 404,
    "NoSuchUserDefinedLogFieldsConfig": 404,
    "NoSuchVersion": 404,
    "NoSuchWebsiteConfiguration": 404,
    "NoSuchWORMConfiguration": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "NotSymlink": 400,
    "ObjectAlreadyExists": 400,
    "ObjectNotAppendable": 409,
    "OperationNotSupported": 400,
    "PartNotSequential": 400,
    "PositionNotEqualToLength": 409,
    "PreconditionFailed": 412,
    "Rejected.Disabled": 409,
    "Rejected.PendingDeletion": 409,
    "RequestTimeTooSkewed": 403,
    "ResourceGroupIdPreCheckError": 400,
    "RestoreAlreadyInProgress": 409,
    "SecondLevelDomainForbidden": 403,
    "SecurityTokenExpired": 403,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SqlInvalidColumnName": 400,
    "SqlSyntaxError": 400,
    "SymlinkTargetNotExist": 404,
    "TooManyCnameToken": 400,
    "TooManyReplicationRules": 400,
    "UnsupportedCompressionFormat": 400,
    "TotalQpsLimitExceeded": 503,
    "WORMConfigurationLocked": 403,
}
# The finer code of an error's most usual cause. Sources: OSS, "EC error codes" (a page for each), and what OSS's SDKs expect of
# it; an error whose finer code is not published has none.
EC = {
    "AccessDenied": "0003-00000001",
    "ArchiveRestoreNotFinished": "0016-00000719",
    "BucketAlreadyExists": "0015-00000104",
    "BucketNotEmpty": "0015-00000301",
    "BucketReplicationAlreadyExist": "0031-00000044",
    "InvalidAccessKeyId": "0002-00000902",
    "InvalidDigest": "0017-00000503",
    "InvalidEncryptionAlgorithmError": "0005-00000003",
    "InvalidInputRecordDelimiter": "0016-00000829",
    "InvalidJsonData": "0016-00000801",
    "InvalidObjectName": "0016-00000005",
    "InvalidObjectState": "0016-00000404",
    "InvalidOutputFieldDelimiter": "0016-00000828",
    "InvalidPolicyDocument": "0030-00000005",
    "InvalidTargetType": "0026-00000011",
    "MalformedXML": "0031-00000001",
    "NeedVerifyDomainOwnership": "0018-00000115",
    "NoSuchBucket": "0015-00000101",
    "NoSuchBucketPolicy": "0030-00000006",
    "NoSuchCORSConfiguration": "0034-00000001",
    "NoSuchKey": "0026-00000001",
    "NoSuchServerSideEncryptionRule": "0005-00000004",
    "NoSuchReplicationRule": "0031-00000110",
    "NoSuchUpload": "0042-00000002",
    "NoSuchWORMConfiguration": "0027-00000009",
    "NotSymlink": "0043-00000101",
    "ObjectNotAppendable": "0026-00000017",
    "PositionNotEqualToLength": "0026-00000016",
    "Rejected.Disabled": "0005-00000214",
    "Rejected.PendingDeletion": "0005-00000215",
    "RestoreAlreadyInProgress": "0016-00000701",
    "RequestTimeTooSkewed": "0002-00000504",
    "SignatureDoesNotMatch": "0002-00000040",
    "SymlinkTargetNotExist": "0026-00000012",
}


class OssError(ApiError):
    """A refused request.

    Args:
        code: the documented error code; it decides the HTTP status.
        message: what was wrong and what to do.
        detail: further elements of the XML body, by name: texts, or elements within them.
        headers: further headers of the answer.
        ec: the finer code of the cause; None: the one in `EC`, if any.
        status: the HTTP status, where the cause has another one than its code.
    """

    codes = STATUS

    def __init__(
        self,
        code: str,
        message: str,
        detail: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        ec: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(code, message, status)
        self.detail = dict(detail or {})
        self.headers = dict(headers or {})
        self.ec = EC.get(code) if ec is None else ec


def not_allowed(method: str) -> OssError:
    """Return the error for an HTTP method that a resource has not."""
    return OssError("MethodNotAllowed", f"The specified method {method} is not allowed against this resource.")


def no_such_bucket(name: str) -> OssError:
    """Return the error for a name that no bucket has."""
    return OssError("NoSuchBucket", "The specified bucket does not exist.", {"BucketName": name})
