"""Accounts and their access keys, as data folders keep them.

The first account's folder is the data folder. Each account beside it has a name, by which its users ask for it, and a folder of
that name below `accounts`, laid out in the same way: `account.json` (account number and access key, readable by its owner only),
and what a service keeps for that account alone.
"""

from __future__ import annotations

import json
import re
import secrets
import string
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from localcloud.kernel.documents import read_document, write_private
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Credential, Identity

FIELDS = ("account_id", "access_key_id", "access_key_secret")  # of account.json
FOLDER = "accounts"  # of those beside the first
_ALPHABET = string.ascii_letters + string.digits
_FILE = "account.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An account of an embedded cloud and its access key."""

    account_id: str  # 16 digits
    access_key_id: str
    access_key_secret: str = field(repr=False)

    @property
    def credential(self) -> Credential:
        """The account's key as the services look it up."""
        return Credential(
            access_key_id=self.access_key_id,
            access_key_secret=self.access_key_secret,
            identity=Identity(account_id=self.account_id),
        )

    def document(self) -> dict[str, str]:
        """Return what `account.json` holds."""
        return {name: getattr(self, name) for name in FIELDS}


Domain = TypeVar("Domain")
Folders = Callable[[], Mapping[str, Path]]  # returns the folder of each account, by its id


class OfEach(Generic[Domain]):
    """A service's domain for each account, made when it is first asked for; safe for threads.

    Args:
        make: makes it, of the account's folder and id.
        folders: returns the folders of all accounts.
    """

    def __init__(self, make: Callable[[Path, str], Domain], folders: Folders) -> None:
        self._make = make
        self._folders = folders
        self._lock = threading.Lock()  # held while one is made
        self._made: dict[str, Domain] = {}

    def of(self, account_id: str) -> Domain:
        """Return an account's.

        Raises:
            KeyError: there is no such account.
            LocalCloudError: its state cannot be read.
        """
        if (made := self._made.get(account_id)) is not None:
            return made
        with self._lock:
            if account_id not in self._made:
                self._made[account_id] = self._make(self._folders()[account_id], account_id)
            return self._made[account_id]

    def made(self) -> list[Domain]:
        """Return those that were made."""
        return [*self._made.values()]

    def all(self) -> Mapping[str, Domain]:
        """Return those of all accounts, by their ids; see `of`."""
        return {account_id: self.of(account_id) for account_id in self._folders()}


def new_account() -> Account:
    """Return an account that nobody else has."""
    return Account(
        account_id="1" + "".join(secrets.choice(string.digits) for _ in range(15)),
        access_key_id="LOCAL" + _random(19),
        access_key_secret=_random(30),
    )


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def find_account(folder: Path) -> Account | None:
    """Return the account of a folder; None: it has none yet.

    Raises:
        LocalCloudError: it cannot be read.
    """
    path = folder / _FILE
    return _read(path) if path.exists() else None


def read_account(folder: Path) -> Account:
    """Return the account of a folder that an embedded cloud has been started on.

    Raises:
        LocalCloudError: there is none, or it cannot be read.
    """
    return _read(folder / _FILE)


def _read(path: Path) -> Account:
    return read_document(path, lambda record: Account(**{name: record[name] for name in FIELDS}))


def keep_account(folder: Path, account: Account) -> None:
    """Keep the account of a folder."""
    path, content = folder / _FILE, json.dumps(account.document()).encode()
    if not path.exists() or path.read_bytes() != content:  # a start on a full disk writes no more than it must
        write_private(path, content)


def other_accounts(data: Path) -> Iterator[tuple[Path, Account]]:
    """Yield the accounts beside the first one, each with its folder, in the order of their names.

    Raises:
        LocalCloudError: one cannot be read.
    """
    for folder in sorted((data / FOLDER).glob("*")):
        if account := find_account(folder):
            yield folder, account


def folder_of(data: Path, name: str) -> Path:
    """Return the folder of an account beside the first one.

    Raises:
        LocalCloudError: it is no name of an account.
    """
    if not _NAME.fullmatch(name):
        raise LocalCloudError("the name of an account has 1 to 64 letters, digits, _ and -, and begins with no _ or -")
    return data / FOLDER / name
