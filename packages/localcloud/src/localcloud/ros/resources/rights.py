"""The rights that a change of a resource needs, named as the services themselves name them."""

from __future__ import annotations

from localcloud.ram.model import Kind
from localcloud.ros.resources.provider import Context, Properties, Right


def verb(before: Properties | None, after: Properties | None) -> str:
    """Return what a change does: Create, Update or Delete."""
    if before is None:
        return "Create"
    return "Delete" if after is None else "Update"


def on_bucket(context: Context, action: str, bucket: str, key: str | None = None) -> Right:
    """Return the right to do something with a bucket, or with an object in it."""
    path = bucket if key is None else f"{bucket}/{key}"
    return Right(f"oss:{action}", f"acs:oss:oss-{context.region}:{context.account_id}:{path}")


def on_principal(context: Context, action: str, kind: Kind, name: str) -> Right:
    """Return the right to do something with a role, user or group."""
    return Right(f"ram:{action}", f"acs:ram::{context.account_id}:{kind.lower()}/{name}")


def on_policy(context: Context, action: str, name: str) -> Right:
    """Return the right to do something with a custom policy."""
    return Right(f"ram:{action}", f"acs:ram::{context.account_id}:policy/{name}")


def on_function(context: Context, action: str, path: str) -> Right:
    """Return the right to do something with what Function Compute has at a path."""
    return on_resource(context, f"fc:{action}", path)


def on_resource(context: Context, action: str, path: str) -> Right:
    """Return the right to do an action, named with its service, with what that service has at a path."""
    return Right(action, f"acs:{action.partition(':')[0]}:{context.region}:{context.account_id}:{path}")


def to_pass(role: str) -> Right:
    """Return the right to give a role, named by its ARN, to Function Compute."""
    return Right("ram:PassRole", role, {"acs:Service": "fc.aliyuncs.com"})


def on_logs(context: Context, action: str, path: str) -> Right:
    """Return the right to do something with what the log service has at a path."""
    return on_resource(context, f"log:{action}", path)
