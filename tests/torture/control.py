"""Signed calls of the services beside OSS, for sweeps that watch what became of an attack."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.support.signers import Key, acs3, rpc
from tests.support.wire import Answer, Request, exchange
from tests.torture.cloud import Cloud

RAM, STS, ROS = "2015-05-01", "2015-04-01", "2019-09-10"


class Api:
    """The services of an embedded cloud, as one key calls them.

    Args:
        cloud: the embedded cloud.
        key: who calls; the account when not given.
    """

    def __init__(self, cloud: Cloud, key: Key | None = None) -> None:
        self.cloud, self.key = cloud, key or cloud.key

    def host(self, service: str) -> str:
        """Return what the Host header says."""
        return self.cloud.host(service)

    def ram(self, action: str, **parameters: str) -> Answer:
        """Call an action of RAM."""
        return self._rpc("ram", action, RAM, parameters)

    def sts(self, action: str, **parameters: str) -> Answer:
        """Call an action of STS."""
        return self._rpc("sts", action, STS, parameters)

    def ros(self, action: str, **parameters: str) -> Answer:
        """Call an action of ROS."""
        return self._rpc("ros", action, ROS, {"RegionId": self.cloud.region, **parameters})

    def _rpc(self, service: str, action: str, version: str, parameters: dict[str, str]) -> Answer:
        said = {"Action": action, "Version": version, **parameters}
        request = rpc(self.key, said, host=self.host(service), form=True)
        return exchange(self.cloud.address(service), request)

    def fc(self, method: str, target: str, record: Any = None) -> Answer:
        """Call Function Compute; the target may hold a query of plain pairs."""
        path, _, query = target.partition("?")
        pairs = tuple((name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair))
        body = b"" if record is None else json.dumps(record).encode()
        headers = (("Host", self.host("fc")), ("Content-Type", "application/json"))
        return exchange(self.cloud.address("fc"), acs3(self.key, Request(method, path, pairs, headers, body)))

    def settled(self, stack_id: str, patience: float = 30.0) -> dict[str, Any] | None:
        """Wait until nothing goes on with a stack and return it; None: it is not known, or goes on for ever."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            answer = self.ros("GetStack", StackId=stack_id)
            if answer.status != 200:
                return None
            stack: dict[str, Any] = json.loads(answer.body)
            if not stack["Status"].endswith("_IN_PROGRESS") or stack["Status"] == "REVIEW_IN_PROGRESS":
                return stack
            time.sleep(0.02)
        return None

    @property
    def trust(self) -> str:
        """The trust policy of a role that the account and Function Compute may assume."""
        principal = {"RAM": [f"acs:ram::{self.cloud.account_id}:root"], "Service": ["fc.aliyuncs.com"]}
        statement = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": principal}
        return json.dumps({"Version": "1", "Statement": [statement]})

    def role_names(self) -> dict[str, str]:
        """Return the description of each role by its name."""
        roles = json.loads(self.ram("ListRoles", MaxItems="1000").body)["Roles"]["Role"]
        return {role["RoleName"]: role.get("Description", "") for role in roles}

    def bucket_names(self) -> set[str]:
        """Return the names of all buckets."""
        import oss2

        service = oss2.Service(
            oss2.AuthV4(self.key.id, self.key.secret), self.cloud.endpoints["oss"], region=self.cloud.region
        )
        return {bucket.name for bucket in oss2.BucketIterator(service, max_keys=1000)}

    def session(self, role: str) -> Key:
        """Create a role that may do everything, assume it, and return the session's key."""
        if role not in self.role_names():
            self.ram("CreateRole", RoleName=role, AssumeRolePolicyDocument=self.trust)
            self.ram("AttachPolicyToRole", RoleName=role, PolicyName="AdministratorAccess", PolicyType="System")
        arn = f"acs:ram::{self.cloud.account_id}:role/{role}"
        answer = self.sts("AssumeRole", RoleArn=arn, RoleSessionName="torture", DurationSeconds="3600")
        given = json.loads(answer.body)["Credentials"]
        return Key(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])
