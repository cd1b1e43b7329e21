"""Opens the embedded cloud's ports inside of an instance, before any code of the function runs.

Standard library only, Python 3.9 and later.
"""

from __future__ import annotations

import socket


def report(channel: socket.socket, ports: list[int], resolver: int | None) -> None:
    """Tell the platform that this process is ready, and hand over sockets that listen on these ports of the instance."""
    sockets = [socket.create_server(("127.0.0.1", port), backlog=512) for port in ports]
    if resolver:
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind(("127.0.0.1", resolver))
    socket.send_fds(channel, [b"\0"], [each.fileno() for each in sockets])
    for each in sockets:
        each.close()
