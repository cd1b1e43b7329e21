"""The errors of SLS: each code with its HTTP status.

Source: SLS, "Error codes", and the pages of the operations.
"""

from __future__ import annotations

from localcloud.kernel.errors import ApiError

STATUS = {
    "ConfigAlreadyExist": 400,
    "ConfigNotExist": 404,
    "ConsumerGroupAlreadyExist": 400,
    "ConsumerGroupNotExist": 404,
    "ConsumerGroupQuotaExceed": 400,  # its name is assumed
    "ConsumerNotMatch": 400,
    "DashboardNotExist": 404,
    "IndexAlreadyExist": 400,
    "IndexConfigNotExist": 404,
    "IndexInfoInvalid": 400,
    "InternalServerError": 500,
    "InvalidBodyRawSize": 400,
    "InvalidCompressType": 400,
    "InvalidContentType": 415,
    "InvalidCursor": 400,
    "InvalidDashboardName": 400,
    "InvalidHost": 400,
    "InvalidQueryString": 400,
    "InvalidRequestTime": 400,
    "InvalidShardCheckPoint": 400,
    "InvalidTimeRange": 400,
    "JsonInfoInvalid": 400,
    "LogStoreAlreadyExist": 400,
    "LogStoreInfoInvalid": 400,
    "LogStoreNotExist": 404,
    "MachineGroupAlreadyExist": 400,
    "MachineGroupNotExist": 404,
    "MissingBodyRawSize": 400,
    "NotExistConsumerWithBody": 400,
    "NotImplemented": 400,  # of the embedded cloud alone; not 501, for SDKs ask ten times again after a 5xx
    "ParameterInvalid": 400,
    "PostBodyInvalid": 400,
    "PostBodyTooLarge": 413,
    "PostBodyUncompressError": 400,
    "ProjectAlreadyExist": 400,
    "ProjectNotExist": 404,
    "RequestTimeExpired": 400,
    "SavedSearchNotExist": 404,
    "ServerBusy": 503,
    "ShardNotExist": 400,
    "SignatureNotMatch": 401,
    "Unauthorized": 401,
}


class SlsError(ApiError):
    """A call that SLS refuses; nothing has changed."""

    codes = STATUS
