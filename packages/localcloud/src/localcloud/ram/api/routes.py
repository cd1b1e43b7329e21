"""RAM and STS as applications: two RPC-style APIs over one `RamService`."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from localcloud.kernel import rpc
from localcloud.kernel.signatures import Authenticator
from localcloud.ram.handlers import ram_actions, sts_actions
from localcloud.ram.service import RamService

RAM_VERSION = "2015-05-01"
STS_VERSION = "2015-04-01"


def create_ram_app(ram: RamService, authenticator: Authenticator, *, serves: Callable[[str], bool]) -> web.Application:
    """Return the RAM API."""
    return rpc.create_app(version=RAM_VERSION, actions=ram_actions(ram), authenticator=authenticator, serves=serves)


def create_sts_app(ram: RamService, authenticator: Authenticator, *, serves: Callable[[str], bool]) -> web.Application:
    """Return the STS API."""
    return rpc.create_app(version=STS_VERSION, actions=sts_actions(ram), authenticator=authenticator, serves=serves)
