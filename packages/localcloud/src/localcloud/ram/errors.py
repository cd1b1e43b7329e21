"""The errors of RAM: one class, whose codes are the documented ones.

Source: RAM, "Error codes".
"""

from __future__ import annotations

from localcloud.kernel.errors import ApiError

# HTTP status by the first part of the code.
STATUS = {
    "DeleteConflict": 409,
    "EntityAlreadyExists": 409,
    "EntityNotExist": 404,
    "InvalidParameter": 400,
    "LimitExceeded": 409,
    "MalformedPolicyDocument": 400,
    "MissingParameter": 400,
    "NoPermission": 403,
}


class RamError(ApiError):
    """A call that RAM refuses; nothing has changed."""

    codes = STATUS
