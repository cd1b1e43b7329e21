"""The project of a host, and the operation of a request."""

from __future__ import annotations

import pytest

from localcloud.gateway.names import find_service, served_names
from localcloud.services import SERVICES
from localcloud.sls.api.routes import find_route, project_of
from localcloud.sls.errors import SlsError

NAMES = served_names(SERVICES.values(), region="cn-hangzhou")


def serves(host: str) -> bool:
    return find_service(host, NAMES) == "sls"


@pytest.mark.parametrize(
    ("host", "project"),
    [
        ("logs.cn-hangzhou.log.aliyuncs.com", "logs"),
        ("logs.cn-hangzhou-intranet.log.aliyuncs.com", "logs"),
        ("cn-hangzhou.log.aliyuncs.com", ""),
        ("logs.127.0.0.1", "logs"),
        ("logs.localhost", "logs"),
        ("127.0.0.1", ""),
        ("localhost", ""),
        ("[::1]", ""),
        ("logs.cn-beijing.log.aliyuncs.com", ""),
        ("a.logs.cn-hangzhou.log.aliyuncs.com", ""),
        ("logs.oss-cn-hangzhou.aliyuncs.com", ""),
        ("logs.example.com", ""),
    ],
)
def test_a_host_names_its_project(host: str, project: str) -> None:
    assert project_of(host, serves) == project


def test_the_logstore_is_the_paths_whatever_it_is_called() -> None:
    for name in ("functions", "logstores", "index"):
        route, logstore = find_route("GET", f"/logstores/{name}/index", frozenset(), project="logs")
        assert (route.run.__name__, logstore) == ("get_index", name)


@pytest.mark.parametrize(
    ("method", "path", "query", "project"),
    [
        ("POST", "/logstores/functions/shards/lb", set(), "logs"),
        ("GET", "/logstores/functions", {"type", "from", "to"}, "logs"),
        ("GET", "/logstores/../functions", set(), "logs"),
        ("GET", "/logstores/%66unctions", set(), "logs"),
        ("GET", "/logstores/", set(), "logs"),
        ("GET", "/logstores", set(), ""),
        ("DELETE", "/", set(), ""),
        ("PATCH", "/", set(), "logs"),
        ("GET", "//", set(), "logs"),
    ],
)
def test_what_is_not_there_is_refused_by_its_name(method: str, path: str, query: set[str], project: str) -> None:
    with pytest.raises(SlsError, match=f"not implemented: {method} ") as caught:
        find_route(method, path, frozenset(query), project=project)
    assert caught.value.status == 400
