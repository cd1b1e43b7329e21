"""The identities of one account, for tests of RAM and of STS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Credential, Identity
from localcloud.ram import RamService
from localcloud.sts.operations.sessions import StsService
from tests.support.clock import Clock

ACCOUNT = Credential(
    access_key_id="LOCALroot", access_key_secret="root-secret", identity=Identity(account_id="1111111111111111")
)
HOURS = 3600
OBJECT = "acs:oss:cn-hangzhou:1111111111111111:photos/a"


def document(**statement: Any) -> str:
    return json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", **statement}]})


def trust(**principal: str) -> str:
    return document(Action="sts:AssumeRole", Principal=principal)


READ = document(Action="oss:GetObject", Resource="acs:oss:*:*:photos/*")
FC = trust(Service="fc.aliyuncs.com")
ROOT = trust(RAM="acs:ram::1111111111111111:root")


@dataclass
class Identities:
    """RAM and STS over one folder."""

    folder: Path
    clock: Clock

    def __post_init__(self) -> None:
        self.ram = RamService(self.folder, account=ACCOUNT, clock=self.clock)
        self.sts = StsService(
            self.folder / "sessions", account_id=ACCOUNT.identity.account_id, roles=self.ram, clock=self.clock
        )

    def assume(self, role: str = "reader", duration: int = HOURS, **more: Any) -> Credential:
        arn = self.ram.role_arn(role)
        return self.sts.assume_role(ACCOUNT.identity, arn, session_name="me", duration=duration, **more)


def make_reader(ram: RamService) -> RamService:
    """Make a role `reader` that the account may assume, with a policy that reads photos."""
    ram.create_role("reader", trust_policy=ROOT)
    ram.create_policy("read-photos", document=READ)
    ram.attach_policy("reader", "read-photos", "Custom")
    return ram


def code(caught: pytest.ExceptionInfo[ApiError]) -> str:
    return caught.value.code


def session_of(ram: RamService, role: str = "reader") -> Identity:
    """Return the identity of a session of a role."""
    return Identity(
        account_id=ACCOUNT.identity.account_id, role_arn=ram.role_arn(role), session_name="me", session_policy=None
    )


def may_read(ram: RamService, identity: Identity, resource: str = OBJECT) -> bool:
    return ram.is_allowed(identity, action="oss:GetObject", resource=resource, conditions={})
