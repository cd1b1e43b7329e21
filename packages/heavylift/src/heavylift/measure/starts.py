"""Forced cold starts: a function gets another variable before each request, so that no instance that runs may answer it.

Sources: "UpdateFunction" of Function Compute, API versions 2021-04-06 and 2023-03-30. That an instance of before an update answers
no later request is assumed; a request whose log holds no start is not counted, and made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from heavylift.clouds.invocation import FunctionName, Invocation, invoke
from heavylift.clouds.session import Session
from heavylift.contracts.startlog import Start, find_starts
from heavylift.errors import HeavyliftError

VARIABLE = "HeavyliftMeasurement"  # the one that changes
TRIES = 3  # of one cold start
TIMEOUT = 900  # seconds to wait for an answer


@dataclass(frozen=True, kw_only=True, slots=True)
class ColdStart:
    """One cold start.

    Attributes:
        seconds: from request to answer, as the caller saw them.
        billed: seconds, of the initializer and the request.
        start: as the function's log tells it.
    """

    seconds: float
    billed: float
    start: Start


class Function:
    """A deployed function that is started cold.

    Args:
        session: where it is.
        name: its name.
        payload: the event of each request.
    """

    def __init__(self, session: Session, name: FunctionName, payload: bytes) -> None:
        self._session = session
        self._name = name
        self._payload = payload
        self._client: Any = session.fc2_client() if name.service else session.fc3_client()
        self._variables = self._read_variables()
        self._updates = 0

    def start(self) -> ColdStart:
        """Start an instance, and wait for the answer of its first request.

        Raises:
            HeavyliftError: the function fails, or no instance is started anew.
        """
        for _ in range(TRIES):
            self._updates += 1
            self._write_variables({**self._variables, VARIABLE: str(self._updates)})
            done = invoke(self._session, self._name, self._payload, timeout=TIMEOUT)
            if done.error_type:
                raise HeavyliftError(
                    f"{self._name.name} fails ({done.error_type}): {done.body.decode(errors='replace')[:400]}; give an event that "
                    "the function answers with its bucket alone (--payload, --file)"
                )
            starts = find_starts(done.log_tail.splitlines())
            if starts:
                return ColdStart(seconds=done.seconds, billed=_billed(done, starts[-1]), start=starts[-1])
        raise HeavyliftError(f"{self._name.name}: {TRIES} requests after updates met instances that ran already")

    def _read_variables(self) -> dict[str, str]:
        if self._name.service:
            body = self._client.get_function(self._name.service, self._name.name, _models2().GetFunctionRequest()).body
        else:
            body = self._client.get_function(self._name.name, _models3().GetFunctionRequest()).body
        return dict(body.environment_variables or {})

    def _write_variables(self, variables: dict[str, str]) -> None:
        if self._name.service:
            request = _models2().UpdateFunctionRequest(environment_variables=variables)
            self._client.update_function(self._name.service, self._name.name, request)
        else:
            models = _models3()
            changed = models.UpdateFunctionInput(environment_variables=variables)
            self._client.update_function(self._name.name, models.UpdateFunctionRequest(body=changed))


def _billed(done: Invocation, start: Start) -> float:
    milliseconds = done.headers.get("x-fc-invocation-duration")
    request = float(milliseconds) / 1000 if milliseconds else done.seconds
    return request + (start.seconds if start.mode == "initializer" and milliseconds else 0.0)


def _models2() -> Any:  # noqa: ANN401 - the vendor's models are untyped; imported when they are needed
    from alibabacloud_fc_open20210406 import models

    return models


def _models3() -> Any:  # noqa: ANN401 - likewise
    from alibabacloud_fc20230330 import models

    return models
