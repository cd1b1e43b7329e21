"""The rest of a load, behind an initializer that waited for the working set alone: looked after until everything is there.

When that is so, the tree is what an installation would have made, and the handler of `heavylift.runtime.pages` goes. When it will
never be, because the worker was killed, requests go on: whoever executes code that is absent ends the process, with a line in
the log.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from heavylift.contracts.failures import ConfigurationError, LoadError
from heavylift.runtime.background import Background
from heavylift.runtime.credentials import Credentials, find_credentials


class Rest:
    """The rest of a load.

    Args:
        background: the load.
        credentials: with which it began.
        close: lets go of it, once it has ended.
    """

    def __init__(self, background: Background, credentials: Credentials, close: Callable[[], None]) -> None:
        self._background = background
        self._credentials = credentials
        self._close = close
        self._lock = threading.Lock()
        self._arrived = False
        self._ended = False

    def start(self) -> None:
        """Wait for it in a thread, and before a fork."""
        threading.Thread(target=self._follow, name="heavylift", daemon=True).start()
        os.register_at_fork(before=self._before_fork)

    def _before_fork(self) -> None:
        """Have all code open in the child, which may put in a handler of its own, as the workers of PyTorch's `DataLoader` do."""
        if not self._ended:
            with suppress(LoadError):  # told by the thread
                self._background.wait_for_all()
                self._background.open_all(last=False)

    def look_after(self, context: object) -> None:
        """Do what each request has to do: it may bring newer credentials, and find other handlers installed.

        Args:
            context: of the request.
        """
        if self._ended:
            return
        with self._lock:
            if self._arrived:
                self._background.open_all(last=True)  # again: a library may have been on its way into memory
                self._ended = True
            else:
                self._background.look_after()
                self._renew(context)

    def _renew(self, context: object) -> None:
        try:
            credentials = find_credentials(context, os.environ, local=False)
        except ConfigurationError:
            return  # those of the start stay
        if credentials != self._credentials:
            self._credentials = credentials
            self._background.renew(credentials)

    def _follow(self) -> None:
        try:
            self._background.wait_for_all()
        except LoadError as error:
            sys.stderr.write(f"heavylift: the rest of the libraries' code will not come: {error}\n")
            return
        self._background.open_all(last=False)
        with self._lock:
            self._arrived = True
        self._close()
