"""Whatever stands in a file that a command reads: the error is one paragraph, never a traceback."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heavylift.clouds.archives import check_archive
from heavylift.clouds.assembly import read_assembly, read_project, select, stack_name
from heavylift.clouds.difference import compare, parse_template, render
from heavylift.contracts.manifest import read_build, read_manifest
from heavylift.contracts.startlog import find_starts
from heavylift.errors import HeavyliftError

DEEP = "[" * 100_000 + "]" * 100_000
in_the_same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

texts = st.text(max_size=6) | st.sampled_from(["\0", "\ud800", "..", "/", "/etc/passwd", "zip", "", "a" * 300])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))

MANIFEST = {
    "version": "7.0.0",
    "artifacts": {
        "one.assets": {"type": "cdk:asset-manifest", "properties": {"file": "one.assets.json"}},
        "one": {
            "type": "aliyun:ros:stack",
            "properties": {"templateFile": "one.template.json", "stackName": "one", "tags": {"team": "a"}},
            "dependencies": ["one.assets"],
        },
    },
}
ASSETS = {
    "files": {
        "abc": {
            "source": {"path": "asset.abc", "packaging": "zip"},
            "destinations": {"current_account-current_region": {"bucketName": "b", "objectKey": "abc.zip"}},
        }
    }
}
SIZES = {"packed": 1, "unpacked": 1, "files": 1}
ARCHIVE = {"digest": "d" * 64, "compressor": "zstd", **SIZES}
KEYS = {part: dict.fromkeys(("key", "path"), f"{part}/{'d' * 64}.zip") for part in ("applib", "model")}
FACTS = {"versions": {"six": "1"}, "bytecode": True, "imported": True, "system": {"libGL.so.1": ["six"]}}
PRUNED = [{"rule": "records", "files": 1, "bytes": 1}]
BUILD = {
    "format": 1,
    "target": {"python": "3.11", "platform": "manylinux_2_28_x86_64"},
    "applib": {**ARCHIVE, **KEYS["applib"], **FACTS, "pruned": PRUNED},
    "model": {**ARCHIVE, **KEYS["model"]},
    "code": {"path": "code", "digest": "d", **SIZES},
}
PROJECT = {"app": "true", "context": {"stackName": "one", "memory": 512}}


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path to each value within a value, itself included."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


@st.composite
def damaged(draw: st.DrawFn, document: Any) -> str:
    """Return a document as JSON, with another value in one place."""
    value = draw(values)
    path = draw(st.sampled_from(list(places(document))))
    if not path:
        return json.dumps(value)
    changed = copy.deepcopy(document)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(changed)


def write_assembly(folder: Path) -> None:
    (folder / "asset.abc").mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    (folder / "one.assets.json").write_text(json.dumps(ASSETS))
    (folder / "one.template.json").write_text("{}")


def use_assembly(folder: Path) -> None:
    """Do with an assembly's values what a deploy does with them before the first request."""
    stack = select(read_assembly(folder), None)
    assert isinstance(stack.name, str)
    stack.name.encode()
    for key, value in stack.tags.items():
        (key + value).encode()
    for asset in stack.assets:
        (asset.bucket + asset.key).encode()
    render(compare({}, parse_template(stack.template)))


