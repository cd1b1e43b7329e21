"""Starts the worker's process, which begins to fetch the sooner the less it has to import.

Where this process has one thread, the worker is a fork of it: the interpreter runs already, and most of what the worker needs is
imported. A fork of a process with more threads could wait forever for a lock that one of them held, so the worker is a new
interpreter there (fork(2), "the child process is created with a single thread"). So it is where the function has put other code
into Python's modules, as gevent does, or has its code traced: that would run in the worker, too.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from heavylift.contracts.failures import LoadError
from heavylift.runtime.messages import LoadRequest, dump_message
from heavylift.runtime.opening import CHANNEL, MEMORY, Opening

_TASKS = "/proc/self/task"  # proc(5): a directory for each thread, Python's and others
_LOG = 2  # standard error
# What the worker uses of modules that others exchange, by module and name, as far as they are imported.
_EXCHANGED = (
    ("_thread", "start_new_thread"),
    ("select", "poll"),
    ("socket", "create_connection"),
    ("socket", "getaddrinfo"),
    ("socket", "socket"),
    ("ssl", "SSLContext"),
)
_DESCRIPTORS = "/proc/self/fd"
# The names of modules depend on where this package lies: in a function it is a package of its own.
# Its path is this process's; what customizes Python may stand in PYTHONPATH alone, which is for processes that start anew.
# Of what `site` does, -S leaves out the rest: files of installed packages may import anything.
_PROGRAM = (
    "import json, site, sys; path = json.loads(sys.stdin.readline()); "
    "sys.path[:] = [*filter(None, sys.path), *path]; site.execsitecustomize(); sys.path[:] = path; "
    f"from {__package__}.worker import run; from {__package__}.messages import parse_message; "
    "run(parse_message(sys.stdin.readline()))"
)


def start_worker(request: LoadRequest, opening: Opening | None) -> tuple[int, int, int]:
    """Start the worker.

    Args:
        request: what it shall load.
        opening: what it shares with this process; None where libraries come whole.

    Returns:
        Its process ID and the descriptors of its orders and of its messages.

    Raises:
        LoadError: it cannot be started.
    """
    orders_out, orders_in = os.pipe()
    messages_out, messages_in = os.pipe()
    places = {orders_out: 0, messages_in: 1}
    if opening:
        places |= {opening.memory: MEMORY, opening.served: CHANNEL}
    try:
        forks = len(os.listdir(_TASKS)) == 1 and _is_plain()  # noqa: PTH208 - faster
        process = _fork(request, places) if forks else _spawn(request, places, orders_in)
    except OSError as error:
        os.close(orders_in)
        os.close(messages_out)
        raise LoadError(f"{sys.executable}: the loader's process cannot be started ({error.strerror})") from error
    finally:
        os.close(orders_out)
        os.close(messages_in)
        if opening:
            opening.let_go()
    return process, orders_in, messages_out


def _is_plain() -> bool:
    """Return whether nothing of the function's would run in a worker that is a fork."""
    traced = sys.gettrace() or sys.getprofile() or threading.gettrace() or threading.getprofile()
    found = ((name, getattr(sys.modules.get(name), member, None)) for name, member in _EXCHANGED)
    return not traced and all(member is None or member.__module__ == name for name, member in found)


def _fork(request: LoadRequest, places: dict[int, int]) -> int:
    process = os.fork()
    if not process:
        _work(request, places)
    return process


def _work(request: LoadRequest, places: dict[int, int]) -> NoReturn:
    """Be the worker, and nothing that this process has been: none of its code runs again."""
    try:
        gc.disable()  # what the function has left to it would close descriptors, whose numbers are others' soon
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        for source, place in places.items():
            os.dup2(source, place)
        for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - faster
            if int(name) not in {*places.values(), _LOG}:
                with suppress(OSError):  # the listing's own
                    os.close(int(name))
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - a descriptor
        from heavylift.runtime.worker import run

        run(request)
    except BaseException:  # noqa: BLE001 - whatever it is, the function's log gets it, and nothing else may run here
        import traceback

        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(1)


def _spawn(request: LoadRequest, places: dict[int, int], orders: int) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, source, place) for source, place in places.items()]
    process = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", _PROGRAM], os.environ, file_actions=actions)
    # a pipe takes that much whether it is read or not
    os.write(orders, json.dumps(sys.path).encode() + b"\n" + dump_message(request))
    return process
