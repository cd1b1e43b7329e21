"""The writing of functions' logs to logstores, in the name of whoever has the right to.

That is a function's role where it has one, which needs the right, else the platform: that is what the service-linked role
AliyunServiceRoleForFC is for ("Service-linked role of Function Compute"). That a function's role comes before it is assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from localcloud.fc.errors import FcError
from localcloud.fc.instances.delivery import Destination, LogEntry
from localcloud.fc.instances.environment import PRINCIPAL, Roles
from localcloud.kernel.identity import Authorizer, Credential, Identity
from localcloud.sls.model import NANOSECONDS, Log, LogGroup

SESSION = 60 * 60  # seconds for which a role is assumed


class LogGroups(Protocol):
    """The log groups of an account's logstores. A method raises `ApiError` with SLS's code."""

    def put_logs(self, project: str, logstore: str, group: LogGroup) -> None:
        """Put a log group into a logstore."""


class LogstoreDelivery:
    """Writes to logstores; see `Deliver`.

    Args:
        groups: where it writes.
        roles: gives the credentials of functions' roles.
        authorizer: knows what these may do.
        region: of the logstores.
        account_id: whose they are.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        groups: LogGroups,
        roles: Roles,
        *,
        authorizer: Authorizer,
        region: str,
        account_id: str,
        clock: Callable[[], float],
    ) -> None:
        self._groups = groups
        self._roles = roles
        self._authorizer = authorizer
        self._region = region
        self._account_id = account_id
        self._clock = clock
        self._credentials: dict[str, Credential] = {}  # by role

    def __call__(self, destination: Destination, entries: Sequence[LogEntry]) -> None:
        """See `Deliver`."""
        if destination.role:
            self._require(destination)
        logs = [Log(time=int(entry.time * NANOSECONDS), contents=entry.fields) for entry in entries]
        self._groups.put_logs(destination.project, destination.logstore, LogGroup(topic=destination.topic, logs=logs))

    def _require(self, destination: Destination) -> None:
        action = "log:PostLogStoreLogs"
        place = f"project/{destination.project}/logstore/{destination.logstore}"
        resource = f"acs:log:{self._region}:{self._account_id}:{place}"
        if not self._authorizer.is_allowed(
            self._assume(destination.role), action=action, resource=resource, conditions={}
        ):
            raise FcError("AccessDenied", f"the role {destination.role} may not do {action} on {resource}")

    def _assume(self, role: str) -> Identity:
        credential = self._credentials.get(role)
        if credential is None or (credential.expires_at or 0.0) <= self._clock():
            credential = self._credentials[role] = self._roles.assume_role_for_service(
                role, service=PRINCIPAL, session_name="fc-logs", duration=SESSION
            )
        return credential.identity
