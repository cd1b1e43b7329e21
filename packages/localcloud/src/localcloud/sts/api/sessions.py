"""The actions of the STS API: a role is assumed, and a caller learns who it is.

Sources: STS API reference 2015-04-01; the models of alibabacloud_sts20150401.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from localcloud.kernel.actions import Answer
from localcloud.kernel.parameters import Reader
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.ram.model import DEFAULT_SESSION
from localcloud.sts.errors import StsError
from localcloud.sts.operations.sessions import StsService

reader = Reader(StsError)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)  # STS API, "AssumeRole"


class SessionCalls:
    """The actions on sessions."""

    def __init__(self, sts: StsService) -> None:
        self._sts = sts

    def assume_role(self, call: Call) -> Answer:
        """AssumeRole."""
        role_arn = reader.required(call, "RoleArn")
        credential = self._sts.assume_role(
            call.identity,
            role_arn,
            session_name=reader.required(call, "RoleSessionName"),
            duration=reader.whole(call, "DurationSeconds", DEFAULT_SESSION),
            session_policy=call.parameters.get("Policy") or None,
            conditions={**call.caller.conditions, **_external_id(call)},
        )
        assert credential.expires_at is not None, "a session's key always expires"
        return {
            "Credentials": {
                "AccessKeyId": credential.access_key_id,
                "AccessKeySecret": credential.access_key_secret,
                "SecurityToken": credential.security_token,
                "Expiration": to_seconds(credential.expires_at),
            },
            "AssumedRoleUser": {
                "Arn": f"{role_arn}/{credential.identity.session_name}",
                "AssumedRoleId": f"{self._sts.role_id(role_arn)}:{credential.identity.session_name}",
            },
        }

    def get_caller_identity(self, call: Call) -> Answer:
        """GetCallerIdentity."""
        identity = call.identity
        if identity.role_arn is None:
            number = identity.user_id or identity.account_id
            return {
                "IdentityType": "Account" if identity.acts_for_account else "RAMUser",
                "AccountId": identity.account_id,
                "PrincipalId": number,
                "UserId": number,
                "Arn": identity.principal,
            }
        role_id = self._sts.role_id(identity.role_arn)
        return {
            "IdentityType": "AssumedRoleUser",
            "AccountId": identity.account_id,
            "PrincipalId": f"{role_id}:{identity.session_name}",
            "RoleId": role_id,
            "Arn": f"{identity.role_arn.replace(':role/', ':assumed-role/')}/{identity.session_name}",
        }


def _external_id(call: Call) -> Mapping[str, str]:
    """Return the condition by which a trust policy knows on whose behalf a role is assumed; empty: the call has none."""
    given = call.parameters.get("ExternalId", "")
    if given and not _EXTERNAL_ID.fullmatch(given):
        raise StsError(
            "InvalidParameter.ExternalId",
            "The parameter ExternalId is wrongly formed: use 2 to 1224 of letters, digits and = , . @ : / - _ +.",
        )
    return {"sts:ExternalId": given} if given else {}
