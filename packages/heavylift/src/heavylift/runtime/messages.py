"""Messages between the function's process and the loader's, one a line: a JSON list of a message's name and its fields.

Named tuples, because these classes are made in each start, in both processes.
"""

from __future__ import annotations

import json
from typing import NamedTuple, get_args

from heavylift.runtime.timeline import Collected


class LoadRequest(NamedTuple):
    """Load all archives that the environment names, which both processes share."""

    access_key_id: str
    access_key_secret: str
    security_token: str
    end: float  # when to give up, on the clock of `time.perf_counter`, which both processes share
    zero: float  # when the start began, on the same clock
    by_pages: bool  # libraries may lack cold code when they are used
    working_set: bool  # and the start may end without it: what follows is brought however long that takes

    def __repr__(self) -> str:
        return f"LoadRequest({self.access_key_id}, …)"  # the others may be secret


class NamesReady(NamedTuple):
    """All files of the applib have their names and sizes; `paths[i]` may be used when `needs[i]` of the first blocks are ready."""

    paths: list[str]
    needs: list[int]


class CredentialsRenewed(NamedTuple):
    """Sign with these from now on."""

    access_key_id: str
    access_key_secret: str
    security_token: str

    def __repr__(self) -> str:
        return f"CredentialsRenewed({self.access_key_id}, …)"  # the others may be secret


class RestWanted(NamedTuple):
    """Bring what is not of the working set: somebody waits for it, or the start has ended. Once is enough."""


class PagesReady(NamedTuple):
    """The applib has libraries that are loaded by pages, and their plan is made. Comes before `NamesReady`."""

    libraries: list[str]  # paths; whole when everything has come


class WorkingSetReady(NamedTuple):
    """The part that a recorded start used is there; the rest follows `RestWanted`. Comes after `Collected`."""

    later: int  # bytes still to fetch


class BlocksReady(NamedTuple):
    """So many of the applib's first blocks are complete."""

    ready: int


class ArchiveLoaded(NamedTuple):
    """An archive is complete."""

    name: str


class LoadEnded(NamedTuple):
    """Nothing more comes: everything is there, or the load failed."""

    error: str  # class of `heavylift.contracts.failures`; empty: it did not fail
    message: str


Message = (
    LoadRequest
    | CredentialsRenewed
    | RestWanted
    | PagesReady
    | NamesReady
    | BlocksReady
    | WorkingSetReady
    | ArchiveLoaded
    | Collected
    | LoadEnded
)
_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in get_args(Message)}


def dump_message(message: Message) -> bytes:
    """Return a message as a line."""
    return json.dumps([type(message).__name__, *message]).encode() + b"\n"


def parse_message(line: bytes | str) -> Message:
    """Return the message of a line."""
    name, *fields = json.loads(line)
    return _KINDS[name](*fields)
