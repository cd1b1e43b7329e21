"""What the calls of all actions share: their parameters, and the right to them."""

from __future__ import annotations

from localcloud.kernel.access import Denial, Gate
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.parameters import Reader
from localcloud.resourcemanager.errors import ResourceManagerError

reader = Reader(ResourceManagerError)


def gate_of(authorizer: Authorizer) -> Gate:
    """Return the gate that refuses in Resource Manager's words.

    Args:
        authorizer: says what callers may.
    """
    return Gate(authorizer, _refuse)


def _refuse(denial: Denial) -> ResourceManagerError:
    return ResourceManagerError(
        "NoPermission",
        f"You are not authorized to do this action. Resource: {denial.resource} Action: {denial.action}",
    )
