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
    for name in ("functions", "logstores", "index", "shards", "logs"):
        target = find_route("GET", f"/logstores/{name}/index", {}, project="logs")
        assert (target.route.run.__name__, target.logstore, target.shard) == ("get_index", name, None)


@pytest.mark.parametrize(
    ("method", "path", "query", "name"),
    [
        ("POST", "/logstores/a", {}, "put_logs"),
        ("POST", "/logstores/a/shards/lb", {}, "put_logs"),
        ("POST", "/logstores/a/shards/route", {"key": "0"}, "put_logs"),
        ("GET", "/logstores/a", {}, "get_logstore"),
        ("GET", "/logstores/a", {"type": "log", "from": "1", "to": "2"}, "get_logs"),
        ("GET", "/logstores/a", {"type": "histogram"}, "get_histograms"),
        ("GET", "/logstores/a/index", {"type": "histogram"}, "get_histograms"),
        ("GET", "/logstores/a/index", {}, "get_index"),
        ("GET", "/logstores/a/shards/12", {"type": "log"}, "pull_logs"),
        ("GET", "/logstores/a/shards/12", {"type": "cursor"}, "get_cursor"),
        ("POST", "/logstores/a/shards/12", {"action": "split", "shardCount": "2"}, "split_shard"),
        ("POST", "/logstores/a/shards/12", {"action": "merge"}, "merge_shards"),
        ("GET", "/logstores/a/consumergroups", {}, "list_consumer_groups"),
        ("POST", "/logstores/a/consumergroups/b", {"type": "heartbeat", "consumer": "c"}, "beat"),
    ],
)
def test_a_parameter_tells_operations_of_one_path_apart(
    method: str, path: str, query: dict[str, str], name: str
) -> None:
    target = find_route(method, path, query, project="logs")
    assert (target.route.run.__name__, target.logstore) == (name, "a")
    assert target.shard == (12 if path.endswith("12") else None)
    assert target.group == ("b" if path.endswith("/b") else "")


@pytest.mark.parametrize(
    ("method", "path", "query", "project"),
    [
        ("POST", "/logstores/functions/shards/0", {"action": "move"}, "logs"),
        ("POST", "/logstores/functions/shards/0", {"action": "merge", "key": "8"}, "logs"),
        ("POST", "/logstores/functions/shards/0", {"action": "merge", "type": "log"}, "logs"),
        ("DELETE", "/logstores/functions/shards/0", {}, "logs"),
        ("GET", "/logstores/functions/consumergroups/", {}, "logs"),
        ("POST", "/logstores/functions/consumergroups/a", {}, "logs"),
        ("GET", "/logstores/functions", {"type": "topic"}, "logs"),
        ("GET", "/logstores/functions", {"type": "log", "other": "1"}, "logs"),
        ("GET", "/logstores/functions", {"from": "1"}, "logs"),
        ("GET", "/logstores/functions/shards/0", {}, "logs"),
        ("GET", "/logstores/functions/shards/9999999999", {"type": "log"}, "logs"),
        ("GET", "/logstores/../functions", {}, "logs"),
        ("GET", "/logstores/%66unctions", {}, "logs"),
        ("GET", "/logstores/", {}, "logs"),
        ("GET", "/logstores", {}, ""),
        ("DELETE", "/", {}, ""),
        ("PATCH", "/", {}, "logs"),
        ("GET", "//", {}, "logs"),
        ("GET", "/tag", {}, "logs"),
    ],
)
def test_what_is_not_there_is_refused_by_its_name(method: str, path: str, query: dict[str, str], project: str) -> None:
    with pytest.raises(SlsError, match=f"not implemented: {method} ") as caught:
        find_route(method, path, query, project=project)
    assert caught.value.status == 400
