"""Laws of who may do what with a bucket, for callers of two accounts and nobody, any ACL, policies, and payer."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from hypothesis import example, given
from hypothesis import strategies as st

from localcloud.kernel.access import Caller, Gate
from localcloud.kernel.accounts import new_account
from localcloud.kernel.identity import Credentials, Identity
from localcloud.oss.api.guard import Guard, refuse
from localcloud.oss.api.url import ResourceUrl
from localcloud.oss.errors import OssError
from localcloud.oss.model import ACLS, Bucket
from localcloud.ram import Directory

PAYS = "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>"
OBJECT_ACTIONS = ("oss:GetObject", "oss:GetObjectVersion", "oss:PutObject", "oss:DeleteObject")
ACTIONS = (*OBJECT_ACTIONS, "oss:ListObjects", "oss:GetBucketAcl")


def now() -> float:
    return 1_800_000_000.0


def statement(effect: str, actions: Sequence[str], **more: object) -> dict[str, object]:
    return {"Effect": effect, "Action": list(actions), "Resource": ["acs:oss:*:*:*"], **more}


def document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "1", "Statement": statements})


class World:
    """Two accounts, each with a user that has no policy, one that may do everything, and one that may write nothing."""

    def __init__(self, folder: Path) -> None:
        directory = Directory(folder, new_account(), clock=now)
        other = directory.make("other").account_id
        self.owner = directory.first.account_id
        self.directory = directory
        self.callers: list[Identity | None] = [None]
        policies = {
            "nothing": [],
            "everything": [statement("Allow", ["oss:*"])],
            "reads": [statement("Allow", ["oss:*"]), statement("Deny", ["oss:PutObject"])],
        }
        self.statements: dict[str, list[dict[str, object]]] = {}
        for account in (self.owner, other):
            ram = directory.of(account)
            self.callers.append(Identity(account_id=account))
            for name, statements in policies.items():
                user = ram.create_user(name)
                if statements:
                    ram.create_policy(name, document=document(*statements))
                    ram.attach_policy(name, name, "Custom", kind="User")
                self.statements[user.user_id] = statements
                self.callers.append(
                    Identity(account_id=account, user_arn=ram.user_arn(user.name), user_id=user.user_id)
                )


with tempfile.TemporaryDirectory() as data:
    WORLD = World(Path(data))
NAMES = [each.user_id or each.account_id for each in WORLD.callers if each]


@dataclass(frozen=True)
class Asked:
    """A request, and the bucket that it is for."""

    caller: Identity | None
    action: str
    acl: str
    policy: Sequence[dict[str, object]]
    pays: bool
    payer: str | None

    @property
    def bucket(self) -> Bucket:
        settings = {"requestPayment": PAYS} if self.pays else {}
        if self.policy:
            settings["policy"] = document(*self.policy)
        return Bucket(
            name="photos",
            owner=WORLD.owner,
            region="cn-hangzhou",
            created=0.0,
            acl=self.acl,
            storage_class="Standard",
            settings=settings,
        )

    def is_allowed(self) -> bool:
        guard = Guard(
            credentials=Credentials(()),
            gate=Gate(WORLD.directory, refuse),
            home="cn-hangzhou",
            regions=frozenset({"cn-hangzhou"}),
            clock=now,
            machine_clock=now,
            find_bucket=lambda name: self.bucket,
        )
        caller = Caller(identity=self.caller) if self.caller else None
        key = "a" if self.action in OBJECT_ACTIONS else ""
        headers = {"x-oss-request-payer": self.payer} if self.payer else {}
        try:
            guard.require(
                caller,
                self.action,
                ResourceUrl(bucket="photos", key=key, query=MappingProxyType({})),
                region="cn-hangzhou",
                acl=self.acl,
                conditions=dict,
                headers=headers,
            )
        except OssError as error:
            if error.code != "AccessDenied":
                raise
            return False
        return True

    def should_be_allowed(self) -> bool:
        """The rules, spelt out."""
        theirs = self.caller is None or self.caller.account_id != WORLD.owner
        if theirs and self.pays and (self.caller is None or self.payer != "requester"):
            return False
        if self.caller and not theirs and not self.caller.user_id:
            return True
        of_bucket = {
            each["Effect"] for each in self.policy if self._is_about(each["Action"]) and self._names(each["Principal"])
        }
        own = WORLD.statements[self.caller.user_id] if self.caller and self.caller.user_id else []
        of_caller = {each["Effect"] for each in own if self._is_about(each["Action"])}
        if "Deny" in of_bucket | of_caller:
            return False
        readable = self.action in {"oss:GetObject", "oss:GetObjectVersion"} and self.acl != "private"
        writable = self.action in {"oss:PutObject", "oss:DeleteObject"} and self.acl == "public-read-write"
        return "Allow" in of_bucket or readable or writable or (not theirs and "Allow" in of_caller)

    def _is_about(self, actions: object) -> bool:
        assert isinstance(actions, list)
        return self.action in actions or "oss:*" in actions

    def _names(self, principals: object) -> bool:
        assert isinstance(principals, list)
        own = (self.caller.user_id or self.caller.account_id) if self.caller else None
        return "*" in principals or own in principals


POLICY = st.lists(
    st.builds(
        lambda effect, actions, principals: statement(effect, actions, Principal=principals),
        st.sampled_from(["Allow", "Deny"]),
        st.lists(st.sampled_from([*ACTIONS, "oss:*"]), min_size=1, max_size=3),
        st.lists(st.sampled_from([*NAMES, "*"]), min_size=1, max_size=3),
    ),
    max_size=3,
)
ASKED = st.builds(
    Asked,
    caller=st.sampled_from(WORLD.callers),
    action=st.sampled_from(ACTIONS),
    acl=st.sampled_from(sorted(ACLS)),
    policy=POLICY,
    pays=st.booleans(),
    payer=st.sampled_from([None, "requester", "owner"]),
)


STRANGER = next(each for each in WORLD.callers if each and each.account_id != WORLD.owner)
READS = Asked(caller=STRANGER, action="oss:GetObject", acl="public-read", policy=(), pays=True, payer="requester")


@given(ASKED)
@example(READS)
@example(replace(READS, payer="owner"))
@example(replace(READS, payer=None))
@example(replace(READS, action="oss:GetObjectVersion"))
def test_a_request_is_allowed_as_the_rules_say(asked: Asked) -> None:
    assert asked.is_allowed() == asked.should_be_allowed()


@given(ASKED)
def test_another_account_gets_nothing_that_neither_policy_nor_acl_of_the_bucket_gives(asked: Asked) -> None:
    if asked.caller is None or asked.caller.account_id != WORLD.owner:
        assert not replace(asked, policy=(), acl="private").is_allowed()
