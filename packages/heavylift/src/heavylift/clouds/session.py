"""Sessions with a cloud: the embedded one by default, a region of Alibaba Cloud when it is asked for.

A session makes the official SDKs' clients. Everything that uses one is the same for both clouds; only the endpoints differ.
A client's SDK is imported when that client is made: together they take longer than most commands.

Sources: "Endpoints" of OSS, ROS, Function Compute and STS; "Configure credentials" of the aliyun CLI (`~/.aliyun/config.json`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from alibabacloud_credentials.client import Client as Credentials
from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_credentials.provider import (
    CLIProfileCredentialsProvider,
    StaticAKCredentialsProvider,
    StaticSTSCredentialsProvider,
)
from alibabacloud_tea_openapi.utils_models import Config

from heavylift.clouds.embedded import Endpoints
from heavylift.errors import HeavyliftError

if TYPE_CHECKING:
    import oss2
    from alibabacloud_fc20230330.client import Client as Fc3Client
    from alibabacloud_fc_open20210406.client import Client as Fc2Client
    from alibabacloud_ros20190910.client import Client as RosClient

KEY_VARIABLES = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
TOKEN_VARIABLE = "ALIBABA_CLOUD_SECURITY_TOKEN"  # noqa: S105 - a name
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
CONNECT_TIMEOUT = 10_000  # milliseconds
READ_TIMEOUT = 90_000  # milliseconds, as ros-cdk has it


@dataclass(frozen=True, kw_only=True)
class Session:
    """A cloud, a region and a key.

    Attributes:
        region: the region's id.
        is_local: whether it is the embedded cloud.
        oss: the URL of OSS.
        ros: the URL of ROS.
        sts: the URL of STS.
        fc3: the URL of Function Compute 3.0.
        fc2: the URL of Function Compute 2.0, from the account's number.
        credentials: whose key signs; it renews keys that expire.
        data: the embedded cloud's data folder; None for a real one.
    """

    region: str
    is_local: bool
    oss: str
    ros: str
    sts: str
    fc3: str
    fc2: Callable[[str], str]
    credentials: Credentials = field(repr=False)
    data: Path | None = None

    @cached_property
    def account_id(self) -> str:
        """The number of the account, as STS tells it."""
        from alibabacloud_sts20150401.client import Client

        client = Client(self._config(self.sts))
        return str(client.get_caller_identity().body.account_id)

    def ros_client(self) -> RosClient:
        """Return a client of ROS."""
        from alibabacloud_ros20190910.client import Client

        return Client(self._config(self.ros))

    def fc2_client(self) -> Fc2Client:
        """Return a client of Function Compute 2.0."""
        from alibabacloud_fc_open20210406.client import Client

        return Client(self._config(self.fc2(self.account_id)))

    def fc3_client(self) -> Fc3Client:
        """Return a client of Function Compute 3.0."""
        from alibabacloud_fc20230330.client import Client

        return Client(self._config(self.fc3))

    def bucket(self, name: str) -> oss2.Bucket:
        """Return a bucket, which may not exist; requests are signed with V4."""
        import oss2

        auth = oss2.ProviderAuthV4(_OssCredentials(self.credentials))
        return oss2.Bucket(auth, self.oss, name, region=self.region, connect_timeout=CONNECT_TIMEOUT / 1000)

    def _config(self, url: str) -> Config:
        parts = urlsplit(url)
        return Config(
            credential=self.credentials,
            region_id=self.region,
            protocol=parts.scheme,
            endpoint=parts.netloc,
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
        )


class _OssCredentials:
    """The session's credentials as oss2 asks for them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def get_credentials(self) -> oss2.credentials.Credentials:
        import oss2

        key = self._credentials.get_credential()
        return oss2.credentials.Credentials(key.access_key_id, key.access_key_secret, key.security_token or "")


def local_session(endpoints: Endpoints, data: Path) -> Session:
    """Return a session with the embedded cloud.

    From now on this process uses no proxy: the SDKs would send even what is for loopback through one.
    """
    for name in PROXY_VARIABLES:
        os.environ.pop(name, None)
    provider = StaticAKCredentialsProvider(
        access_key_id=endpoints.access_key_id, access_key_secret=endpoints.access_key_secret
    )
    return Session(
        region=endpoints.region,
        is_local=True,
        oss=endpoints.oss,
        ros=endpoints.ros,
        sts=endpoints.sts,
        fc3=endpoints.fc,
        fc2=lambda _account: endpoints.fc,
        credentials=Credentials(provider=provider),
        data=data,
    )


def cloud_session(region: str, *, profile: str | None, environment: Mapping[str, str]) -> Session:
    """Return a session with a region of Alibaba Cloud.

    Args:
        region: `cn-hangzhou`.
        profile: a profile of the aliyun CLI; None: the environment's key when there is one, else the CLI's current profile.
        environment: the process's environment variables.

    Raises:
        HeavyliftError: the region's name cannot be one, or there is no usable key.
    """
    if not region.replace("-", "").isalnum() or not region.islower():
        raise HeavyliftError(f"`--cloud {region}` names no region; give its id, such as cn-hangzhou")
    return Session(
        region=region,
        is_local=False,
        oss=f"https://oss-{region}.aliyuncs.com",
        ros="https://ros.aliyuncs.com",
        sts=f"https://sts.{region}.aliyuncs.com",
        fc3=f"https://fcv3.{region}.aliyuncs.com",
        fc2=lambda account: f"https://{account}.{region}.fc.aliyuncs.com",
        credentials=find_credentials(profile, environment),
    )


def find_credentials(profile: str | None, environment: Mapping[str, str]) -> Credentials:
    """Find a key in the environment or in the aliyun CLI's configuration, and check that it can be read.

    Args:
        profile: a profile of the aliyun CLI; None: the environment's key when there is one, else the CLI's current profile.
        environment: the process's environment variables.

    Raises:
        HeavyliftError: there is none; the message never holds any part of a key.
    """
    given = [name for name in KEY_VARIABLES if environment.get(name)]
    provider: Any  # the vendor's classes are untyped
    if profile is None and len(given) == len(KEY_VARIABLES):
        provider, source = _environment_provider(environment), "the environment"
    elif profile is None and given:
        raise HeavyliftError(f"of {' and '.join(KEY_VARIABLES)} only {given[0]} is set; set both, or neither")
    else:
        file = Path(environment.get("HOME", "~")).expanduser() / ".aliyun" / "config.json"
        provider = CLIProfileCredentialsProvider(profile_name=profile, profile_file=str(file))
        source = f"profile {profile} of {file}" if profile else f"the current profile of {file}"
        if not file.exists():
            raise HeavyliftError(
                f"there are no credentials: set {' and '.join(KEY_VARIABLES)}, or make {file} with `aliyun configure`"
            )
    credentials = Credentials(provider=provider)
    try:
        key = credentials.get_credential()
    except (CredentialException, OSError, ValueError, TypeError, AttributeError) as error:
        raise HeavyliftError(
            f"{source} gives no credentials: {error}; check it with `aliyun configure list`"
        ) from error
    if not key.access_key_id or not key.access_key_secret:
        raise HeavyliftError(f"{source} holds no access key; fill it with `aliyun configure`")
    return credentials


def _environment_provider(environment: Mapping[str, str]) -> Any:  # noqa: ANN401 - the vendor's classes are untyped
    key = dict(zip(("access_key_id", "access_key_secret"), (environment[name] for name in KEY_VARIABLES), strict=True))
    token = environment.get(TOKEN_VARIABLE)
    return StaticSTSCredentialsProvider(**key, security_token=token) if token else StaticAKCredentialsProvider(**key)
