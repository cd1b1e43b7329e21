"""The build's manifest: read, or refused with what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from heavylift.cdk.errors import ManifestError
from heavylift.cdk.manifest import Build, read_manifest


def test_what_was_built_is_read(make_build: Callable[..., Build]) -> None:
    build = make_build(applib=5, model=7)
    assert (build.python, build.unpacked) == ("3.10", 12)
    assert [archive.path.read_bytes() for archive in build.archives] == [b"archive", b"archive"]


def test_no_build_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.json does not exist: run `make build` first"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"format": 2}', '{"format": 1, "target": 3}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ManifestError, match="run `make build` again"):
        read_manifest(tmp_path)


def test_a_deeply_nested_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(ManifestError, match="run `make build` again"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("number", [float("inf"), float("nan"), None, "x"])
def test_a_size_that_is_no_number_is_refused(make_build: Callable[..., Build], tmp_path: Path, number: object) -> None:
    make_build()
    path = tmp_path / "dist" / "manifest.json"
    record = json.loads(path.read_text())
    record["code"]["packed"] = number
    path.write_text(json.dumps(record))
    with pytest.raises(ManifestError, match="run `make build` again"):
        read_manifest(tmp_path / "dist")


@pytest.mark.parametrize("part", ["applib", "model", "code"])
def test_a_missing_part_is_named(make_build: Callable[..., Build], tmp_path: Path, part: str) -> None:
    make_build()
    path = tmp_path / "dist" / json.loads((tmp_path / "dist" / "manifest.json").read_text())[part]["path"]
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(ManifestError, match=f"{part}.* does not exist, but .* names it"):
        read_manifest(tmp_path / "dist")


def test_an_archive_that_is_not_named_by_its_digest_is_refused(
    make_build: Callable[..., Build], tmp_path: Path
) -> None:
    make_build()
    manifest = tmp_path / "dist" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("model/bbbb", "other/bbbb"))
    with pytest.raises(ManifestError, match="model is not named by its digest: other/bbbb"):
        read_manifest(tmp_path / "dist")
