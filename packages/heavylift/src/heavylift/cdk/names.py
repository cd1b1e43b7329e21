"""Names and ARNs of the stack's resources. Account and region are filled in by ROS when the stack is deployed."""

from __future__ import annotations

from ros_cdk_core import RosPseudo

from heavylift.cdk.settings import Settings


def bucket_name(settings: Settings) -> str:
    """Return the bucket's name; names are unique across all accounts and regions."""
    return settings.bucket_name or f"{settings.stack_name}-{account()}-{region()}"


def role_name(settings: Settings, purpose: str) -> str:
    """Return the name of a role; roles belong to the account, so the region is part of it."""
    return f"{settings.stack_name}-{purpose}-{region()}"


def log_project_name(settings: Settings) -> str:
    """Return the log project's name; names are unique across all accounts of a region."""
    return f"{settings.stack_name}-{account()}"


def function_resource(settings: Settings) -> str:
    """Return the function's ARN without the part for versions ("RAM authorization", Function Compute)."""
    function = f"functions/{settings.stack_name}"
    path = f"services/{settings.stack_name}/{function}" if settings.generation == "2.0" else function
    return f"acs:fc:{region()}:{account()}:{path}"


def region() -> str:
    """Return the region that the stack is deployed to."""
    return str(RosPseudo.region)


def account() -> str:
    """Return the account that the stack is deployed to ("Pseudo parameters": ALIYUN::AccountId may be a user of it)."""
    return str(RosPseudo.tenant_id)
