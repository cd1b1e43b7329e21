"""In whose name logs are written."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.instances.delivery import Destination, LogEntry
from localcloud.fc.operations.deliveries import SESSION, LogstoreDelivery
from localcloud.kernel.identity import Credential, Identity
from localcloud.sls.model import LogGroup

ROLE = Identity(account_id="1", role_arn="acs:ram::1:role/runner")


class Account:
    """Logstores, a role of FC's, and its rights."""

    def __init__(self, *, allowed: bool) -> None:
        self.allowed = allowed
        self.now = 0.0
        self.written: list[tuple[str, str, LogGroup]] = []
        self.assumed: list[str] = []

    def put_logs(self, project: str, logstore: str, group: LogGroup) -> None:
        self.written.append((project, logstore, group))

    def assume_role_for_service(self, role_arn: str, *, service: str, session_name: str, duration: int) -> Credential:
        self.assumed.append(role_arn)
        return Credential(access_key_id="k", access_key_secret="s", identity=ROLE, expires_at=self.now + duration)

    def is_allowed(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        assert (identity, action, conditions) == (ROLE, "log:PostLogStoreLogs", {})
        assert resource == "acs:log:cn-hangzhou:1:project/p/logstore/l"
        return self.allowed

    def is_denied(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        raise AssertionError("nobody asks")


def deliver(account: Account, role: str) -> None:
    """Write one log, as one delivery after the other does."""
    delivery = LogstoreDelivery(
        account, account, authorizer=account, region="cn-hangzhou", account_id="1", clock=lambda: account.now
    )
    destination = Destination(function="functions/f", role=role, project="p", logstore="l", topic="f")
    for account.now in (0.0, SESSION - 1, SESSION):
        delivery(destination, [LogEntry(time=1.5, fields=[("message", "m")])])


def test_a_role_is_assumed_again_when_its_session_has_ended() -> None:
    account = Account(allowed=True)
    deliver(account, "acs:ram::1:role/runner")
    assert account.assumed == ["acs:ram::1:role/runner"] * 2
    (_, _, group), *_ = account.written
    assert (len(account.written), group.topic, group.logs[0].time) == (3, "f", 1_500_000_000)


def test_a_role_that_may_not_writes_nothing() -> None:
    account = Account(allowed=False)
    with pytest.raises(FcError, match="may not do log:PostLogStoreLogs on acs:log:cn-hangzhou:1:project/p/logstore/l"):
        deliver(account, "acs:ram::1:role/runner")
    assert account.written == []


def test_without_a_role_the_platform_writes() -> None:
    account = Account(allowed=False)
    deliver(account, "")
    assert (account.assumed, len(account.written)) == ([], 3)
