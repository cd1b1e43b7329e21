"""Dashboards, saved searches, machine groups and configurations of Logtail, kept and given back to both official SDKs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_sls20201230 import models
from aliyun.log import LogClient
from aliyun.log.logtail_config_detail import SimpleFileConfigDetail
from aliyun.log.machine_group_detail import MachineGroupDetail

from tests.support.roles import assume_role
from tests.support.sls import client_of, generated_client_of, refusal

Running = Any  # the running cloud of tests/support/cloud.py
DASHBOARD = {
    "dashboardName": "board-1",
    "displayName": "Die Übersicht",
    "charts": [{"title": "one", "type": "table", "search": {"query": "* | select count(*)"}, "display": {}}],
}
SEARCH = {"savedsearchName": "search-1", "displayName": "s", "logstore": "store", "searchQuery": "*", "topic": ""}


def group(name: str = "group-1", *, machines: list[str] | None = None) -> MachineGroupDetail:
    return MachineGroupDetail(name, "ip", machines or ["192.0.2.1"], "", {"groupTopic": "t"})


def config(name: str = "config-1") -> SimpleFileConfigDetail:
    return SimpleFileConfigDetail("functions", name, "/var/log", "*.log")


@pytest.fixture
def project(client: LogClient, project: str) -> str:
    client.create_logstore(project, "functions")
    return project


def test_dashboards_are_kept_listed_changed_and_deleted(client: LogClient, project: str) -> None:
    client.create_dashboard(project, DASHBOARD)
    client.create_dashboard(project, {**DASHBOARD, "dashboardName": "board-2"})
    told = client.get_dashboard(project, "board-1").get_entity()
    assert {name: told[name] for name in DASHBOARD} == DASHBOARD
    listed = client.list_dashboard(project, size=1)
    assert (listed.get_count(), listed.get_total(), listed.get_entities()) == (1, 2, ["board-1"])
    changed = {**DASHBOARD, "charts": []}
    client.update_dashboard(project, changed)
    assert client.get_dashboard(project, "board-1").get_entity()["charts"] == []
    client.delete_dashboard(project, "board-1")
    assert client.list_dashboard(project).get_entities() == ["board-2"]


def test_saved_searches_are_kept_listed_changed_and_deleted(client: LogClient, project: str) -> None:
    client.create_savedsearch(project, SEARCH)
    told = client.get_savedsearch(project, "search-1").get_entity()
    assert {name: told[name] for name in SEARCH} == SEARCH
    client.update_savedsearch(project, {**SEARCH, "searchQuery": "status: 500"})
    assert client.get_savedsearch(project, "search-1").get_entity()["searchQuery"] == "status: 500"
    assert client.list_savedsearch(project).get_entities() == ["search-1"]
    client.delete_savedsearch(project, "search-1")
    assert client.list_savedsearch(project).get_total() == 0


def test_machine_groups_have_configurations_but_no_machines(client: LogClient, project: str) -> None:
    client.create_machine_group(project, group())
    client.create_machine_group(project, group("group-2"))
    client.create_logtail_config(project, config())
    client.create_logtail_config(project, config("config-2"))
    told = client.get_machine_group(project, "group-1").get_machine_group()
    assert (told.machine_list, told.group_attribute) == (["192.0.2.1"], {"groupTopic": "t"})
    client.update_machine_group(project, group(machines=["192.0.2.9"]))
    assert client.get_machine_group(project, "group-1").get_machine_group().machine_list == ["192.0.2.9"]
    assert client.list_machines(project, "group-1").get_machine_total() == 0
    for name in ("config-1", "config-2", "config-1"):
        client.apply_config_to_machine_group(project, name, "group-1")
    applied = client.get_machine_group_applied_configs(project, "group-1")
    assert sorted(applied.get_configs()) == ["config-1", "config-2"]
    assert client.get_config_applied_machine_groups(project, "config-1").get_machine_groups() == ["group-1"]
    client.remove_config_to_machine_group(project, "config-1", "group-1")
    client.delete_logtail_config(project, "config-2")
    assert client.get_machine_group_applied_configs(project, "group-1").get_configs() == []
    assert client.list_machine_group(project).get_machine_group() == ["group-1", "group-2"]
    client.delete_machine_group(project, "group-1")
    assert client.list_machine_group(project).get_machine_group() == ["group-2"]


def test_configurations_of_logtail_are_found_by_their_logstore(client: LogClient, project: str) -> None:
    client.create_logtail_config(project, config())
    told = client.get_logtail_config(project, "config-1").logtail_config
    assert (told.logstore_name, told.config_name) == ("functions", "config-1")
    assert client.list_logtail_config(project, logstore="functions").get_configs() == ["config-1"]
    assert client.list_logtail_config(project, logstore="others").get_configs() == []
    assert client.list_logtail_config(project, config="other").get_configs() == []


def test_what_is_wrong_or_not_there_is_told(client: LogClient, project: str) -> None:
    client.create_dashboard(project, DASHBOARD)
    client.create_machine_group(project, group())
    client.create_logtail_config(project, config())
    calls: list[tuple[Callable[[], object], str, int]] = [
        (lambda: client.create_dashboard(project, DASHBOARD), "ParameterInvalid", 400),
        (lambda: client.create_dashboard(project, {"dashboardName": "x"}), "InvalidDashboardName", 400),
        (lambda: client.create_dashboard(project, {"dashboardName": "x" * 129}), "InvalidDashboardName", 400),
        (lambda: client.create_dashboard(project, {**DASHBOARD, "dashboardName": "ab", "charts": "x"}), "PostBodyInvalid", 400),
        (lambda: client.create_dashboard(project, {"dashboardName": "ab", "charts": [{"title": "a"}] * 2}), "PostBodyInvalid", 400),
        (lambda: client.create_dashboard("absent-project", DASHBOARD), "ProjectNotExist", 404),
        (lambda: client.get_dashboard(project, "absent"), "DashboardNotExist", 404),
        (lambda: client.delete_savedsearch(project, "absent"), "SavedSearchNotExist", 404),
        (lambda: client.create_savedsearch(project, {"savedsearchName": "ab"}), "ParameterInvalid", 400),
        (lambda: client.create_machine_group(project, group()), "MachineGroupAlreadyExist", 400),
        (lambda: client.update_machine_group(project, group("absent")), "MachineGroupNotExist", 404),
        (lambda: client.create_machine_group(project, MachineGroupDetail("ab", "name", [])), "ParameterInvalid", 400),
        (lambda: client.list_machines(project, "absent"), "MachineGroupNotExist", 404),
        (lambda: client.create_logtail_config(project, config()), "ConfigAlreadyExist", 400),
        (lambda: client.get_logtail_config(project, "absent"), "ConfigNotExist", 404),
        (lambda: client.apply_config_to_machine_group(project, "absent", "group-1"), "ConfigNotExist", 404),
        (lambda: client.apply_config_to_machine_group(project, "config-1", "absent"), "MachineGroupNotExist", 404),
        (lambda: client.get_config_applied_machine_groups(project, "absent"), "ConfigNotExist", 404),
    ]  # fmt: skip
    for call, code, status in calls:
        error = refusal(call)
        assert (error.get_error_code(), error.resp_status) == (code, status)


def test_they_go_with_their_project_and_take_a_right(cloud: Running, client: LogClient, project: str) -> None:
    client.create_dashboard(project, DASHBOARD)
    resource = f"acs:log:{cloud.region}:{cloud.account_id}:project/{project}/dashboard/board-1"
    with_role = client_of(
        cloud, key=assume_role(cloud, {"Effect": "Allow", "Action": "log:GetDashboard", "Resource": resource})
    )
    assert with_role.get_dashboard(project, "board-1").get_entity()["dashboardName"] == "board-1"
    for call in (
        lambda: with_role.get_dashboard(project, "board-2"),
        lambda: with_role.list_dashboard(project),
        lambda: with_role.delete_dashboard(project, "board-1"),
    ):
        assert refusal(call).get_error_code() == "Unauthorized"
    client.delete_project(project)
    client.create_project(project, "again")
    assert client.list_dashboard(project).get_total() == 0


def test_the_generated_sdk_reads_them_too(cloud: Running, client: LogClient, project: str) -> None:
    generated = generated_client_of(cloud)
    generated.create_dashboard(project, models.CreateDashboardRequest(body=models.Dashboard().from_map(DASHBOARD)))
    (item,) = generated.list_dashboard(project, models.ListDashboardRequest()).body.dashboard_items
    assert (item.dashboard_name, item.display_name) == ("board-1", "Die Übersicht")
    assert generated.get_dashboard(project, "board-1").body.charts[0].title == "one"
    generated.create_saved_search(project, models.CreateSavedSearchRequest().from_map(SEARCH))
    listed = generated.list_saved_search(project, models.ListSavedSearchRequest(offset=0, size=10)).body
    assert (listed.total, listed.savedsearch_items[0].search_query) == (1, "*")
    client.create_machine_group(project, group())
    assert generated.get_machine_group(project, "group-1").body.machine_list == ["192.0.2.1"]
    machines = models.ListMachinesRequest(offset=0, size=10)
    assert generated.list_machines(project, "group-1", machines).body.to_map() == {
        "count": 0,
        "machines": [],
        "total": 0,
    }
    client.create_logtail_config(project, config())
    generated.apply_config_to_machine_group(project, "group-1", "config-1")
    assert generated.get_applied_configs(project, "group-1").body.configs == ["config-1"]
    assert json.loads(json.dumps(generated.get_config(project, "config-1").body.to_map()))["configName"] == "config-1"
