"""Opens the embedded cloud's ports inside of an instance, before any code of the function runs.

Standard library only, Python 3.9 and later. `_socket` is what `socket` wraps, without the milliseconds that importing that takes.
"""

from __future__ import annotations

import _socket
import struct

BACKLOG = 512  # connections


def report(channel: _socket.socket, ports: list[int], resolver: int | None) -> None:
    """Tell the platform that this process is ready, and hand over sockets that listen on these ports of the instance."""
    sockets = [_listen(port) for port in ports]
    if resolver:
        sockets.append(_socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM))
        sockets[-1].bind(("127.0.0.1", resolver))
    descriptors = struct.pack(f"{len(sockets)}i", *(each.fileno() for each in sockets))
    channel.sendmsg([b"\0"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)] if sockets else [])
    for each in sockets:
        each.close()


def _listen(port: int) -> _socket.socket:
    listening = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listening.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(BACKLOG)
    return listening
