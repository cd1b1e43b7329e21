"""The limits that functions are held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.model import Function
from localcloud.fc.operations.rules import check_function, check_name

FUNCTION = Function(service="s", name="f", runtime="python3.10", handler="index.handler")


@pytest.mark.parametrize("cpu", [0.25, 0.35, 1.0, None])
def test_cpu_that_fits_1_gigabyte(cpu: float | None) -> None:
    check_function(replace(FUNCTION, memory=1024, cpu=cpu))


@pytest.mark.parametrize("cpu", [0.2, 1.05, 0.33, 0.0, -1.0])
def test_cpu_that_does_not_fit_1_gigabyte(cpu: float) -> None:
    with pytest.raises(FcError, match="with 1 to 4 GB of memory for each vCPU"):
        check_function(replace(FUNCTION, memory=1024, cpu=cpu))


@pytest.mark.parametrize(
    "good",
    [{"memory": 128}, {"memory": 32768}, {"timeout": 86400}, {"disk": 10240}, {"environment": {"A": "x" * 4095}},
     {"name": "f" * 64}],
)  # fmt: skip
def test_limits_are_inclusive(good: Mapping[str, Any]) -> None:
    check_function(replace(FUNCTION, **good))


@pytest.mark.parametrize(
    "bad",
    [{"memory": 127}, {"memory": 32832}, {"timeout": 0}, {"disk": 0}, {"environment": {"A": "é" * 2048}},
     {"initializer": "index"}, {"runtime": "python3.11"}, {"environment": {"A-B": ""}}, {"concurrency": 2},
     {"pre_stop": "index"}, {"pre_freeze_timeout": 91}, {"health_check": {"httpGetUrl": "healthz"}},
     {"health_check": {"timeoutSeconds": 4}}, {"name": "f" * 65}],
)  # fmt: skip
def test_beyond_the_limits(bad: Mapping[str, Any]) -> None:
    with pytest.raises(FcError) as error:
        check_function(replace(FUNCTION, **bad))
    assert error.value.status == 400


@pytest.mark.parametrize("name", ["", "1a", "a/b", "a.b", "../a", "a" * 129, "ä"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(FcError, match="is not valid"):
        check_name("functionName", name)


@pytest.mark.parametrize("environment", [{"A": "a\0"}, {"A\0": "a"}, {"A": "\ud800"}])
def test_variables_that_no_process_can_be_given(environment: Mapping[str, str]) -> None:
    with pytest.raises(FcError, match="environmentVariables"):
        check_function(replace(FUNCTION, environment=environment))


@pytest.mark.parametrize("handler", ["index.\0", "in dex.handler", "index"])
def test_handlers_that_name_nothing(handler: str) -> None:
    with pytest.raises(FcError, match="handler"):
        check_function(replace(FUNCTION, handler=handler))


def test_a_runtime_of_the_platform_that_is_not_here_is_refused_by_name() -> None:
    check_function(replace(FUNCTION, runtime="python3"))  # of Python 3.6, as tutorials of FC 2.0 have it
    with pytest.raises(FcError, match=r"not implemented: runtime java11; here are python3, ") as error:
        check_function(replace(FUNCTION, runtime="java11"))
    assert error.value.status == 501
