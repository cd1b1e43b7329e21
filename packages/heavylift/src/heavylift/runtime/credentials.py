"""Finds the function's credentials: in the request's context, or in the instance's environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from heavylift.contracts.failures import ConfigurationError

ID = "ALIBABA_CLOUD_ACCESS_KEY_ID"
SECRET = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"  # noqa: S105 - the variable's name
TOKEN = "ALIBABA_CLOUD_SECURITY_TOKEN"  # noqa: S105 - the variable's name


class Credentials(NamedTuple):
    """An access key; temporary when it has a token."""

    access_key_id: str
    access_key_secret: str
    security_token: str  # empty: a long-lived key

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id}, …)"  # the others are secret


def find_credentials(context: object, environment: Mapping[str, str], *, local: bool) -> Credentials:
    """Return the credentials of this call.

    Args:
        context: what the platform passes; the runtimes up to Python 3.10 put `credentials` into it.
        environment: where the later runtimes put them.
        local: the function runs on its author's own machine: use a plain key of the environment.

    Raises:
        ConfigurationError: there are none.
    """
    given = None if local else getattr(context, "credentials", None)
    if given is not None and getattr(given, "access_key_id", None):
        return Credentials(given.access_key_id, given.access_key_secret, given.security_token or "")
    if not environment.get(ID) or not environment.get(SECRET):
        what = f"set {ID} and {SECRET}" if local else "give the service (FC 2.0) or the function (FC 3.0) a role"
        raise ConfigurationError(f"no credentials in the context or in {ID}, {SECRET}: {what}")
    return Credentials(environment[ID], environment[SECRET], "" if local else environment.get(TOKEN, ""))
