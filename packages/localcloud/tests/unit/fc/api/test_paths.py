"""Targets of requests: the operation and the resource that policies name."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from localcloud.fc.api.paths import find_target
from localcloud.fc.api.refused import REFUSED
from localcloud.fc.api.routes import OPERATIONS
from localcloud.fc.api.table import ROUTES
from localcloud.fc.errors import FcError


def test_every_route_is_served_or_refused_by_name_and_none_is_both() -> None:
    routed = {operation for shapes in ROUTES.values() for methods in shapes.values() for operation in methods.values()}
    assert routed == OPERATIONS.keys() | REFUSED.keys()
    assert not OPERATIONS.keys() & REFUSED.keys()


@pytest.mark.parametrize(
    ("method", "path", "query", "operation", "resource"),
    [
        ("GET", "/2021-04-06/services", {}, "ListServices", "services/*"),
        ("GET", "/2016-08-15/services/s.prod", {}, "GetService", "services/s.prod"),
        ("GET", "/2021-04-06/services/s", {"qualifier": "prod"}, "GetService", "services/s.prod"),
        (
            "POST",
            "/2021-04-06/services/s.LATEST/functions/f/invocations",
            {},
            "InvokeFunction",
            "services/s/functions/f",
        ),
        ("POST", "/2016-08-15/services/s/versions", {}, "PublishServiceVersion", "services/s/versions"),
        ("DELETE", "/2016-08-15/services/s/versions/1", {}, "DeleteServiceVersion", "services/s/versions/1"),
        ("GET", "/2021-04-06/services/s/aliases", {}, "ListAliases", "services/s/aliases/*"),
        ("GET", "/2021-04-06/services/s/functions/f/code", {}, "GetFunctionCode", "services/s/functions/f/code"),
        (
            "PUT",
            "/2016-08-15/services/s.a/functions/f/provision-config",
            {},
            "PutProvisionConfig",
            "services/s.a/functions/f",
        ),
        ("GET", "/2021-04-06/tag", {}, "GetResourceTags", "tag"),
        ("GET", "/2023-03-30/functions/f/triggers", {}, "ListTriggers", "functions/f/triggers/*"),
        ("GET", "/2023-03-30/functions/f", {"qualifier": "prod"}, "GetFunction", "functions/f"),
        ("PUT", "/2023-03-30/functions/f/async-tasks/t-1/stop", {}, "StopAsyncTask", "functions/f/async-tasks/t-1"),
        ("POST", "/2023-03-30/functions/f/invoke/disable", {}, "DisableFunctionInvocation", "functions/f"),
        ("GET", "/2023-03-30/layers/l/versions", {}, "ListLayerVersions", "layers/l/versions/*"),
        ("GET", "/2023-03-30/layers/l/versions/2", {}, "GetLayerVersion", "layers/l/versions/2"),
        (
            "GET",
            "/2023-03-30/layerarn/acs%3Afc%3Ar%3A1%3Alayers%2Fl%2Fversions%2F1",
            {},
            "GetLayerVersionByArn",
            "layerarn/acs:fc:r:1:layers/l/versions/1",
        ),
    ],
)
def test_target(method: str, path: str, query: Mapping[str, str], operation: str, resource: str) -> None:
    target = find_target(method, path, query)
    assert (target.operation, target.resource) == (operation, resource)


@pytest.mark.parametrize(
    ("path", "function", "owner"),
    [
        ("/2021-04-06/services/s.prod/functions/f", "services/s/functions/f", "services/s"),
        ("/2023-03-30/functions/f", "functions/f", "functions/f"),
    ],
)
def test_a_target_names_the_function_and_what_its_versions_belong_to(path: str, function: str, owner: str) -> None:
    target = find_target("GET", path, {})
    assert (target.path, target.owner) == (function, owner)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/2021-04-06/nothing", {}, "NotImplemented"),
        ("/2020-01-01/services", {}, "NotImplemented"),
        ("/2023-03-30/services", {}, "NotImplemented"),
        ("/2021-04-06/services/1", {}, "InvalidArgument"),
        ("/2021-04-06/services/s%2Fx", {}, "InvalidArgument"),
        ("/2021-04-06/services/s.a.b", {}, "InvalidArgument"),
        ("/2021-04-06/services/s.a", {"qualifier": "b"}, "InvalidArgument"),
        ("/2023-03-30/functions/f", {"qualifier": "../a"}, "InvalidArgument"),
        ("/2023-03-30/layerarn/%0a", {}, "InvalidArgument"),
    ],
)
def test_what_is_not_a_target_is_refused(path: str, query: Mapping[str, str], code: str) -> None:
    with pytest.raises(FcError) as refused:
        find_target("GET", path, query)
    assert refused.value.code == code


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/2021-04-06/services/s.1/functions/f", "/2016-08-15/services/s.prod"])
def test_what_is_published_cannot_be_changed(method: str, path: str) -> None:
    with pytest.raises(FcError, match="takes no qualifier"):
        find_target(method, path, {})
