"""The rules about who imports whom: what is listed by hand lists all that there is."""

from __future__ import annotations

import tomllib

from localcloud.services import SERVICES
from tests.support.paths import ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def test_the_rules_name_every_service_of_the_embedded_cloud() -> None:
    services = {service.name for service in SERVICES.values()}
    (rooms,) = (each for each in CONTRACTS if len(each.get("containers", ())) > 1)
    assert {*rooms["containers"]} == {f"localcloud.{service}" for service in services}
    (composition,) = (each for each in CONTRACTS if each.get("containers") == ["localcloud"])
    assert services < {name for layer in composition["layers"] for name in layer.split(" | ")}
    (foreign,) = (
        each
        for each in CONTRACTS
        if each.get("source_modules") == ["heavylift"] and "localcloud.fc" in each["forbidden_modules"]
    )
    assert services < {name.removeprefix("localcloud.") for name in foreign["forbidden_modules"]}
