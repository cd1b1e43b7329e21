"""Names and ARNs of a function's resources. Account and region are filled in by ROS when the stack is deployed."""

from __future__ import annotations

import re

from ros_cdk_core import RosPseudo

PLAIN = "Function"  # the id that adds nothing to names


def function_name(stack: str, id_: str) -> str:
    """Return the name of a function that was given none: the stack's, with the function's id unless that is `Function`."""
    return stack if id_ == PLAIN else f"{stack}-{id_.lower()}"


def logical_id(id_: str, part: str) -> str:
    """Return the logical id of a resource that belongs to a function; ROS's CDK takes it as it is, wherever it stands in the tree.

    Args:
        id_: the function's; `Function` alone adds nothing, as its stack has room for one.
        part: names the resource.
    """
    return part if id_ == PLAIN else f"{id_}{part}"


def word(text: str) -> str:
    """Return a text as part of a name: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def bucket_name(stack: str) -> str:
    """Return the name of a stack's bucket; names are unique across all accounts and regions."""
    return f"{stack}-{account()}-{region()}"


def role_name(owner: str, purpose: str) -> str:
    """Return the name of a role; roles belong to the account, so the region is part of it."""
    return f"{owner}-{purpose}-{region()}"


def log_project_name(function: str) -> str:
    """Return the name of a function's log project; names are unique across all accounts of a region."""
    return f"{function}-{account()}"


def function_resource(function: str, generation: str) -> str:
    """Return a function's ARN without the part for versions ("RAM authorization", Function Compute)."""
    path = f"functions/{function}"
    return f"acs:fc:{region()}:{account()}:{f'services/{function}/{path}' if generation == '2.0' else path}"


def region() -> str:
    """Return the region that the stack is deployed to."""
    return str(RosPseudo.region)


def account() -> str:
    """Return the account that the stack is deployed to ("Pseudo parameters": ALIYUN::AccountId may be a user of it)."""
    return str(RosPseudo.tenant_id)
