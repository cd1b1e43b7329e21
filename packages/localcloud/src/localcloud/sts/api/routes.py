"""The actions of the STS API, each with the parameters that it reads."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from localcloud.kernel import rpc
from localcloud.kernel.actions import blocking_action
from localcloud.kernel.signatures import Authenticator
from localcloud.sts.api.sessions import SessionCalls
from localcloud.sts.errors import StsError
from localcloud.sts.operations.sessions import StsService

VERSION = "2015-04-01"
_BY_TOKEN = frozenset({"AssumeRoleWithOIDC", "AssumeRoleWithSAML"})  # whose token stands for a signature


def create_app(sts: StsService, authenticator: Authenticator, *, serves: Callable[[str], bool]) -> web.Application:
    """Return the application that serves the STS API."""
    sessions = SessionCalls(sts)
    assume = ("RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId")
    actions = {
        "AssumeRole": blocking_action(sessions.assume_role, assume, StsError),
        "GetCallerIdentity": blocking_action(sessions.get_caller_identity, (), StsError),
    }
    return rpc.create_app(
        version=VERSION, actions=actions, authenticator=authenticator, serves=serves, unsigned=_BY_TOKEN
    )
