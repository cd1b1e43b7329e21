"""The errors of KMS: one class, whose codes are the documented ones.

Source: KMS, "Response structure" (public error codes), and the pages of the operations.
"""

from __future__ import annotations

from localcloud.kernel.errors import ApiError

# HTTP status by code, or by its first part.
STATUS = {
    "AliasAlreadyExists": 400,
    "Forbidden.AliasNotFound": 404,
    "Forbidden.KeyNotFound": 404,
    "Forbidden.NoPermission": 403,
    "InvalidParameter": 400,
    "MissingParameter": 400,
    "Rejected.Disabled": 409,
    "Rejected.LimitExceeded": 400,
    "Rejected.PendingDeletion": 409,
    "Rejected.StateModifiedFailed": 409,
    "Rejected.UnsupportedOperation": 400,
}


class KmsError(ApiError):
    """A call that KMS refuses; nothing has changed."""

    codes = STATUS
