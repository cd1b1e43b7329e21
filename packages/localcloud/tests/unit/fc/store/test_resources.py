"""Services, functions and triggers on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localcloud.fc.attachments import Mount, Nas, Vpc
from localcloud.fc.layers import LayerVersion
from localcloud.fc.model import Function, Service, Trigger
from localcloud.fc.releases import Alias, Version
from localcloud.fc.store.resources import FcStore
from localcloud.kernel.errors import LocalCloudError

FUNCTION = Function(service="s", name="f", runtime="python3.10", handler="index.handler")
SERVICE = Service(
    name="s",
    vpc=Vpc(id="v", switches=("w",), security_group="g"),
    nas=Nas(user=7, mounts=(Mount(server="h:/", folder="/mnt/a"),)),
)
TRIGGER = Trigger(function=FUNCTION.path, name="t", kind="timer", config={})


def test_state_survives_a_restart(tmp_path: Path) -> None:
    store = FcStore(tmp_path)
    store.services["s"] = SERVICE
    store.functions[FUNCTION.path] = FUNCTION
    store.triggers[TRIGGER.function, TRIGGER.name] = TRIGGER
    version = Version(owner="services/s", id="1", functions=(FUNCTION,), service=SERVICE)
    store.versions[version.owner, version.id] = version
    alias = Alias(owner="services/s", name="a", version="1", weights={"1": 0.5})
    store.aliases[alias.owner, alias.name] = alias
    store.last_versions["services/s"] = 1
    layer = LayerVersion(arn="l", layer="l", version=1, code="c", code_size=1, code_checksum="2", runtimes=("custom",))
    store.layers[layer.arn] = layer
    store.save()
    again = FcStore(tmp_path)
    assert (again.versions, again.aliases, again.layers) == (store.versions, store.aliases, store.layers)
    assert again.last_versions == {"services/s": 1}
    assert again.services == store.services
    assert again.functions == store.functions
    assert again.triggers == store.triggers


def test_damaged_state_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "functions.json").write_text("{")
    with pytest.raises(LocalCloudError, match=r"functions\.json cannot be read"):
        FcStore(tmp_path)


def test_document_of_a_release_without_versions_and_layers_is_read(tmp_path: Path) -> None:
    store = FcStore(tmp_path)
    store.functions[FUNCTION.path] = FUNCTION
    store.save()
    path = tmp_path / "functions.json"
    document = json.loads(path.read_text())
    old = {name: document[name] for name in ("services", "functions", "triggers")}
    for name in ("layers", "vpc", "nas"):
        del old["functions"][0][name]
    path.write_text(json.dumps(old))
    assert FcStore(tmp_path).functions == store.functions