@in_the_same_folder
@given(damaged(MANIFEST))
def test_any_manifest_of_an_assembly(tmp_path: Path, text: str) -> None:
    write_assembly(tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    with_known_errors(lambda: use_assembly(tmp_path))


@in_the_same_folder
@given(damaged(ASSETS))
def test_any_manifest_of_assets(tmp_path: Path, text: str) -> None:
    write_assembly(tmp_path)
    (tmp_path / "one.assets.json").write_text(text)
    with_known_errors(lambda: use_assembly(tmp_path))


@in_the_same_folder
@given(damaged({"Resources": {"A": {"Type": "T", "Properties": {"a": [1]}}}, "Outputs": {"O": {"Value": 1}}}))
def test_any_template(tmp_path: Path, text: str) -> None:
    write_assembly(tmp_path)
    (tmp_path / "one.template.json").write_text(text)
    with_known_errors(lambda: use_assembly(tmp_path))


@in_the_same_folder
@given(damaged(PROJECT))
def test_any_project(tmp_path: Path, text: str) -> None:
    (tmp_path / "cdk.json").write_text(text)

    def use() -> None:
        project = read_project(tmp_path)
        project.app.encode()
        json.dumps(project.context)
        (stack_name(project.context) or "").encode()

    with_known_errors(use)


@in_the_same_folder
@given(damaged(BUILD))
def test_any_manifest_of_a_build(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)

    def use() -> None:
        read_manifest(tmp_path)
        check_archive(read_build(tmp_path).applib)

    with_known_errors(use)


@settings(deadline=None)
@given(damaged({"event": "heavylift.start", "mode": "initializer", "seconds": 1, "spans": [], "bytes": {"fetched": 1}}))
def test_any_line_of_a_start(text: str) -> None:
    with_known_errors(lambda: find_starts([text]))


def with_known_errors(use: Any) -> None:
    """Call something that may raise what the command line prints as one paragraph, and nothing else."""
    try:
        use()
    except HeavyliftError:
        return


@pytest.mark.parametrize("name", ["manifest.json", "one.assets.json", "one.template.json"])
@pytest.mark.parametrize("deep", [DEEP, '{"a": ' * 500 + "1" + "}" * 500], ids=["beyond the parser", "within it"])
def test_a_deeply_nested_file_is_named(tmp_path: Path, name: str, deep: str) -> None:
    write_assembly(tmp_path)
    (tmp_path / name).write_text(deep)
    with pytest.raises(HeavyliftError, match=rf"{name} is nested too deeply"):
        read_assembly(tmp_path)


def test_deeply_nested_builds_projects_and_logs_are_refused(tmp_path: Path) -> None:
    for name in ("manifest.json", "cdk.json"):
        (tmp_path / name).write_text(DEEP)
    with pytest.raises(HeavyliftError, match=r"manifest\.json"):
        read_build(tmp_path)
    with pytest.raises(HeavyliftError, match=r"cdk\.json is nested too deeply"):
        read_project(tmp_path)
    with pytest.raises(HeavyliftError, match="RecursionError"):
        find_starts(['{"event": "heavylift.start", "x": ' + DEEP + "}"])


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 400 + "]" * 400,
        "a: &a [*a]",
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{c}: &{c} [{f'*{p},' * 9}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)),
    ],
    ids=["deep", "endless", "aliases"],
)
def test_a_template_that_unfolds_without_end_is_refused(text: str) -> None:
    with pytest.raises(HeavyliftError, match=r"nested too deeply|more than"):
        parse_template(text)


def test_what_yaml_has_beyond_json_can_be_compared_and_shown() -> None:
    template = parse_template("Mappings: {1: {2026-01-02: 2026-01-02, 2: !!binary aGk=, ~: .inf}}")
    changes = compare({}, template)
    assert render(changes)
    json.dumps([change.record() for change in changes])
    with pytest.raises(HeavyliftError, match="neither JSON nor YAML"):
        parse_template("A: 2026-13-01")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["logs", "--lines", "-3"], "'-3' is not a whole number from 1 to"),
        (["logs", "--lines", "0"], "'0' is not a whole number"),
        (["logs", "--lines", "9" * 30], "is not a whole number"),
        (["invoke", "--timeout", "0"], "'0' is not a whole number from 1 to 86,400"),
        (["invoke", "--timeout", "-1"], "'-1' is not"),
        (["invoke", "--timeout", "1.5"], "'1.5' is not"),
        (["deploy", "--timeout", "0"], "'0' is not a whole number from 1 to 1,440"),
        (["build", "--python", "3.9"], "'3.9' is no version of Python from 3.10 on"),
        (["build", "--python", "9.9"], "'9.9' is no version of Python from 3.10 on"),
        (["build", "--python", "python3.10"], "'python3.10' is no version of Python from 3.10 on"),
        (["status", b"\xff"], "stack: '\\udcff' is no text in UTF-8"),
        (["deploy", "--parameter", b"a=\xff"], "is no text in UTF-8"),
        (["push", "--bucket", b"\xff"], "is no text in UTF-8"),
    ],
)
def test_wrong_usage_is_said_in_a_line(tmp_path: Path, arguments: list[Any], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "heavylift", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
