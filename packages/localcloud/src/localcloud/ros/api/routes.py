"""The listener of the embedded ROS: its API, and the URLs to which custom resources report."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from localcloud.kernel.identity import Authorizer
from localcloud.kernel.rpc import create_app
from localcloud.kernel.signatures import Authenticator
from localcloud.ros.api.callbacks import Callbacks
from localcloud.ros.api.stacks import ros_actions
from localcloud.ros.operations.stacks import RosService

VERSION = "2019-09-10"
MAX_BODY = 4 * 1024**2  # bytes: a template of 512 KiB in base64, form-encoded, and its parameters


def create_ros_app(
    ros: RosService,
    *,
    authenticator: Authenticator,
    authorizer: Authorizer,
    callbacks: Callbacks,
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves ROS."""
    actions = ros_actions(ros, authorizer)
    application = create_app(
        version=VERSION, actions=actions, authenticator=authenticator, serves=serves, max_body=MAX_BODY
    )
    callbacks.add_routes(application)
    return application
