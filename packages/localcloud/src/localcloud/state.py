"""The data folder: its lock, its account, and the addresses of its services.

Layout: `lock` (held while a process uses the folder), `account.json` (account number and access key, readable by its owner only),
`endpoints.json` (the ready line), `clock.json`, one folder for each service, and `accounts` for those beside the first
(`kernel.accounts`). `emptied` is there while the folder is being emptied.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from localcloud.kernel.accounts import FOLDER, Account, find_account, keep_account, new_account
from localcloud.kernel.documents import TEMPORARY
from localcloud.kernel.errors import LocalCloudError

CLOCK = "clock.json"  # in the data folder
_EMPTIED = "emptied"  # likewise
KEY_VARIABLES = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Create the data folder if need be and hold it for this process; what a killed one was writing is removed.

    Raises:
        LocalCloudError: another process uses the folder, or it cannot be made.
    """
    with open_lock(data) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalCloudError(
                f"{data} is in use by another embedded cloud; stop that one or choose another --data"
            ) from error
        _remove_temporaries(data)
        yield


def empty(data: Path, services: Iterable[str]) -> None:
    """Remove all that services keep, by their names; the first account, the authority and the addresses stay.

    After a kill in its midst, `is_half_empty` says that it is to be called again.
    """
    emptied = data / _EMPTIED
    emptied.mkdir(exist_ok=True)
    for name in (CLOCK, FOLDER, *services):
        with suppress(FileNotFoundError):
            (data / name).replace(emptied / name)
    shutil.rmtree(emptied)


def is_half_empty(data: Path) -> bool:
    """Return True if a kill has interrupted `empty`."""
    return (data / _EMPTIED).exists()


def open_lock(data: Path) -> TextIO:
    """Return the file whose lock an embedded cloud holds for life; the data folder is created if need be.

    Raises:
        LocalCloudError: the folder cannot be made or used.
    """
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (data / "lock").open("a+")
    except OSError as error:
        raise LocalCloudError(f"cannot use {data} as data folder: {error.strerror}; choose another --data") from error


def _remove_temporaries(data: Path) -> None:
    for depth in ("", "*/", "*/*/", f"{FOLDER}/*/*/"):  # no deeper: below lie the files of functions
        for kind in (".json", ".pem"):
            for path in data.glob(f"{depth}*{kind}{TEMPORARY}"):
                path.unlink()


def open_account(data: Path, environment: Mapping[str, str]) -> Account:
    """Return the folder's first account; the first call makes it.

    The access key is the environment's (`ALIBABA_CLOUD_ACCESS_KEY_ID` and `_SECRET`) when both are set, else one that is
    made at the first start and kept.

    Raises:
        LocalCloudError: the kept account cannot be read, or only one of the two variables is set.
    """
    given = [environment.get(name, "") for name in KEY_VARIABLES]
    if any(given) and not all(given):
        raise LocalCloudError(f"set both {KEY_VARIABLES[0]} and {KEY_VARIABLES[1]}, or neither of them")
    account = find_account(data) or new_account()
    if all(given):
        account = replace(account, access_key_id=given[0], access_key_secret=given[1])
    keep_account(data, account)
    return account
