from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from heavylift.clouds.assembly import Asset, SynthesizedStack, read_assembly, read_project, select
from heavylift.errors import HeavyliftError

TEMPLATE: dict[str, object] = {"Resources": {}}


def write(folder: Path, name: str, record: object) -> None:
    (folder / name).write_text(json.dumps(record))


def destination(key: str) -> dict[str, Any]:
    return {"current_account-current_region": {"bucketName": "cdk-x-assets-${ALIYUN::Region}", "objectKey": key}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An assembly with one stack and two assets, as ros-cdk-core 1.15 writes it."""
    assets = {"type": "cdk:asset-manifest", "properties": {"file": "one.assets.json"}}
    stack = {
        "type": "aliyun:ros:stack",
        "properties": {"templateFile": "one.template.json", "tags": {"team": "a"}},
        "dependencies": ["one.assets"],
    }
    artifacts = {"Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}, "one.assets": assets, "one": stack}
    write(tmp_path, "manifest.json", {"version": "7.0.0", "artifacts": artifacts})
    write(tmp_path, "one.template.json", TEMPLATE)
    (tmp_path / "asset.abc").mkdir()
    (tmp_path / "asset.def.zip").write_bytes(b"zip")
    files = {
        "abc": {"source": {"path": "asset.abc", "packaging": "zip"}, "destinations": destination("abc.zip")},
        "def": {"source": {"path": "asset.def.zip", "packaging": "file"}, "destinations": destination("def.zip")},
        "own": {"source": {"path": "one.template.json", "packaging": "file"}, "destinations": destination("own.json")},
    }
    write(tmp_path, "one.assets.json", {"version": "7.0.0", "files": files, "dockerImages": {}})
    return tmp_path


def test_stacks_with_their_assets(folder: Path) -> None:
    bucket = "cdk-x-assets-${ALIYUN::Region}"
    assert read_assembly(folder) == (
        SynthesizedStack(
            name="one",
            template=json.dumps(TEMPLATE),
            tags={"team": "a"},
            assets=(
                Asset(path=folder / "asset.abc", packaging="zip", bucket=bucket, key="abc.zip"),
                Asset(path=folder / "asset.def.zip", packaging="file", bucket=bucket, key="def.zip"),
            ),
        ),
    )


def test_a_stack_may_be_named_otherwise_than_its_artifact(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["artifacts"]["one"]["properties"]["stackName"] = "another"
    write(folder, "manifest.json", manifest)
    assert [stack.name for stack in read_assembly(folder)] == ["another"]


@pytest.mark.parametrize("missing", ["manifest.json", "one.template.json", "one.assets.json", "asset.def.zip"])
def test_a_missing_file_is_named(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(HeavyliftError, match=missing):
        read_assembly(folder)


def test_a_manifest_of_another_kind_is_refused(folder: Path) -> None:
    write(folder, "manifest.json", {"artifacts": {"one": {"kind": "?"}}})
    with pytest.raises(HeavyliftError, match=r"manifest\.json is no cloud assembly that this version reads"):
        read_assembly(folder)


def test_container_images_are_refused(folder: Path) -> None:
    write(folder, "one.assets.json", {"files": {}, "dockerImages": {"a": {}}})
    with pytest.raises(HeavyliftError, match="container images"):
        read_assembly(folder)


def stack(name: str) -> SynthesizedStack:
    return SynthesizedStack(name=name, template="{}", tags={}, assets=())


def test_the_only_stack_needs_no_name() -> None:
    assert select((stack("a"),), None).name == "a"
    assert select((stack("a"), stack("b")), "b").name == "b"


@pytest.mark.parametrize(
    ("names", "wanted", "said"),
    [
        (["a", "b"], None, r"the app has 2 stacks \(a, b\): name the one you mean"),
        ([], None, r"the app has 0 stacks \(none\)"),
        (["a"], "c", "the app has no stack 'c'; its stacks: a"),
    ],
)
def test_an_unclear_choice_names_the_stacks(names: list[str], wanted: str | None, said: str) -> None:
    with pytest.raises(HeavyliftError, match=said):
        select(tuple(stack(name) for name in names), wanted)


def test_project(tmp_path: Path) -> None:
    write(tmp_path, "cdk.json", {"app": ["python", "app.py"], "context": {"memory": 512}})
    project = read_project(tmp_path)
    assert (project.app, project.context) == ("python app.py", {"memory": 512})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cdk.json does not exist: run this in the folder of a ROS CDK app"),
        ("{", "cdk.json cannot be read"),
        ("[]", "cdk.json holds no JSON object"),
        ("{}", "cdk.json has no `app`"),
        ('{"app": 3}', "cdk.json has 3 as `app`, which is no command"),
        ('{"app": "a", "context": 1}', "`context` in .*cdk.json is no object"),
    ],
)
def test_a_bad_cdk_json_is_explained(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "cdk.json").write_text(content)
    with pytest.raises(HeavyliftError, match=said):
        read_project(tmp_path)


def test_what_is_no_file_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "cdk.json")
    with pytest.raises(HeavyliftError, match=r"cdk\.json is no file: "):
        read_project(folder)
    (folder / "asset.def.zip").unlink()
    os.mkfifo(folder / "asset.def.zip")
    with pytest.raises(HeavyliftError, match=r"asset\.def\.zip is no file"):
        read_assembly(folder)
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").symlink_to("/dev/zero")
    with pytest.raises(HeavyliftError, match=r"manifest\.json is no file"):
        read_assembly(folder)
