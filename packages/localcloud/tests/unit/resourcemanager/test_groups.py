"""Resource groups without HTTP."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from localcloud.resourcemanager.errors import ResourceManagerError
from localcloud.resourcemanager.model import WAIT
from localcloud.resourcemanager.operations.groups import DEFAULT, MAX_DISPLAY_NAME, MOST
from localcloud.resourcemanager.operations.service import ResourceManagerService
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


def test_a_group_has_its_new_display_name_from_then_on(tmp_path: Path) -> None:
    service = ResourceManagerService(tmp_path, clock=Clock())
    made = service.create("one", "One")
    assert service.rename(made.id, "Another").name == "one"
    again = ResourceManagerService(tmp_path, clock=Clock())
    assert [group.display_name for group in again.groups()[1:]] == ["Another"]


@pytest.mark.parametrize("name", ["ab", "1one", "o" * 51, "o_e", ""])
def test_a_name_of_another_form_is_refused(tmp_path: Path, name: str) -> None:
    service = ResourceManagerService(tmp_path, clock=Clock())
    with pytest.raises(ResourceManagerError) as refused:
        service.create(name, "x")
    assert refused.value.code == "InvalidParameter.Name"
    assert names(service) == ["default"]


def test_a_display_name_has_its_bounds(tmp_path: Path) -> None:
    service = ResourceManagerService(tmp_path, clock=Clock())
    made = service.create("o" * 50, "x" * MAX_DISPLAY_NAME)
    for wrong in ("", "x" * (MAX_DISPLAY_NAME + 1)):
        for change in (partial(service.create, "two", wrong), partial(service.rename, made.id, wrong)):
            with pytest.raises(ResourceManagerError) as refused:
                change()
            assert refused.value.code == "InvalidParameter.DisplayName"
    assert service.groups() == [DEFAULT, made]


def test_what_is_not_there_and_the_default_group_are_not_changed(tmp_path: Path) -> None:
    service = ResourceManagerService(tmp_path, clock=Clock())
    for group_id, code in (("rg-none", "EntityNotExist.ResourceGroup"), (DEFAULT.id, "DeleteConflict.ResourceGroup")):
        for change in (service.delete, lambda group_id: service.rename(group_id, "x")):
            with pytest.raises(ResourceManagerError) as refused:
                change(group_id)
            assert refused.value.code == code
    assert service.get(DEFAULT.id) is DEFAULT
