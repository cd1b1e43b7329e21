"""The errors of the guard: how a denial is told."""

from __future__ import annotations

import pytest

from localcloud.kernel.access import Caller, Denial
from localcloud.kernel.identity import Identity
from localcloud.oss.api.guard import refuse
from localcloud.oss.errors import OssError

ACCOUNT = "1111111111111111"
USER = Identity(account_id=ACCOUNT, user_arn=f"acs:ram::{ACCOUNT}:user/u", user_id="42")
SESSION = Identity(account_id=ACCOUNT, role_arn=f"acs:ram::{ACCOUNT}:role/r", session_name="s")


def denial_of(identity: Identity, action: str = "oss:GetObject", *, is_explicit: bool = False) -> OssError:
    resource = f"acs:oss:oss-cn-hangzhou:{ACCOUNT}:b/k"
    return refuse(Denial(caller=Caller(identity=identity), action=action, resource=resource, is_explicit=is_explicit))


@pytest.mark.parametrize(("identity", "kind", "name"), [(USER, "SubUser", "42"), (SESSION, "AssumedRoleUser", "r:s")])
def test_a_denial_tells_who_lacks_which_right(identity: Identity, kind: str, name: str) -> None:
    error = denial_of(identity)
    assert error.detail["AccessDeniedDetail"] == {
        "PolicyType": "AccountLevelIdentityBasedPolicy",
        "AuthPrincipalOwnerId": ACCOUNT,
        "AuthPrincipalType": kind,
        "AuthPrincipalDisplayName": name,
        "NoPermissionType": "ImplicitDeny",
        "AuthAction": "oss:GetObject",
    }
    assert f"no policy of {identity.principal} allows oss:GetObject on acs:oss:" in error.message


def test_a_denial_has_the_finer_code_of_its_cause() -> None:
    assert denial_of(USER).ec == "0003-00000001"
    assert denial_of(USER, "oss:PutBucket").ec == "0003-00000202"
    assert denial_of(USER, "oss:PutBucket", is_explicit=True).ec == "0003-00000201"
    assert denial_of(USER, "oss:PutObjectTagging").ec == "0003-00000905"
    assert denial_of(USER, "oss:PutObjectTagging", is_explicit=True).ec == "0003-00000201"
