"""The list of services, and what derives from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import localcloud
from localcloud.kernel.service import Definition
from localcloud.services import GATEWAY, SERVICES, in_order

SOURCES = Path(localcloud.__file__ or "").parent
REFERENCE = (Path(__file__).parents[4] / "docs" / "reference" / "localcloud.md").read_text(encoding="utf-8")


def test_every_folder_with_a_composition_is_a_service_of_its_name() -> None:
    folders = sorted(path.parent.name for path in SOURCES.glob("*/composition.py"))
    assert folders == sorted(service.name for service in SERVICES.values())


def test_ports_that_were_given_once_stay() -> None:
    names = [SERVICES[number].name for number in (0, 1, 2, 3, 4, 6, 7, 8)]
    assert names == ["oss", "sts", "ram", "fc", "ros", "sls", "kms", "resourcemanager"]
    assert GATEWAY == 5
    assert sorted([*SERVICES, GATEWAY]) == list(range(len(SERVICES) + 1)), "no number is left out, or given twice"


def test_a_service_is_made_after_those_that_it_needs() -> None:
    made: set[str] = set()
    for service in in_order([*SERVICES.values()]):
        assert {*service.needs} <= made
        made.add(service.name)


def test_services_that_need_each_other_are_an_error() -> None:
    def service(name: str, needs: str) -> Definition:
        return Definition(name=name, title=name, hosts=(), create=SERVICES[0].create, needs=(needs,))

    with pytest.raises(ValueError, match="cycle"):
        in_order([service("a", "b"), service("b", "a")])


def test_the_reference_has_a_row_for_each_service() -> None:
    table = REFERENCE[REFERENCE.index("## What it serves") :]
    rows = re.findall(r"^\| ([^|]+?) \|", table[: table.index("\n\n", table.index("| --- |"))], re.MULTILINE)
    assert rows[2:] == [service.title for service in SERVICES.values()]


def test_the_reference_tells_the_ports_and_the_names_of_the_ready_line() -> None:
    ports = {service.title: number for number, service in SERVICES.items()} | {"the gateway": GATEWAY}
    for title, number in ports.items():
        assert (f"{title} on N + {number}" if number else f"{title} listens on N") in " ".join(REFERENCE.split())
    listed = ", ".join(f"`{service.name}`" for service in SERVICES.values())
    assert f"the URLs {listed}, `gateway`" in " ".join(REFERENCE.split())
