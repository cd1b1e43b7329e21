"""Sends a Python process's connections to names under aliyuncs.com to the embedded cloud.

Standard library only, for Python 3.9 and later. It reaches what Python code connects to, whichever library asks; programs in other
languages use the gateway as a proxy instead.
"""

from __future__ import annotations

import functools
import socket
import ssl
from collections.abc import Callable
from typing import Any

DOMAINS = (".aliyuncs.com", ".fcapp.run")


def redirect(gateway: tuple[str, int], authority: str) -> None:
    """Redirect this process from now on.

    Args:
        gateway: address and port of the gateway, which refuses the names that it does not serve.
        authority: the certificate (PEM) of the embedded cloud's authority, which can vouch for names under aliyuncs.com only.
    """
    resolve, resolve_address = socket.getaddrinfo, socket.gethostbyname

    @functools.wraps(resolve)
    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original
        target = gateway if is_redirected(host) else (host, port)
        return resolve(*target, *args, **options)

    @functools.wraps(resolve_address)
    def gethostbyname(host: str) -> str:
        return gateway[0] if is_redirected(host) else resolve_address(host)

    socket.getaddrinfo, socket.gethostbyname = getaddrinfo, gethostbyname
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _redirected(getattr(socket.socket, name), gateway))
    for name in ("load_verify_locations", "load_default_certs", "set_default_verify_paths"):
        setattr(ssl.SSLContext, name, _trusting(getattr(ssl.SSLContext, name), authority))


def is_redirected(host: object) -> bool:
    """Return True if a host name is one of the cloud."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    return isinstance(name, str) and f".{name.lower().rstrip('.')}".endswith(DOMAINS)


def _redirected(connect: Callable[..., Any], gateway: tuple[str, int]) -> Callable[..., Any]:
    @functools.wraps(connect)
    def call(self: socket.socket, address: Any) -> Any:  # noqa: ANN401 - as the original
        named = isinstance(address, tuple) and bool(address) and is_redirected(address[0])
        return connect(self, gateway if named else address)

    return call


def _trusting(load: Callable[..., Any], authority: str) -> Callable[..., Any]:
    trust = ssl.SSLContext.load_verify_locations

    @functools.wraps(load)
    def call(self: ssl.SSLContext, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as the original
        load(self, *args, **options)
        trust(self, cadata=authority)

    return call
