"""Errors of the Function Compute API: each has its code and its HTTP status.

Source: Function Compute, "Public errors" of API versions 2016-08-15, 2021-04-06 and 2023-03-30.
"""

from __future__ import annotations

from localcloud.kernel.errors import ApiError

STATUS = {
    "AccessDenied": 403,
    "AliasAlreadyExists": 409,
    "AliasNotFound": 404,
    "AsyncConfigNotExists": 404,
    "BadResponse": 502,  # of a function that an HTTP trigger invokes
    "DomainNameAlreadyExists": 409,
    "DomainNameNotFound": 404,
    "DomainRouteNotFound": 404,
    "EntityTooLarge": 400,
    "FunctionAlreadyExists": 409,
    "FunctionNotFound": 404,
    "InstanceNotAllowed": 412,  # of the embedded cloud alone: what it has no sandbox or no Python for
    "InternalServerError": 500,
    "InvalidAccessKeyID": 403,
    "InvalidArgument": 400,
    "LayerNotFound": 404,
    "LayerVersionNotFound": 404,
    "MethodNotAllowed": 405,  # of an HTTP trigger; assumed
    "MissingRequiredHeader": 400,
    "NotImplemented": 501,
    "OSSInvalidRequest": 400,
    "OnDemandConfigNotFound": 404,
    "PreconditionFailed": 412,
    "ResourceExhausted": 429,
    "ServiceAlreadyExists": 409,
    "ServiceNotEmpty": 409,
    "ServiceNotFound": 404,
    "ServiceUnavailable": 503,
    "SignatureNotMatch": 403,
    "StatefulAsyncInvocationAlreadyExists": 409,
    "StatefulAsyncInvocationNotFound": 404,
    "TriggerAlreadyExists": 409,
    "TriggerNotFound": 404,
    "VersionNotFound": 404,
    "VersionPublishError": 400,  # nothing has changed since the last version; assumed
}


class FcError(ApiError):
    """A refused request."""

    codes = STATUS
