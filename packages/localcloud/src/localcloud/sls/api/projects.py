"""The operations on projects. Source: SLS API reference, "Project"."""

from __future__ import annotations

from dataclasses import replace

from localcloud.kernel.times import to_seconds
from localcloud.sls.api.calls import Answer, Call, cut_page, only, read_element
from localcloud.sls.errors import SlsError
from localcloud.sls.model import Project, ProjectSettings

_TEXTS = {"projectName", "description", "resourceGroupId", "dataRedundancyType"}


def create_project(call: Call) -> Answer:
    """CreateProject."""
    body = call.read_body()
    only(body, _TEXTS, "ParameterInvalid")
    texts = {name: read_element(body, name, str, "ParameterInvalid") or "" for name in _TEXTS}
    name = texts["projectName"]
    if call.project and call.project != name:
        raise SlsError("ParameterInvalid", f"projectName is not the project of the host, {call.project}")
    call.allow("CreateProject", f"project/{name}")
    if texts["dataRedundancyType"] not in ("", "LRS", "ZRS"):
        raise SlsError("ParameterInvalid", "dataRedundancyType must be LRS or ZRS")
    settings = ProjectSettings(
        description=texts["description"],
        resource_group_id=texts["resourceGroupId"],
        data_redundancy_type=texts["dataRedundancyType"] or "LRS",
    )
    call.sls.create_project(name, settings)
    return None


def get_project(call: Call) -> Answer:
    """GetProject."""
    call.allow("GetProject", f"project/{call.project}")
    return _write(call, call.sls.project(call.project))


def list_projects(call: Call) -> Answer:
    """ListProject."""
    call.allow("ListProject", "project/*")
    name, description = call.query.get("projectName", ""), call.query.get("description", "")
    group = call.query.get("resourceGroupId", "")
    found = [
        project
        for project in call.sls.projects()
        if name in project.name
        and description in project.settings.description
        and group in ("", project.settings.resource_group_id)
    ]
    return cut_page(call, "projects", found, lambda project: _write(call, project))


def update_project(call: Call) -> Answer:
    """UpdateProject."""
    call.allow("UpdateProject", f"project/{call.project}")
    body = call.read_body()
    only(body, {"description"}, "ParameterInvalid")
    description = read_element(body, "description", str, "ParameterInvalid") or ""
    settings = call.sls.project(call.project).settings
    call.sls.update_project(call.project, replace(settings, description=description))
    return None


def change_resource_group(call: Call) -> Answer:
    """ChangeResourceGroup; projects have one, and nothing else."""
    call.allow("ChangeResourceGroup", f"project/{call.project}")
    body = call.read_body()
    only(body, {"resourceType", "resourceId", "resourceGroupId"}, "ParameterInvalid")
    kind, project, group = (
        read_element(body, name, str, "ParameterInvalid") for name in ("resourceType", "resourceId", "resourceGroupId")
    )
    if (kind or "PROJECT").upper() != "PROJECT" or project != call.project or not group:
        raise SlsError("ParameterInvalid", f"a resource group takes the project {call.project}, and the body names it")
    settings = call.sls.project(call.project).settings
    call.sls.update_project(call.project, replace(settings, resource_group_id=group))
    return None


def delete_project(call: Call) -> Answer:
    """DeleteProject."""
    call.allow("DeleteProject", f"project/{call.project}")
    call.sls.delete_project(call.project)
    return None


def _write(call: Call, project: Project) -> dict[str, object]:
    return {
        "projectName": project.name,
        "description": project.settings.description,
        "status": "Normal",
        "owner": call.account_id,
        "region": call.region,
        "location": f"{call.region}-b",  # the zone; which one is assumed
        "createTime": _write_time(project.created),
        "lastModifyTime": _write_time(project.modified),
        "resourceGroupId": project.settings.resource_group_id,
        "dataRedundancyType": project.settings.data_redundancy_type,
    }


def _write_time(moment: float) -> str:
    return to_seconds(moment).replace("T", " ").rstrip("Z")  # that it is in UTC is assumed
