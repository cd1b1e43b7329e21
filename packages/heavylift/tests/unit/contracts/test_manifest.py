"""The build's manifest: written, read, or refused with the file, the field and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heavylift.contracts.manifest import Manifest, ManifestError, Pruned, read_build, read_manifest, write_manifest
from heavylift.contracts.platform import Target
from tests.support.builds import TARGET, make_archive, write_build


def change(dist: Path, edit: Callable[[Any], object]) -> None:
    path = dist / "manifest.json"
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    build = write_build(tmp_path)
    full = replace(
        build,
        applib=replace(
            build.applib, pruned=(Pruned(rule="records", files=2, bytes=3),), system={"libGL.so.1": ("opencv", "qt")}
        ),
    )
    write_manifest(full, tmp_path)
    assert read_build(tmp_path) == full
    assert (full.target, full.unpacked) == (TARGET, 14)


def test_paths_are_relative_to_the_folder(tmp_path: Path) -> None:
    write_build(tmp_path / "dist")
    (tmp_path / "dist").rename(tmp_path / "moved")
    assert read_build(tmp_path / "moved").applib.path.read_bytes() == b"archive"


def test_a_manifest_holds_the_parts_that_were_built(tmp_path: Path) -> None:
    model = make_archive(tmp_path, "model")
    write_manifest(Manifest(target=Target("3.12", "any"), model=model), tmp_path)
    assert read_manifest(tmp_path).parts == {"model": model}
    with pytest.raises(ManifestError, match=r"manifest\.json: applib: is missing; run `heavylift build`"):
        read_build(tmp_path)


def test_a_build_needs_no_model(tmp_path: Path) -> None:
    build = write_build(tmp_path)
    write_manifest(replace(build, model=None), tmp_path)
    assert read_build(tmp_path).archives == (build.applib,)


def test_no_build_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.json does not exist: run `heavylift build` first"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"format": 2}', '{"format": 1, "target": 3}', "[" * 100_000],
    ids=lambda text: text[:9],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ManifestError, match=r"manifest\.json.*run `heavylift build` again"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda record: record["code"].update(packed=float("inf")), "code.packed: is inf, not a whole number"),
        (lambda record: record["code"].update(packed=None), "code.packed: is None, not a whole number"),
        (lambda record: record["model"].pop("unpacked"), "model.unpacked: is missing"),
        (lambda record: record["applib"].update(imported=1), "applib.imported: is neither true nor false"),
        (lambda record: record["applib"].update(system={"a": [1]}), "applib.system.a[0]: is not a string"),
        (lambda record: record["applib"].update(pruned=[{}]), "applib.pruned[0].rule: is missing"),
        (lambda record: record["model"].update(key="other/x.zip"), "model.key: is 'other/x.zip' with the path"),
        (lambda record: record["model"].update(path="../x.zip"), "model.key: is 'model/"),
        (lambda record: record["model"].update(digest="d" * 64), "model.key: is 'model/"),
        (lambda record: record["model"].update(digest="../x"), "model.digest: is not 64 hex digits"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, edit: Callable[[Any], object], said: str) -> None:
    write_build(tmp_path)
    change(tmp_path, edit)
    with pytest.raises(ManifestError) as caught:
        read_manifest(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'manifest.json'}: {said}")


@pytest.mark.parametrize("part", ["applib", "model", "code"])
def test_a_missing_part_is_named(tmp_path: Path, part: str) -> None:
    build = write_build(tmp_path / "dist")
    build.parts[part].path.rename(tmp_path / "elsewhere")
    with pytest.raises(ManifestError, match=rf"manifest\.json: {part}\.path: .*No such file"):
        read_build(tmp_path / "dist")


@pytest.mark.parametrize("part", ["applib", "model", "code"])
def test_a_part_outside_of_the_build_is_refused(tmp_path: Path, part: str) -> None:
    path = write_build(tmp_path / "dist").parts[part].path
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ManifestError, match=rf"manifest\.json: {part}\.path: .* lies outside of"):
        read_build(tmp_path / "dist")


def test_a_code_package_outside_of_the_build_is_refused(tmp_path: Path) -> None:
    write_build(tmp_path / "dist")
    change(tmp_path / "dist", lambda record: record["code"].update(path=".."))
    with pytest.raises(ManifestError, match=r"code\.path: .* lies outside of"):
        read_build(tmp_path / "dist")
