"""The accounts of an embedded cloud, and the RAM of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from localcloud.kernel.accounts import Account, find_account, folder_of, keep_account, new_account, other_accounts
from localcloud.kernel.identity import Credential, Identity
from localcloud.ram.model import Role
from localcloud.ram.operations.service import RamService


class Directory:
    """All accounts. Implements `identity.CredentialStore`, `identity.Authorizer` and `AssumableRoles`; safe for threads.

    Args:
        data: the data folder.
        first: the account whose folder that is.
        clock: seconds since the epoch.

    Attributes:
        first: RAM of that account.

    Raises:
        LocalCloudError: an account, or the state of RAM, cannot be read.
    """

    def __init__(self, data: Path, first: Account, *, clock: Callable[[], float]) -> None:
        self._data = data
        self._clock = clock
        self._lock = threading.Lock()  # held while an account is made
        self._subscribers: list[Callable[[Role], None]] = []
        self._services: Mapping[str, RamService] = {}
        self._folders: Mapping[str, Path] = {}
        self.first = self._open(data, first)
        for folder, account in other_accounts(data):
            self._open(folder, account)

    def make(self, name: str) -> Account:
        """Return the account of a name beside the first one; the first call makes it.

        Raises:
            LocalCloudError: it is no name of an account.
        """
        folder = folder_of(self._data, name)
        with self._lock:
            if account := find_account(folder):
                return account
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            account = new_account()
            keep_account(folder, account)
            self._open(folder, account)
        return account

    def _open(self, folder: Path, account: Account) -> RamService:
        service = RamService(folder / "ram", account=account.credential, clock=self._clock)
        for tell in self._subscribers:
            service.subscribe(tell)
        self._folders = {**self._folders, account.account_id: folder}
        self._services = {**self._services, account.account_id: service}
        return service

    def folders(self) -> Mapping[str, Path]:
        """Return the folder of each account, by its id."""
        return self._folders

    def of(self, account_id: str) -> RamService:
        """Return RAM of an account."""
        return self._services[account_id]

    def find(self, access_key_id: str) -> Credential | None:
        """Return the credential of an account's or user's key; None: it is no such key, nobody's, or switched off."""
        for service in self._services.values():
            if (credential := service.find(access_key_id)) is not None:
                return credential
        return None

    def is_allowed(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """See `identity.Authorizer`."""
        service = self._services.get(identity.account_id)
        return service is not None and service.is_allowed(
            identity, action=action, resource=resource, conditions=conditions
        )

    def is_denied(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """See `identity.Authorizer`."""
        service = self._services.get(identity.account_id)
        return service is None or service.is_denied(identity, action=action, resource=resource, conditions=conditions)

    def is_granted(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """See `AssumableRoles`."""
        service = self._services.get(identity.account_id)
        return service is not None and service.is_granted(
            identity, action=action, resource=resource, conditions=conditions
        )

    def roles(self) -> Sequence[Role]:
        """Return the roles of all accounts."""
        return [*chain.from_iterable(service.roles() for service in self._services.values())]

    def find_role(self, arn: str) -> Role | None:
        """Return the role of an ARN, whichever account's it is; None: there is none."""
        found = (service.find_role(arn) for service in self._services.values())
        return next((role for role in found if role is not None), None)

    def is_trusted(self, role: Role, principals: Iterable[tuple[str, str]], conditions: Mapping[str, str]) -> bool:
        """See `AssumableRoles`; a role's trust policy says it alone, whichever account's it is."""
        return self.first.is_trusted(role, principals, conditions)

    def subscribe(self, tell: Callable[[Role], None]) -> None:
        """Have a function called with each role of any account that was deleted."""
        with self._lock:
            self._subscribers.append(tell)
            for service in self._services.values():
                service.subscribe(tell)
