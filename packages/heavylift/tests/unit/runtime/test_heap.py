"""The heap of a start: how much of it is made ready, and that what is made afterwards finds it so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from heavylift.runtime.heap import SIZE_NAME, Heap, dump_size

MB = 1 << 20


def code_of(folder: Path, bytecode: int) -> Path:
    (folder / SIZE_NAME).parent.mkdir()
    (folder / SIZE_NAME).write_bytes(dump_size(bytecode))
    return folder


@pytest.mark.parametrize(
    ("bytecode", "memory", "pieces"),
    [(5 * MB, 3072, 80), (5 * MB, 128, 32), (400 * MB, 32768, 512), (5 * MB, 0, 0), (0, 3072, 0), (1, 3072, 0)],
    ids=["twice the bytecode", "no more than a 32nd", "64 MB at most", "of no known size", "no bytecode", "hardly any"],
)
def test_a_heap_grows_by_what_an_import_takes(tmp_path: Path, bytecode: int, memory: int, pieces: int) -> None:
    heap = Heap(code_of(tmp_path, bytecode), memory)
    assert max(heap.grow(), default=0) == pieces  # of an eighth of a megabyte
    assert not list(heap.grow())  # it has grown


def test_a_code_package_that_tells_no_size_makes_nothing_ready(tmp_path: Path) -> None:
    assert not list(Heap(tmp_path, 3072).grow())


def test_a_damaged_size_makes_nothing_ready_and_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = code_of(tmp_path, MB) / SIZE_NAME
    path.write_bytes(b"2O\n")
    assert not list(Heap(tmp_path, 3072).grow())
    assert f"{path} is damaged" in capfd.readouterr().err


def test_steps_that_are_left_are_taken_by_a_later_wait(tmp_path: Path) -> None:
    heap = Heap(code_of(tmp_path, MB), 3072)
    assert next(heap.grow()) == 4
    heap.release()
    assert list(heap.grow()) == [4, 8, 12]


PROGRAM = """
import resource, sys
from pathlib import Path
from heavylift.runtime.heap import Heap

def faults(made):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    made += [[bytes(200) for _ in range(5000)] for _ in range(12)]  # 13 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

heap = Heap(Path(sys.argv[1]), int(sys.argv[2]))
for _ in heap.grow():
    pass
heap.release()
print(faults([]))
"""


def test_what_is_made_afterwards_touches_hardly_a_new_page(tmp_path: Path) -> None:
    code = code_of(tmp_path, 10 * MB)

    def faults(memory: int) -> int:
        environment = {"PYTHONPATH": os.pathsep.join(sys.path)}  # as an instance has it: no other allocator
        command = [sys.executable, "-S", "-c", PROGRAM, str(code), str(memory)]
        return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)

    assert faults(3072) < faults(0) / 4
