"""The operations on what a project keeps as it was given.

Sources: SLS API reference, "Dashboard", "Saved search", "Machine group", "Logtail configuration"; `logclient.py` of
aliyun-log-python-sdk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from localcloud.sls.api.calls import Answer, Call, cut_page, read_element
from localcloud.sls.errors import SlsError
from localcloud.sls.model import Description, DescriptionKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """The way in which the API speaks of a kind of description."""

    kind: DescriptionKind
    noun: str  # of actions
    arn: str  # of resources
    name: str  # of the element that has the name
    names: str  # of the list of names, and the path
    items: str = ""  # of the list of more than names; empty: there is none
    shown: Sequence[str] = ()  # the elements in it
    filters: Sequence[str] = ()  # query parameters that narrow the list


KINDS = (
    Kind(
        kind=DescriptionKind.DASHBOARD,
        noun="Dashboard",
        arn="dashboard",
        name="dashboardName",
        names="dashboards",
        items="dashboardItems",
        shown=("dashboardName", "displayName", "description"),
        filters=("dashboardName",),
    ),
    Kind(
        kind=DescriptionKind.SAVED_SEARCH,
        noun="SavedSearch",
        arn="savedsearch",
        name="savedsearchName",
        names="savedsearches",
        items="savedsearchItems",
        shown=("savedsearchName", "displayName", "logstore", "searchQuery", "topic"),
        filters=("savedsearchName",),
    ),
    Kind(
        kind=DescriptionKind.MACHINE_GROUP,
        noun="MachineGroup",
        arn="machinegroup",
        name="groupName",
        names="machinegroups",
        filters=("groupName",),
    ),
    Kind(
        kind=DescriptionKind.CONFIG,
        noun="Config",
        arn="logtailconfig",
        name="configName",
        names="configs",
        filters=("configName", "logstoreName"),
    ),
)
_CONTENT = {"createTime", "lastModifyTime"}  # elements that an answer adds


def operations(kind: Kind) -> dict[str, Callable[[Call], Answer]]:
    """Return the operations on a kind, by the first part of their names."""
    return {
        "Create": partial(_create, kind),
        "List": partial(_list, kind),
        "Get": partial(_get, kind),
        "Update": partial(_update, kind),
        "Delete": partial(_delete, kind),
    }


def _allow(call: Call, kind: Kind, verb: str, name: str) -> None:
    call.allow(f"{verb}{kind.noun}", f"project/{call.project}/{kind.arn}/{name}")


def _read(call: Call, kind: Kind) -> tuple[str, dict[str, Any]]:
    body = call.read_body()
    name = read_element(body, kind.name, str, "ParameterInvalid") or ""
    return name, {element: value for element, value in body.items() if element not in _CONTENT}


def _create(kind: Kind, call: Call) -> Answer:
    name, document = _read(call, kind)
    _allow(call, kind, "Create", name)
    call.sls.create_description(call.project, kind.kind, name, document)
    return None


def _get(kind: Kind, call: Call) -> Answer:
    _allow(call, kind, "Get", call.item)
    return _write(call.sls.description(call.project, kind.kind, call.item))


def _update(kind: Kind, call: Call) -> Answer:
    _allow(call, kind, "Update", call.item)
    name, document = _read(call, kind)
    if name not in ("", call.item):
        raise SlsError("ParameterInvalid", f"{kind.name} is not the one of the path, {call.item}")
    call.sls.update_description(call.project, kind.kind, call.item, {**document, kind.name: call.item})
    return None


def _delete(kind: Kind, call: Call) -> Answer:
    _allow(call, kind, "Delete", call.item)
    call.sls.delete_description(call.project, kind.kind, call.item)
    return None


def _list(kind: Kind, call: Call) -> Answer:
    _allow(call, kind, "List", "*")
    found = call.sls.descriptions(call.project, kind.kind)
    if wanted := call.query.get(kind.name):
        found = [each for each in found if wanted in each.name]
    if wanted := call.query.get("logstoreName"):
        found = [each for each in found if _logstore_of(each) == wanted]
    answer: Any = cut_page(call, kind.names, found, lambda each: each.name)
    if kind.items:
        page = {each.name: each for each in found}
        answer[kind.items] = [
            {name: page[one].document[name] for name in kind.shown if name in page[one].document}
            for one in answer[kind.names]
        ]
    return answer  # type: ignore[no-any-return]


def _logstore_of(config: Description) -> object:
    output = config.document.get("outputDetail")
    return output.get("logstoreName") if isinstance(output, dict) else None


def _write(description: Description) -> dict[str, object]:
    return {
        **description.document,
        "createTime": int(description.created),
        "lastModifyTime": int(description.modified),
    }


def list_machines(call: Call) -> Answer:
    """ListMachines, of which none runs Logtail here."""
    call.allow("ListMachines", f"project/{call.project}/machinegroup/{call.item}")
    call.sls.description(call.project, DescriptionKind.MACHINE_GROUP, call.item)
    return {"count": 0, "total": 0, "machines": []}


def apply_config(call: Call) -> Answer:
    """ApplyConfigToMachineGroup."""
    call.allow("ApplyConfigToGroup", f"project/{call.project}/machinegroup/{call.item}")
    call.sls.apply_config(call.project, call.item, call.applied)
    return None


def remove_config(call: Call) -> Answer:
    """RemoveConfigFromMachineGroup."""
    call.allow("RemoveConfigFromGroup", f"project/{call.project}/machinegroup/{call.item}")
    call.sls.remove_config(call.project, call.item, call.applied)
    return None


def applied_configs(call: Call) -> Answer:
    """GetAppliedConfigs."""
    call.allow("GetAppliedConfigs", f"project/{call.project}/machinegroup/{call.item}")
    configs = [*call.sls.description(call.project, DescriptionKind.MACHINE_GROUP, call.item).applied]
    return {"count": len(configs), "configs": configs}


def groups_of_config(call: Call) -> Answer:
    """GetAppliedMachineGroups."""
    call.allow("GetAppliedMachineGroups", f"project/{call.project}/logtailconfig/{call.item}")
    call.sls.description(call.project, DescriptionKind.CONFIG, call.item)
    groups = call.sls.descriptions(call.project, DescriptionKind.MACHINE_GROUP)
    names = [group.name for group in groups if call.item in group.applied]
    return {"count": len(names), "machinegroups": names}
