"""Libraries with a page of code for each function, and processes that execute them while a part of the pages is missing.

A scenario is a program of its own: what it does to signals and memory stays there.
"""

from __future__ import annotations

import functools
import random
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from heavylift.runtime.pages import Segment
from tests.support.paths import ROOT

NOISE = 3000  # bytes behind each function: real code compresses badly
FUNCTIONS = 300  # of the library; each has a page of its own
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # of libraries; they go with this process


def can_compile() -> bool:
    """Return whether this machine has a C compiler."""
    return shutil.which("cc") is not None


@functools.cache
def code_library(functions: int = FUNCTIONS, padding: int = 0, compiler: str = "cc") -> Path:
    """Return a library whose `call(n)` returns what its n-th function does: 3 * n + 1; `padding` bytes of data make it larger."""
    _FOLDERS.append(tempfile.TemporaryDirectory(prefix="code-library-"))
    folder = Path(_FOLDERS[-1].name)
    (folder / "noise").write_bytes(random.Random(7).randbytes(NOISE * functions))
    body = "".join(
        f"__attribute__((noinline, aligned(4096))) int f{number}(void) {{ return {3 * number + 1}; }}\n"
        f'__asm__(".text; .incbin \\"noise\\", {NOISE * number}, {NOISE}");\n'
        for number in range(functions)
    )
    body += f"char padding[] = {{[{padding}] = 1}};\n"
    table = ", ".join(f"f{number}" for number in range(functions))
    call = "__attribute__((aligned(4096))) int call(int n) { return table[n](); }\n"
    (folder / "code.c").write_text(f"{body}static int (*const table[])(void) = {{{table}}};\n{call}")
    command = [
        compiler,
        "-shared",
        "-fPIC",
        "-O1",
        "-fno-toplevel-reorder",
        "-Wl,-z,separate-code",
        "-o",
        "libcode.so",
        "code.c",
    ]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "libcode.so"


def segments_of(library: Path) -> list[Segment]:
    """Return the executable segments of a library."""
    from elftools.elf.elffile import ELFFile

    with library.open("rb") as file:
        elf = ELFFile(file)
        return [
            Segment(
                str(library),
                each["p_offset"],
                each["p_filesz"],
                each["p_flags"],
                elf["e_phoff"] + number * elf["e_phentsize"] + 4,
            )
            for number, each in enumerate(elf.iter_segments())
            if each["p_type"] == "PT_LOAD" and each["p_flags"] & 1
        ]


_PROLOGUE = """
import ctypes, os, random, signal, socket, sys, threading, time
from pathlib import Path
from heavylift.runtime.pages import *
from tests.support.paging import *
original, target = Path(sys.argv[1]), Path(sys.argv[2])
"""


def run_scenario(
    program: str, folder: Path, *, library: Path | None = None, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, with the library as `original` and a place for a copy as `target`."""
    original = library or code_library()
    program = _PROLOGUE + textwrap.dedent(program)
    command = [sys.executable, "-c", program, str(original), str(folder / original.name)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
