"""The roles that OSS takes: those of inventories and of replication, and what they may do.

Sources: OSS, "Bucket inventory"; "Required permissions for data replication": the role trusts `oss.aliyuncs.com`, and another
account's bucket allows it by its policy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from localcloud.kernel.identity import Authorizer, Identity, account_of
from localcloud.kernel.times import to_seconds
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.operations.replication import Allow, as_owner
from localcloud.oss.settings.policy import decide
from localcloud.oss.settings.replication import Rule, role_arn
from localcloud.ram.policy import Effect, Request

PRINCIPAL = "oss.aliyuncs.com"  # in the trust policies of roles that OSS takes


@dataclass(frozen=True, kw_only=True, slots=True)
class Roles:
    """Takes roles of buckets' owners.

    Attributes:
        trusts: says whether there is a role of that ARN whose trust policy names a service.
        authorizer: says what they may do.
        clock: seconds since the epoch.
    """

    trusts: Callable[[str, str], bool]
    authorizer: Authorizer
    clock: Callable[[], float]

    def check_writer(self, arn: str, bucket: Bucket, key: str) -> None:
        """Refuse a role that does not trust OSS, or may not put an object; see `InventoryOperations`.

        Raises:
            OssError: AccessDenied.
        """
        action, identity = "oss:PutObject", self._take(arn, bucket.owner)
        resource = _resource(bucket, key)
        if not self.authorizer.is_allowed(identity, action=action, resource=resource, conditions={}):
            raise OssError("AccessDenied", f"the role {arn} may not do {action} on {resource}")

    def agent_of(self, owner: str, rule: Rule) -> Allow:
        """Return what a rule of replication may do that an account's bucket has; see `ReplicationOperations`.

        Raises:
            OssError: AccessDenied (its role does not trust OSS, or is not there).
        """
        if rule.role is None:
            return as_owner(owner, rule)
        identity = self._take(role_arn(owner, rule.role), owner)

        def allow(action: str, bucket: Bucket, key: str) -> bool:
            return self._may(identity, action, bucket, key)

        return allow

    def _take(self, arn: str, owner: str) -> Identity:
        if account_of(arn) != owner or not self.trusts(arn, PRINCIPAL):
            raise OssError("AccessDenied", f"the account has no role {arn} that trusts {PRINCIPAL}")
        return Identity(account_id=owner, role_arn=arn, session_name="oss")

    def _may(self, identity: Identity, action: str, bucket: Bucket, key: str) -> bool:
        resource, conditions = _resource(bucket, key), {"acs:CurrentTime": to_seconds(self.clock())}
        effect = decide(bucket, identity, Request(action=action, resource=resource, conditions=conditions))
        if effect is Effect.DENY:
            return False
        if identity.account_id == bucket.owner and effect is None:
            return self.authorizer.is_allowed(identity, action=action, resource=resource, conditions=conditions)
        denied = self.authorizer.is_denied(identity, action=action, resource=resource, conditions=conditions)
        return effect is Effect.ALLOW and not denied


def _resource(bucket: Bucket, key: str) -> str:
    return f"acs:oss:oss-{bucket.region}:{bucket.owner}:{bucket.name}{'/' + key if key else ''}"
