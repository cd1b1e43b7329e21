"""Resource groups without HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.resourcemanager.errors import ResourceManagerError
from localcloud.resourcemanager.model import WAIT
from localcloud.resourcemanager.operations.service import MOST, ResourceManagerService
from tests.support.clock import Clock


def names(service: ResourceManagerService) -> list[str]:
    return [group.name for group in service.groups()]


def test_groups_are_kept_until_seven_days_after_their_deletion(tmp_path: Path) -> None:
    clock = Clock()
    service = ResourceManagerService(tmp_path, clock=clock)
    one = service.create("one", "One")
    service.create("two", "Two")
    service.delete(one.id)
    clock.now += WAIT - 1
    assert names(ResourceManagerService(tmp_path, clock=clock)) == ["default", "one", "two"]
    clock.now += 1
    assert names(service) == ["default", "two"]
    assert service.create("one", "One again").id != one.id


def test_an_account_has_so_many_groups(tmp_path: Path) -> None:
    service = ResourceManagerService(tmp_path, clock=Clock())
    for number in range(MOST):
        service.create(f"group-{number}", "x")
    with pytest.raises(ResourceManagerError) as refused:
        service.create("more", "x")
    assert refused.value.code == "LimitExceeded.ResourceGroup"
