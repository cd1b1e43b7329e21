"""Errors of the ROS API: each has its code and its HTTP status; and the reasons for which resources cannot be changed.

Source: ROS, "API overview", "Error codes" of each operation.
"""

from __future__ import annotations

from localcloud.kernel.access import Denial
from localcloud.kernel.errors import ApiError

STATUS = {
    "ActionInProgress": 409,
    "ChangeSetExists": 409,
    "ChangeSetNotFound": 404,
    "CircularDependency": 400,
    "DriftDetectionNotFound": 404,
    "Forbidden.RAM": 403,
    "IdempotentParameterMismatch": 400,
    "InvalidChangeSetStatus": 409,
    "InvalidParameter": 400,
    "InvalidRegionId": 400,
    "InvalidTemplateReference": 400,
    "InvalidTemplateSection": 400,
    "InvalidTemplateURL": 400,
    "InvalidTemplateVersion": 400,
    "LimitExceeded.TemplateVersion": 400,
    "MissingChangeSetId": 400,
    "MissingChangeSetName": 400,
    "MissingDeletionProtection": 400,
    "MissingDriftDetectionId": 400,
    "MissingLogicalResourceId": 400,
    "MissingNewResourceGroupId": 400,
    "MissingResourceId": 400,
    "MissingResourceType": 400,
    "MissingStackId": 400,
    "MissingStackName": 400,
    "MissingStackPolicyBody": 400,
    "MissingTemplateBody": 400,
    "MissingTemplateId": 400,
    "MissingTemplateName": 400,
    "NotSupported": 400,
    "ResourceNotFound": 404,
    "ResourceTypeNotFound": 404,
    "ServiceUnavailable": 503,
    "StackDeletionProtected": 400,
    "StackExists": 409,
    "StackNotFound": 404,
    "StackValidationFailed": 400,
    "TemplateExists": 409,
    "TemplateNotFound": 404,
    "UnknownUserParameter": 400,
    "UserParameterMissing": 400,
}


class RosError(ApiError):
    """A refused request."""

    codes = STATUS


def forbidden(denial: Denial) -> RosError:
    """Return the error of a denial."""
    return RosError("Forbidden.RAM", f"You are not authorized to do {denial.action} on {denial.resource}.")


class TemplateError(RosError):
    """A template, or a value given for one of its parameters, is not valid.

    Args:
        message: the mistake, and its place.
        code: of the API, where it documents a special one ("CreateStack", "Error codes").
    """

    def __init__(self, message: str, *, code: str = "StackValidationFailed") -> None:
        super().__init__(code, message)


class ResourceError(Exception):
    """A resource cannot be created, updated or deleted; the text becomes the reason of its event.

    Attributes:
        physical_id: of what a failed creation left, which has to be deleted; empty: nothing.
    """

    def __init__(self, reason: str, *, physical_id: str = "") -> None:
        super().__init__(reason)
        self.physical_id = physical_id


class RefusedError(ResourceError):
    """Whoever asks may not do what a change of a resource needs; nothing of it was done."""
