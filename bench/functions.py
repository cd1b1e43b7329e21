"""Function Compute through the official client: create the functions that are measured, invoke and delete them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alibabacloud_fc_open20210406 import models
from alibabacloud_tea_util.models import RuntimeOptions

from heavylift.clouds.embedded import Endpoints
from heavylift.clouds.invocation import Invocation, invoke_fc2
from heavylift.clouds.session import local_session

MANAGEMENT_TIMEOUT = 120_000  # milliseconds; a code package of 100 MB travels in the request
DISK = 10240  # MB; the most that there is, for any measured function


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredCode:
    """A zipped code package in OSS."""

    bucket: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionSettings:
    """The properties of a function (limits: Function Compute's documentation of functions); unless said, the loader starts it."""

    name: str
    code: bytes | StoredCode  # the zipped code package, or where it lies
    runtime: str
    environment: Mapping[str, str]
    handler: str = "loader.handler"
    initializer: str | None = "loader.initializer"
    memory: int = 3072  # MB
    cpu: float = 2.0  # vCPU
    disk: int = DISK  # MB
    timeout: int = 300  # seconds
    initialization_timeout: int = 300  # seconds


class FunctionService:
    """One FC 2.0 service and its functions.

    Args:
        endpoints: where the cloud is and whose key signs.
        name: the service's name.
    """

    def __init__(self, endpoints: Endpoints, name: str) -> None:
        self._name = name
        self._client = local_session(endpoints, Path()).fc2_client()

    def create(self, *, role_arn: str) -> None:
        """Create the service; its functions get credentials of the role."""
        request = models.CreateServiceRequest(service_name=self._name, role=role_arn)
        self._client.create_service_with_options(request, models.CreateServiceHeaders(), self._options())

    def create_function(self, settings: FunctionSettings) -> None:
        """Create a function in the service."""
        code = settings.code
        request = models.CreateFunctionRequest(
            function_name=settings.name,
            code=models.Code(oss_bucket_name=code.bucket, oss_object_name=code.key)
            if isinstance(code, StoredCode)
            else models.Code(zip_file=base64.b64encode(code).decode()),
            handler=settings.handler,
            initializer=settings.initializer,
            memory_size=settings.memory,
            cpu=settings.cpu,
            disk_size=settings.disk,
            timeout=settings.timeout,
            initialization_timeout=settings.initialization_timeout,
            runtime=settings.runtime,
            environment_variables=dict(settings.environment),
        )
        self._client.create_function_with_options(self._name, request, models.CreateFunctionHeaders(), self._options())

    def delete_function(self, name: str) -> None:
        """Delete a function; its instances end."""
        self._client.delete_function_with_options(self._name, name, models.DeleteFunctionHeaders(), self._options())

    def invoke(self, name: str, payload: bytes = b"", *, timeout: int = 600) -> Invocation:
        """Invoke a function and wait for its answer.

        Args:
            name: the function's name.
            payload: the event, up to 32 MB.
            timeout: seconds to wait for the answer.
        """
        return invoke_fc2(self._client, self._name, name, payload, timeout=timeout)

    @staticmethod
    def _options() -> RuntimeOptions:
        return RuntimeOptions(read_timeout=MANAGEMENT_TIMEOUT, connect_timeout=5_000)
