"""The data sources that the embedded ROS has. One that is not here is not implemented."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.fc.interface import Releases
from localcloud.oss.model import Buckets
from localcloud.ram import RamService
from localcloud.ros.resources.datasources.fc import (
    AliasesSource,
    CustomDomainsSource,
    FunctionsSource,
    ServicesSource,
    TriggersSource,
)
from localcloud.ros.resources.datasources.oss import BucketSource, BucketsSource
from localcloud.ros.resources.datasources.ram import (
    GroupsSource,
    PoliciesSource,
    RoleSource,
    RolesSource,
    UserSource,
    UsersSource,
)
from localcloud.ros.resources.datasources.sls import LogstoresSource, ProjectSource, ProjectsSource
from localcloud.ros.resources.datasources.source import DataSource
from localcloud.sls.operations.service import SlsService

OF_OSS = (BucketSource, BucketsSource)
OF_RAM = (RoleSource, RolesSource, UserSource, UsersSource, GroupsSource, PoliciesSource)
OF_FC = (ServicesSource, FunctionsSource, TriggersSource, AliasesSource, CustomDomainsSource)
OF_SLS = (ProjectSource, ProjectsSource, LogstoresSource)


def data_sources(*, buckets: Buckets, ram: RamService, fc: Releases, sls: SlsService) -> Mapping[str, DataSource]:
    """Return the data sources by name.

    Args:
        buckets: of OSS.
        ram: where roles, users, groups and policies are.
        fc: where functions are.
        sls: where projects and logstores are.
    """
    sources: list[DataSource] = [
        *(kind(buckets) for kind in OF_OSS),
        *(kind(ram) for kind in OF_RAM),
        *(kind(fc) for kind in OF_FC),
        *(kind(sls) for kind in OF_SLS),
    ]
    return {each.name: each for each in sources}
