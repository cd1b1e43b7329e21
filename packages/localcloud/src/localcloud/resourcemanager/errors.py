"""The errors of Resource Manager: one class, whose codes are the documented ones.

Source: Resource Manager, the pages of the operations on resource groups and service-linked roles.
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
    "MissingParameter": 400,
    "NoPermission": 403,
}


class ResourceManagerError(ApiError):
    """A call that Resource Manager refuses; nothing has changed."""

    codes = STATUS
