"""Frames that are made before an archive is packed: the archive is the same, byte for byte, and nothing is compressed twice."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from heavylift.build.errors import BuildError
from heavylift.build.frames import Frames, Stretch
from heavylift.build.pack import PackedArchive, pack
from heavylift.contracts.archive import BLOCK_SIZE

FILES = {
    "lib/a.py": b"a = 1\n" * 50,
    "lib/empty.py": b"",
    "lib/large.bin": random.Random(0).randbytes(BLOCK_SIZE) + b"and more",
}
SIZE = sum(map(len, FILES.values()))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "packages" / "lib"
    for name, content in FILES.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def applib(package: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "applib"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).hardlink_to(package / "files" / name)
    return folder


@pytest.fixture
def packed(tmp_path: Path, package: Path, applib: Path) -> Callable[[], PackedArchive]:
    def run() -> PackedArchive:
        with Frames(tmp_path / "no recording", is_final=True) as frames:
            frames.begin(package, package / "files", FILES)
            frames.use([(package, package / "files")])
            return pack(applib, tmp_path / "out" / "{digest}.zip", progress=lambda _done, _total: None, frames=frames)

    return run


def without_frames(applib: Path) -> bytes:
    target = applib.parent / "without" / "{digest}.zip"
    return pack(applib, target, progress=lambda _done, _total: None).path.read_bytes()


def test_an_archive_of_frames_is_the_one_that_the_packer_makes_alone(
    packed: Callable[[], PackedArchive], applib: Path
) -> None:
    archive = packed()
    assert archive.path.read_bytes() == without_frames(applib)
    assert archive.anew == archive.raw == SIZE


def test_the_next_archive_takes_them_as_they_are(packed: Callable[[], PackedArchive]) -> None:
    first = packed().path.read_bytes()
    again = packed()
    assert again.anew == 0
    assert again.path.read_bytes() == first


def test_a_file_that_was_changed_after_all_is_compressed_where_it_differs(
    packed: Callable[[], PackedArchive], applib: Path
) -> None:
    packed()
    content = bytearray(FILES["lib/large.bin"])
    content[-1] ^= 1
    (applib / "lib" / "large.bin").unlink()
    (applib / "lib" / "large.bin").write_bytes(content)
    archive = packed()
    assert archive.anew == len("and more")
    assert archive.path.read_bytes() == without_frames(applib)


def test_frames_without_a_table_are_made_anew(packed: Callable[[], PackedArchive], package: Path, applib: Path) -> None:
    packed()
    (package / "frames.json").unlink()
    (package / "frames.bin").write_bytes(b"half of a fra")
    assert packed().path.read_bytes() == without_frames(applib)


def test_two_packages_with_the_same_file_have_the_last_ones(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        (folder / "files").mkdir(parents=True)
        (folder / "files" / "a.py").write_text(folder.name)
    with Frames(tmp_path / "no recording", is_final=True) as frames:
        for folder in folders:
            frames.begin(folder, folder / "files", ["a.py"])
        frames.use([(folder, folder / "files") for folder in folders])
        source = folders[1] / "files" / "a.py"
        assert frames.find(Stretch("a.py", 0, 3), source) is not None
        assert frames.find(Stretch("a.py", 0, 3), folders[0] / "files" / "a.py") is None


def test_of_a_copy_that_says_where_it_differs_the_other_bytes_are_not_compared(tmp_path: Path, package: Path) -> None:
    copy, path = tmp_path / "copy", "lib/large.bin"
    with Frames(tmp_path / "no recording", is_final=True) as frames:
        frames.begin(package, package / "files", FILES)
        copy.touch()  # a comparison would find nothing in it
        frames.use([(package, package / "files")], {path: [(BLOCK_SIZE, BLOCK_SIZE + 1)]})
        assert frames.find(Stretch(path, 0, BLOCK_SIZE), copy)
        assert not frames.find(Stretch(path, BLOCK_SIZE, len(FILES[path]) - BLOCK_SIZE), copy)


def test_an_error_of_the_build_is_told_even_where_a_step_has_removed_a_package(tmp_path: Path, package: Path) -> None:
    with pytest.raises(BuildError, match="fetched anew"), Frames(tmp_path / "no recording", is_final=True) as frames:  # noqa: PT012
        frames.begin(package, package / "files", FILES)
        frames.use([(package, package / "files")])
        assert frames.find(Stretch("lib/a.py", 0, len(FILES["lib/a.py"])), package / "files" / "lib" / "a.py")
        shutil.rmtree(package)  # since somebody has edited a file of it
        raise BuildError("it cannot be fetched anew")


def test_a_package_that_a_step_has_prepared_anew_keeps_no_table_of_frames_that_are_gone(
    tmp_path: Path, package: Path, packed: Callable[[], PackedArchive], applib: Path
) -> None:
    with Frames(tmp_path / "no recording", is_final=True) as frames:
        frames.begin(package, package / "files", FILES)
        shutil.copytree(package / "files", tmp_path / "files")
        shutil.rmtree(package)
        package.mkdir()
        (tmp_path / "files").rename(package / "files")
    assert not (package / "frames.json").exists()
    assert packed().path.read_bytes() == without_frames(applib)


def test_a_package_may_be_renamed_while_its_files_are_compressed(tmp_path: Path, package: Path, applib: Path) -> None:
    scratch = package.with_name("lib.new")
    package.rename(scratch)
    with Frames(tmp_path / "no recording", is_final=True) as frames:
        frames.begin(scratch, scratch / "files", ["lib/a.py", "lib/empty.py"])
        frames.move(scratch, package, package / "files")
        frames.begin(package, package / "files", FILES)
        frames.use([(package, package / "files")])
        target = tmp_path / "out" / "{digest}.zip"
        archive = pack(applib, target, progress=lambda _done, _total: None, frames=frames)
    assert archive.path.read_bytes() == without_frames(applib)
    table = [row[0] for row in json.loads((package / "frames.json").read_text())]
    assert table.count("lib/a.py") == table.count("lib/empty.py") == 1
