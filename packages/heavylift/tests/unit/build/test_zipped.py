"""The size of a code package as a zip: it is that of a zip, and a file is compressed once."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from heavylift.build.zipped import zipped_size

FILES = {"a.py": b"a = 1\n" * 100, "same.py": b"a = 1\n" * 100, "lib/b.bin": bytes(range(256))}


def make(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


def test_it_is_about_that_of_a_zip(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in FILES.items():
            archive.writestr(path, content)
    size = zipped_size(tmp_path / "code", make(tmp_path / "code", FILES), tmp_path / "known.json")
    assert abs(size - len(made.getvalue())) < 30 * len(FILES)


def test_a_file_that_was_there_before_is_not_read_again(tmp_path: Path) -> None:
    digests = make(tmp_path / "code", FILES)
    size = zipped_size(tmp_path / "code", digests, tmp_path / "known.json")
    (tmp_path / "code" / "a.py").unlink()
    (tmp_path / "code" / "same.py").unlink()
    assert zipped_size(tmp_path / "code", digests, tmp_path / "known.json") == size
    assert zipped_size(tmp_path / "code", make(tmp_path / "code", {"a.py": b""}), tmp_path / "known.json") < size


def test_sizes_that_were_damaged_are_found_anew(tmp_path: Path) -> None:
    digests = make(tmp_path / "code", FILES)
    size = zipped_size(tmp_path / "code", digests, tmp_path / "known.json")
    (tmp_path / "known.json").write_text("{")
    assert zipped_size(tmp_path / "code", digests, tmp_path / "known.json") == size
