"""Opens the embedded cloud's ports inside of an instance, and gives up what that takes, before any code of the function runs.

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


def give_up_capabilities() -> None:
    """Give up, for good, the capabilities that this process listens with. Source: capabilities(7), capset(2).

    Raises:
        OSError: the kernel refuses.
    """
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    version_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    done = [
        library.prctl(24, number, 0, 0, 0) for number in (10, 8)
    ]  # PR_CAPBSET_DROP: CAP_NET_BIND_SERVICE, CAP_SETPCAP
    done.append(library.prctl(47, 4, 0, 0, 0))  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL
    done.append(library.capset(version_3, nothing))
    if any(done):
        raise OSError(ctypes.get_errno(), "the capabilities of the bootstrap cannot be given up")
