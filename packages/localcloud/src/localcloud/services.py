"""The list of services: one line for each. Listeners, host names, the ready line, documentation and tests derive from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter

from localcloud.fc.composition import SERVICE as FC
from localcloud.kernel.service import Definition
from localcloud.kms.composition import SERVICE as KMS
from localcloud.oss.composition import SERVICE as OSS
from localcloud.ram.composition import SERVICE as RAM
from localcloud.resourcemanager.composition import SERVICE as RESOURCE_MANAGER
from localcloud.ros.composition import SERVICE as ROS
from localcloud.sls.composition import SERVICE as SLS
from localcloud.sts.composition import SERVICE as STS

# With --port N, a service listens on N plus its number here, which stays as it is: a new service comes last.
SERVICES: Mapping[int, Definition] = {
    0: OSS,
    1: STS,
    2: RAM,
    3: FC,
    4: ROS,
    6: SLS,
    7: KMS,
    8: RESOURCE_MANAGER,
}
GATEWAY = 5  # likewise, of the gateway


def in_order(services: Sequence[Definition]) -> Sequence[Definition]:
    """Return services so that each comes after those that it needs.

    Raises:
        graphlib.CycleError: two of them need each other.
    """
    by_name = {service.name: service for service in services}
    needs = {service.name: service.needs for service in services}
    return [by_name[name] for name in TopologicalSorter(needs).static_order()]
