"""The function's side of a load that runs in a process of its own: starts it, and waits for the blocks that it brings.

Waiting needs no thread: whoever needs a file that is not there reads the worker's messages until it is. What the worker alone needs
is not imported here, so that it is imported while the worker runs already.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from heavylift.contracts import failures
from heavylift.contracts.failures import DeadlineError, LoadError
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.messages import (
    ArchiveLoaded,
    BlocksReady,
    CredentialsRenewed,
    LoadEnded,
    LoadRequest,
    Message,
    NamesReady,
    PagesReady,
    RestWanted,
    WorkingSetReady,
    dump_message,
    parse_message,
)
from heavylift.runtime.opening import Opening, prepare_opening
from heavylift.runtime.retries import Deadline
from heavylift.runtime.settings import WHOLE, WORKING_SET
from heavylift.runtime.timeline import Collected, Timeline
from heavylift.runtime.workerprocess import start_worker

_READ = 65536  # bytes read from the worker at a time; what a pipe holds
_GRACE = 0.05  # of the time: the worker, which has the same deadline, can say what it was doing


class Background:
    """A load that is under way. Used by several threads at once.

    Args:
        process: the worker's process ID.
        orders: the descriptor of its standard input; it ends when this is closed.
        messages: the descriptor that its messages are read from.
        timeline: is told what the worker did, and how long imports waited for it.
        deadline: when to give up a worker that says nothing: looking up a name, for one, cannot be bounded there.
        opening: this side of libraries that are loaded by pages; None where they come whole.
    """

    def __init__(
        self,
        process: int,
        orders: int,
        messages: int,
        timeline: Timeline,
        deadline: Deadline,
        opening: Opening | None = None,
    ) -> None:
        self._process = process
        self._orders = orders
        self._messages = messages
        self._timeline = timeline
        self._deadline: Deadline | None = deadline
        self._opening = opening
        self._libraries: frozenset[str] = frozenset()
        self._working_set = False  # is it there, and does the rest follow after the start?
        self._rest_wanted = False  # has the worker been told?
        self._started = False
        self._later = 0  # bytes
        self._lock = threading.Lock()
        self._held = b""
        self._needs: dict[str, int] = {}
        self._blocks = 0
        self._loaded: set[str] = set()
        self._ended = False
        self._error: LoadError | None = None
        self._meanwhile: Iterator[object] = iter(())
        self._exit_code: int | None = None

    def needs(self, path: str) -> int | None:
        """Return the number of blocks that a file of the applib needs; None when there is no such file, or all are there."""
        return self._needs.get(path)

    def is_there(self, path: str) -> bool:
        """Return whether a file of the applib is complete, now that its names are known."""
        needs = self._needs.get(path)
        return needs is not None and needs <= self._blocks

    def work_meanwhile(self, work: Iterator[object]) -> None:
        """Take steps of some work, a millisecond or so each, while this process waits and nothing has come."""
        self._meanwhile = work

    def wait_for_blocks(self, count: int) -> None:
        """Wait until that many of the applib's first blocks are there.

        Raises:
            LoadError: they never will be.
        """
        self._wait(lambda: self._blocks >= count)

    def wait_for_names(self, archive: str) -> None:
        """Wait until all files of the applib have their names and sizes, or the archive is complete.

        Raises:
            LoadError: that will never be.
        """
        self._wait(lambda: bool(self._needs) or archive in self._loaded, "names")

    def is_by_pages(self, path: str) -> bool:
        """Return whether a file of the applib is a library that is whole only when everything is there."""
        return path in self._libraries

    def look_after(self) -> None:
        """Keep the handler that opens code above others."""
        if self._opening:
            self._opening.look_after()

    def wait_for_working_set(self) -> None:
        """Wait until everything is there, or what a recorded start used, if the load was asked for no more.

        Raises:
            LoadError: that will never be.
        """
        self._wait(lambda: self._working_set)

    def end_start(self) -> bool:
        """Open what has come, and tell the timeline; return whether more will follow.

        From here on nothing that the worker does is a part of the start.
        """
        if self._ended:
            self.open_all(last=True)
        if self._opening and (faults := self._opening.faults()):
            self._timeline.set_pages(self._later, *faults)
        self._started, self._deadline = True, None
        return not self._ended

    def open_all(self, *, last: bool) -> None:
        """Open all code that is mapped, now that everything is there; `last`: and take the handler out."""
        if self._opening and last:
            self._opening.end()
        elif self._opening:
            self._opening.open_all()

    def renew(self, credentials: Credentials) -> None:
        """Hand on the credentials of a request: those of the start expire."""
        self._tell(
            CredentialsRenewed(credentials.access_key_id, credentials.access_key_secret, credentials.security_token)
        )

    def _tell(self, message: Message) -> None:
        with suppress(OSError):  # the worker has ended
            os.write(self._orders, dump_message(message))

    def wait_for_all(self) -> None:
        """Have the rest brought as well, and wait until everything is there.

        Raises:
            LoadError: that will never be.
        """
        self._wait(lambda: self._ended and not self._error)  # a fork may find the lock held for good

    def close(self) -> None:
        """Let go of the worker. One that still works ends, and leaves a partial destination to the next start.

        One that has said that all is done is not waited for: to give its memory back takes it longer than all else at the end.
        """
        os.close(self._orders)
        os.close(self._messages)
        if self._ended and not self._error:
            threading.Thread(target=self._reap, name="heavylift", daemon=True).start()
        else:
            self._reap()
        if self._opening:
            self._opening.close()

    def _reap(self) -> int:
        if self._exit_code is None:
            try:
                self._exit_code = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
            except ChildProcessError:  # the function ignores SIGCHLD, so that nobody is told
                self._exit_code = 0
        return self._exit_code

    def _wait(self, enough: Callable[[], bool], item: str = "files") -> None:
        if enough():
            return
        with self._lock:
            if not self._ended and not enough():
                with self._timeline.span("wait", item):
                    while not self._ended and not enough():
                        if self._working_set and not self._rest_wanted:
                            self._rest_wanted = True
                            self._tell(RestWanted())
                        self._receive()
            if self._error:
                raise self._error

    def _receive(self) -> None:
        line, end, rest = self._held.partition(b"\n")
        if end:
            self._held = rest
            self._accept(parse_message(line))
        elif not self._is_spoken_to():
            try:
                if self._deadline:
                    self._deadline.check(
                        "the loader's process said nothing; does the function's network reach `Endpoint`?"
                    )
            except DeadlineError as error:
                self._error, self._ended = error, True
        elif more := os.read(self._messages, _READ):
            self._held += more
        else:
            code = self._reap()
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            self._error = LoadError(
                f"the loader's process {how} before it was done; the function's log may say why, and signal 9 comes when "
                "memory is short: give the function more"
            )
            self._ended = True

    def _is_spoken_to(self) -> bool:
        while not self._has_message(0):
            if next(self._meanwhile, None) is None:
                return self._has_message(self._deadline.remaining() if self._deadline else None)
        return True

    def _has_message(self, seconds: float | None) -> bool:
        return bool(select.select([self._messages], [], [], seconds)[0])

    def _accept(self, message: Message) -> None:
        match message:
            case BlocksReady():
                self._blocks = message.ready
            case PagesReady():
                if self._opening:
                    self._opening.begin()
                self._libraries = frozenset(message.libraries)
            case WorkingSetReady():
                self._working_set, self._later = True, message.later
            case NamesReady():
                if self._opening:
                    self._opening.hold_up()
                self._needs = dict(zip(message.paths, message.needs, strict=True))
            case ArchiveLoaded():
                self._loaded.add(message.name)
            case Collected() if not self._started and not self._working_set:
                self._timeline.merge(message)
            case LoadEnded():
                if message.error:
                    self._error = getattr(failures, message.error)(message.message)
                self._ended = True


@contextmanager
def load_in_background(
    credentials: Credentials, deadline: Deadline, timeline: Timeline, load_mode: str
) -> Iterator[Background]:
    """Load the archives that the environment names while the block under it runs.

    Args:
        credentials: sign the requests.
        deadline: when to give up.
        timeline: is told what took how long.
        load_mode: one of `heavylift.runtime.settings`.

    Raises:
        LoadError: the worker cannot be started.
    """
    opening = prepare_opening() if load_mode != WHOLE else None
    request = LoadRequest(
        credentials.access_key_id,
        credentials.access_key_secret,
        credentials.security_token,
        end=time.perf_counter() + deadline.remaining(),
        zero=timeline.zero,
        by_pages=opening is not None,
        working_set=opening is not None and load_mode == WORKING_SET,
    )
    patience = Deadline(deadline.remaining() * (1 + _GRACE))
    background = Background(*start_worker(request, opening), timeline, patience, opening)
    try:
        yield background
    finally:
        background.close()
