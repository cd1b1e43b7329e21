"""An embedded cloud under attack, and a watch on it: do its services answer meanwhile, and does its memory stay bounded?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.wire import Answer, Connection, HungError, Request, UnansweredError, exchange
from tests.torture.cloud import Cloud, NotStartedError, launch
from tests.torture.sweep import Sweep

BEAT = 4.0  # seconds that any service may take for a request of someone else meanwhile; the machine may be busy
MEMORY = 1024 * 1024**2  # bytes of the process and of what it started; an idle one has 80 MB
FATAL = 2 * MEMORY  # bytes at which the process is killed, so that the machine survives
LIMIT = 20.0  # seconds that an answer may take


class Patient:
    """Attacks one embedded cloud; a dead or hung one is started again on its folder, else on a new one.

    Args:
        folder: where its data lie.
        furnish: creates what attacks are aimed at.
    """

    def __init__(self, folder: Path, furnish: Callable[[Cloud], None]) -> None:
        self._folder, self._furnish, self._number = folder, furnish, 0
        self._over = threading.Event()
        self.cloud = self._fresh()
        self._watch_anew()

    def _fresh(self) -> Cloud:
        self._number += 1
        cloud = launch(self._folder / f"data-{self._number}", self._folder / f"log-{self._number}")
        self._furnish(cloud)
        return cloud

    def _watch_anew(self) -> None:
        self.slowest, self.largest, self.killed = 0.0, 0, False
        self._over = threading.Event()
        arguments = (self.cloud, self._over)
        self._threads = [threading.Thread(target=each, args=arguments) for each in (self._beat, self._weigh)]
        for thread in self._threads:
            thread.start()

    def _beat(self, cloud: Cloud, over: threading.Event) -> None:
        """Ask each service in turn, as somebody else would."""
        services = ("oss", "ram", "fc", "ros")
        lines = {name: Connection(cloud.address(name), 60.0) for name in services}
        while not over.wait(0.02):
            for name, line in lines.items():
                request = Request("GET", "/", (), (("Host", cloud.endpoints[name].removeprefix("http://")),))
                begin = time.monotonic()
                try:
                    line.exchange(request)
                except (UnansweredError, HungError):
                    if over.is_set() or not cloud.alive:
                        return
                self.slowest = max(self.slowest, time.monotonic() - begin)
        for line in lines.values():
            line.close()

    def _weigh(self, cloud: Cloud, over: threading.Event) -> None:
        while not over.wait(0.05):
            memory = cloud.memory
            self.largest = max(self.largest, memory)
            if memory > FATAL:
                self.killed = True
                cloud.kill()
                return

    def close(self) -> None:
        """End it."""
        self._over.set()
        self.cloud.kill()
        for thread in self._threads:
            thread.join()

    def strike(
        self,
        sweep: Sweep,
        what: str,
        make: Callable[[Cloud], tuple[str, Request]],
        *,
        harmless: bool = False,
        then: Callable[[Cloud, Answer], str | None] = lambda cloud, answer: None,
    ) -> None:
        """Send one attack and judge what became of it.

        Args:
            sweep: gets the counts.
            what: its name.
            make: returns the service and the request.
            harmless: it may be obeyed, too.
            then: looks at what follows an answer; returns what is wrong.
        """
        service, request = make(self.cloud)
        shown = str(request)
        self.slowest, self.largest = 0.0, 0
        sweep.tally.operations += 1
        wrong: tuple[Callable[[str, str], None], str, str] | None = None
        begin = time.monotonic()
        try:
            answer = exchange(self.cloud.address(service), request, LIMIT)
            if answer.status >= 500 and answer.status != 501:
                sweep.failed(f"answer {answer.status}: {what}", f"{answer} <- {shown}")
            elif answer.status < 300 and not harmless:
                sweep.accepted(f"accepted: {what}", f"{answer} <- {shown}")
            else:
                sweep.tally.refused += 1
            if found := then(self.cloud, answer):
                wrong = sweep.hung, f"{found}: {what}", shown
        except UnansweredError as error:
            if not self.cloud.alive:
                why = f"it took more than {FATAL >> 20} MB" if self.killed else f"exit code {self.cloud.process.poll()}"
                wrong = sweep.hung, f"the process died: {what}", f"{why} <- {shown}"
            else:
                sweep.failed(f"no answer: {what}", f"{error} <- {shown}")
        except HungError as error:
            wrong = sweep.hung, f"no answer in time: {what}", f"{error} <- {shown}"
        took = time.monotonic() - begin
        if wrong is None and not self._well():
            wrong = sweep.hung, f"other services do not answer any more: {what}", shown
        elif wrong is None and self.slowest > BEAT:
            sweep.hung(f"other services waited: {what}", f"{self.slowest:.1f} s, the answer {took:.1f} s <- {shown}")
        if self.largest > MEMORY:
            sweep.failed(f"memory: {what}", f"{self.largest >> 20} MB <- {shown}")
        if wrong:
            note, kind, words = wrong
            note(kind, words)
            self._revive(sweep, what)

    def _well(self) -> bool:
        try:
            for name in ("oss", "ram", "fc", "ros"):
                host = (("Host", self.cloud.endpoints[name].removeprefix("http://")),)
                exchange(self.cloud.address(name), Request("GET", "/", (), host), 2 * BEAT)
        except (UnansweredError, HungError):
            return False
        return True

    def _revive(self, sweep: Sweep, what: str) -> None:
        """Kill it and start it again; what stopped it once may not stop it again."""
        self.close()
        sweep.tally.kills += 1
        try:
            self.cloud = launch(self.cloud.data, self.cloud.log, patience=LIMIT)
            time.sleep(0.5)  # what a restart takes up begins now, and nothing says when it is done
            if not self._well():
                sweep.hung(f"it hangs again after a restart: {what}", what)
                self.cloud.kill()
                self.cloud = self._fresh()
        except NotStartedError as error:
            sweep.hung(f"it does not start again: {what}", str(error))
            self.cloud = self._fresh()
        self._watch_anew()
