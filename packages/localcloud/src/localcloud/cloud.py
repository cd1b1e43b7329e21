"""A running embedded cloud as its clients see it: where its services listen, and the key of an account."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from localcloud import process
from localcloud.kernel.accounts import read_account
from localcloud.kernel.errors import LocalCloudError
from localcloud.running import find_announcement


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """A running embedded cloud."""

    data: Path  # its folder; `localcloud.log` in it is what it logs
    endpoints: Mapping[str, str]  # the URL of each service (`oss`, `fc`, `sts`, …) and of the `gateway`
    region: str
    account_id: str
    access_key_id: str
    access_key_secret: str = field(repr=False)
    authority: Path  # the certificate that TLS clients of the gateway trust

    def host(self, service: str) -> str:
        """Return HOST:PORT of a service, as clients take it that have the protocol as an option of its own."""
        return self.endpoints[service].removeprefix("http://")

    def account(self, name: str) -> Cloud:
        """Return the same embedded cloud as another account sees it; the first call for a name makes that account.

        Args:
            name: 1 to 64 letters, digits, `_` and `-`.

        Raises:
            LocalCloudError: it is no such name.
        """
        return replace(self, **self._administer("ram", "PUT", f"accounts/{quote(name, safe='')}"))

    def advance(self, seconds: float) -> None:
        """Move the embedded cloud's clock ahead: what is due by then happens within two seconds, as if the time had passed.

        Raises:
            LocalCloudError: it would go back, or further than a hundred years.
        """
        self._administer("oss", "POST", "clock", {"advance": seconds})

    def reset(self) -> None:
        """Empty the embedded cloud: it is then as a new one, but for the first account, its key, the authority and the addresses.

        Instances end, and so do accounts beside the first. Requests that are under way have two seconds; those that come in
        the meantime wait.

        Raises:
            LocalCloudError: it refuses.
        """
        self._administer("oss", "POST", "reset")

    def _administer(self, service: str, method: str, path: str, record: object = None) -> dict[str, Any]:
        """Return the answer of one of the embedded cloud's own endpoints.

        Raises:
            LocalCloudError: it refuses.
        """
        headers = {"Authorization": f"Bearer {read_account(self.data).access_key_secret}"}  # the first account's
        with closing(HTTPConnection(self.host(service))) as connection:
            connection.request(method, f"/-/localcloud/{path}", body=json.dumps(record), headers=headers)
            answer = connection.getresponse()
            document: dict[str, Any] = json.load(answer)
        if answer.status != HTTPStatus.OK:
            raise LocalCloudError(document["error"])
        return document

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with which code for the real cloud reaches this one: key, region, and the gateway as its proxy."""
        gateway, authority = self.endpoints["gateway"], str(self.authority)
        return {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": self.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self.access_key_secret,
            "ALIBABA_CLOUD_REGION_ID": self.region,
            "HTTP_PROXY": gateway,
            "HTTPS_PROXY": gateway,
            "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": authority,
            "SSL_CERT_FILE": authority,
        }


def find_cloud(data: Path) -> Cloud | None:
    """Return the embedded cloud that runs on a data folder; None when none does.

    Raises:
        LocalCloudError: one runs, but what it announced or its account cannot be read.
    """
    if not (data / "lock").exists():  # and asking does not make it
        return None
    record = find_announcement(data)
    return _cloud(data, record) if record else None


@contextmanager
def run_cloud(data: Path | str, arguments: Sequence[str] = ()) -> Iterator[Cloud]:
    """Run an embedded cloud on free ports of loopback while the context lasts.

    Args:
        data: the folder that holds its state, which stays; made when it does not exist.
        arguments: further arguments of `localcloud start`.

    Raises:
        LocalCloudError: it did not start; the message ends with its last words.
    """
    data = Path(data)
    # Detached, so that a Ctrl-C leaves it until the tests have cleaned up; yet it is not left when they are killed.
    running, record = process.launch(data, ["--until-end-of", str(os.getpid()), *arguments], detached=True)
    try:
        yield _cloud(data, record)
    finally:
        process.end(running)


def _cloud(data: Path, record: Mapping[str, object]) -> Cloud:
    account = read_account(data)
    facts = {name: str(value) for name, value in record.items()}
    return Cloud(
        data=data,
        endpoints={name: url for name, url in facts.items() if url.startswith("http://")},
        region=facts["region"],
        account_id=account.account_id,
        access_key_id=account.access_key_id,
        access_key_secret=account.access_key_secret,
        authority=Path(facts["authority"]),
    )
