"""DATASOURCE::SLS::Project, ::Projects and ::Logstores. That the last one tells names is assumed. Source: see `source`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from localcloud.kernel.times import to_seconds
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.datasources.source import NEEDED, REFRESH, DataSource, ListSource
from localcloud.ros.resources.provider import Context, Property, Right
from localcloud.ros.resources.rights import on_logs
from localcloud.sls.model import Project
from localcloud.sls.operations.service import SlsService


class _OfSls(DataSource):
    def __init__(self, sls: SlsService) -> None:
        self._sls = sls


class ProjectSource(_OfSls):
    """A project."""

    name = "DATASOURCE::SLS::Project"
    properties: Mapping[str, Property] = {"ProjectName": NEEDED, **REFRESH}
    returns: Sequence[str] = (
        *("ProjectName", "Status", "Owner", "Description", "Region", "Quota"),
        *("ResourceGroupId", "DataRedundancyType", "CreateTime", "LastModifyTime"),
    )

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_logs(context, "GetProject", f"project/{properties['ProjectName']}")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        project = self._sls.project(properties["ProjectName"])
        return {
            **_write(context, project),
            "Region": context.region,
            "Quota": {},
            "ResourceGroupId": project.settings.resource_group_id,
            "DataRedundancyType": project.settings.data_redundancy_type,
            "CreateTime": to_seconds(project.created),
        }


class ProjectsSource(_OfSls, ListSource):
    """All projects."""

    name = "DATASOURCE::SLS::Projects"
    properties: Mapping[str, Property] = REFRESH
    returns: Sequence[str] = ("ProjectNames", "Projects")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_logs(context, "ListProject", "project/*")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        return self.tell(
            self._sls.projects(), lambda each: {**_write(context, each), "CreatedTime": to_seconds(each.created)}
        )


class LogstoresSource(_OfSls):
    """The logstores of a project, or those whose names hold a text."""

    name = "DATASOURCE::SLS::Logstores"
    properties: Mapping[str, Property] = {
        "Project": Property(kind="string", required=True, minimum=3, maximum=63),
        "LogstoreName": Property(kind="string", minimum=3, maximum=63),
        **REFRESH,
    }
    returns: Sequence[str] = ("Logstores",)

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_logs(context, "ListLogStores", f"project/{properties['Project']}/logstore/*")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        part = properties.get("LogstoreName") or ""
        return {"Logstores": [each.name for each in self._sls.logstores(properties["Project"]) if part in each.name]}


def _write(context: Context, project: Project) -> dict[str, object]:
    return {
        "ProjectName": project.name,
        "Status": "Normal",
        "Owner": context.account_id,
        "Description": project.settings.description,
        "LastModifyTime": str(int(project.modified * 1000)),
    }
