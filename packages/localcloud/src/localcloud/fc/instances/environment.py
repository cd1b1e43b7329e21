"""The environment of a new instance: the platform's variables, the function's, and credentials of its role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from localcloud.fc.errors import FcError
from localcloud.fc.model import Settings
from localcloud.fc.platform import CREDENTIALS_LIFE
from localcloud.fc.releases import Release
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Credential

# Source: Function Compute, "Create a custom layer".
LAYERED = {"PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin", "LD_LIBRARY_PATH": "/opt/lib"}
PRINCIPAL = "fc.aliyuncs.com"  # in the trust policies of roles that functions take


class Roles(Protocol):
    """The roles of an account."""

    def assume_role_for_service(self, role_arn: str, *, service: str, session_name: str, duration: int) -> Credential:
        """Return credentials of a role that trusts the service.

        Raises:
            ApiError: there is no such role, or it does not trust the service.
        """


def make_environment(release: Release, *, settings: Settings, roles: Roles) -> Mapping[str, str]:
    """Return the environment of a new instance, with fresh credentials.

    Args:
        release: the function.
        settings: name the region and the account.
        roles: give the credentials.

    Raises:
        FcError: AccessDenied: the function's role cannot be assumed.
    """
    function, service = release.function, release.service
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",  # noqa: S108 - the only folder that an instance may write to
        "TZ": "UTC",
        **(LAYERED if function.layers else {}),
        **function.environment,
        "FC_FUNC_CODE_PATH": "/code",
        "FC_ACCOUNT_ID": settings.account_id,
        "FC_REGION": settings.region,
        "FC_FUNCTION_NAME": function.name,
        "FC_FUNCTION_HANDLER": function.handler,
        "FC_FUNCTION_MEMORY_SIZE": str(function.memory),
    }
    if service:
        environment |= {"FC_SERVICE_NAME": service.name, "FC_QUALIFIER": release.qualifier}
    if role := service.role if service else function.role:
        environment |= _credentials(role, session_name=f"fc-{function.name[:60]}", roles=roles)
    return environment


def _credentials(role: str, *, session_name: str, roles: Roles) -> Mapping[str, str]:
    try:
        credential = roles.assume_role_for_service(
            role, service=PRINCIPAL, session_name=session_name, duration=CREDENTIALS_LIFE
        )
    except ApiError as error:
        raise FcError("AccessDenied", f"the role {role} cannot be assumed: {error.message}") from error
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": credential.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": credential.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": credential.security_token or "",
    }
