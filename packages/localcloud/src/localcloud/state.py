"""The data folder: its lock, its account, and the addresses of its services.

Layout: `lock` (held while a process uses the folder), `account.json` (account number and access key, readable by its owner only),
`endpoints.json` (the ready line), and one folder for each service.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.kernel.documents import TEMPORARY, read_document, write_private
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Credential, Identity

KEY_VARIABLES = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
FIELDS = ("account_id", "access_key_id", "access_key_secret")  # of account.json
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The one account of an embedded cloud and its access key."""

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


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Create the data folder if need be and hold it for this process; what a killed one was writing is removed.

    Raises:
        LocalCloudError: another process uses the folder, or it cannot be made.
    """
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (data / "lock").open("a+")
    except OSError as error:
        raise LocalCloudError(f"cannot use {data} as data folder: {error.strerror}; choose another --data") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalCloudError(
                f"{data} is in use by another embedded cloud; stop that one or choose another --data"
            ) from error
        _remove_temporaries(data)
        yield


def _remove_temporaries(data: Path) -> None:
    for depth in ("", "*/", "*/*/"):  # no deeper: below lie the files of functions
        for kind in (".json", ".pem"):
            for path in data.glob(f"{depth}*{kind}{TEMPORARY}"):
                path.unlink()


def open_account(data: Path, environment: Mapping[str, str]) -> Account:
    """Return the folder's account; the first call makes it.

    The access key is the environment's (`ALIBABA_CLOUD_ACCESS_KEY_ID` and `_SECRET`) when both are set, else one that is
    made at the first start and kept.

    Raises:
        LocalCloudError: the kept account cannot be read, or only one of the two variables is set.
    """
    path = data / "account.json"
    given = [environment.get(name, "") for name in KEY_VARIABLES]
    if any(given) and not all(given):
        raise LocalCloudError(f"set both {KEY_VARIABLES[0]} and {KEY_VARIABLES[1]}, or neither of them")
    if path.exists():
        account = _read_account(path)
    else:
        account = Account(
            account_id="1" + "".join(secrets.choice(string.digits) for _ in range(15)),
            access_key_id="LOCAL" + _random(19),
            access_key_secret=_random(30),
        )
    if all(given):
        account = Account(account_id=account.account_id, access_key_id=given[0], access_key_secret=given[1])
    content = account_json(account)
    if not path.exists() or path.read_bytes() != content:  # a start on a full disk writes no more than it must
        write_private(path, content)
    return account


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def account_json(account: Account) -> bytes:
    """Return the content of `account.json`."""
    return json.dumps({name: getattr(account, name) for name in FIELDS}).encode()


def _read_account(path: Path) -> Account:
    return read_document(path, lambda record: Account(**{name: record[name] for name in FIELDS}))


def read_account(data: Path) -> Account:
    """Return the account of a data folder that an embedded cloud has been started on.

    Raises:
        LocalCloudError: there is none, or it cannot be read.
    """
    return _read_account(data / "account.json")
