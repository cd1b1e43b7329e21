"""Strips symbols that only debuggers read, and compiles modules that each start would compile otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Container, Sequence
from concurrent.futures import Executor
from pathlib import Path

from heavylift.build.clean import run_clean
from heavylift.build.errors import BuildError
from heavylift.build.files import walk
from heavylift.build.headers import DamagedError, read_headers
from heavylift.build.machine import find_interpreter
from heavylift.build.names import split
from heavylift.build.stripping import strip_symbols
from heavylift.contracts.archive import BYTECODE_NAME
from heavylift.contracts.platform import Target
from heavylift.runtime.bytecode import dump_bytecode

ELF = b"\x7fELF"
WORKERS = os.cpu_count() or 1
# Files that a process compiles; the same whatever the number of cores: what marshal writes of a file depends a little on what
# the process compiled before (interned strings are shared).
SHARD = 400
_COMPILE = """
import py_compile, sys
root, names = sys.argv[1], sys.stdin.read().splitlines()
for name in names:
    path = root + "/" + name
    try:
        py_compile.compile(path, dfile=name, doraise=True, quiet=2,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError:
        print(name)  # a template or a file for another Python: it never was importable
"""


def strip_version() -> str:
    """Return the version of this machine's `strip`, as it calls itself; empty when it has none."""
    tool = shutil.which("strip")
    if tool is None:
        return ""
    done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]


def strip(folder: Path, spared: Container[str], cores: Executor) -> None:
    """Strip the symbols that no loader reads from the shared libraries below a folder.

    Libraries in `*.libs` folders stay as they are: auditwheel has moved their sections, which strip may break.

    Args:
        folder: of a package; its files are replaced, not written into.
        spared: paths of libraries that are not worth the time.
        cores: runs the work, a library at a time.
    """
    libraries = [path for path in sorted(folder.rglob("*.so*")) if is_elf(path) and not _is_grafted(path, folder)]
    list(cores.map(_strip, [path for path in libraries if path.relative_to(folder).as_posix() not in spared]))


def _strip(library: Path) -> None:
    if carries_more(library):
        return  # strip would drop it
    temporary = library.with_name(library.name + ".stripped")
    # What strip does not understand stays as it is.
    if (
        strip_symbols(library, temporary) or _run_strip(library, temporary)
    ) and temporary.stat().st_size < library.stat().st_size:
        temporary.chmod(library.stat().st_mode)
        temporary.replace(library)
    else:
        temporary.unlink(missing_ok=True)


def carries_more(library: Path) -> bool:
    """Return whether something stands behind all that a library's headers tell of: an archive, a key, which its code reads."""
    with library.open("rb") as file:
        try:
            file.seek(read_headers(file).end())
        except DamagedError:
            return False
        return bool(file.read().strip(b"\0"))


def _run_strip(library: Path, target: Path) -> bool:
    command = ["strip", "--strip-unneeded", "-o", str(target), str(library)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def is_elf(path: Path) -> bool:
    """Return whether a file is a shared library or a program."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # a link, or nothing
        return False
    try:
        return os.pread(file, len(ELF), 0) == ELF
    except OSError:  # a folder, or a pipe
        return False
    finally:
        os.close(file)


def _is_grafted(path: Path, folder: Path) -> bool:
    return any(part.endswith(".libs") for part in path.relative_to(folder).parts)


def compile_bytecode(folder: Path, names: Sequence[str], interpreter: Path, cores: Executor) -> None:
    """Write a .pyc with an unchecked hash (PEP 552) for each module: it stays valid whatever times an unpacker sets.

    Args:
        folder: of a package, or of several.
        names: the modules' paths in it; their code carries them.
        interpreter: a Python of the target's version.
        cores: runs the work, some hundred files at a time.

    Raises:
        BuildError: the interpreter does not run.
    """

    def run(start: int) -> None:
        done = run_clean(interpreter, _COMPILE, [str(folder)], read="\n".join(names[start : start + SHARD]))
        if done.returncode:
            raise BuildError(f"{interpreter} cannot compile the modules: {done.stderr.strip()[-500:]}")

    list(cores.map(run, range(0, len(names), SHARD)))


def compile_folder(folder: Path, target: Target, cores: Executor) -> None:
    """Compile all modules below a folder, if a Python of the target's version is here; see `compile_bytecode`."""
    if interpreter := find_interpreter(target):
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
        compile_bytecode(folder, names, interpreter, cores)


def collect_bytecode(folder: Path, needed: Sequence[str], lazy: Sequence[str]) -> dict[str, str]:
    """Put a copy of all compiled modules into the few files that a start imports them from.

    Args:
        folder: the applib.
        needed: paths of the .pyc files that a start imports, in its order; what else is named there does not matter.
        lazy: sources of modules that are executed when they are first used.

    Returns:
        For each .pyc the file that holds its copy; no archive needs the .pyc itself.
    """
    names = (path for path, _ in walk(folder) if path.endswith(".pyc") and split(split(path)[0])[1] == "__pycache__")
    files = {path: (folder / path).read_bytes() for path in names}
    made, holders = dump_bytecode(files, needed, lazy)
    shutil.rmtree(folder / BYTECODE_NAME, ignore_errors=True)  # of another order
    for name, content in made.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return holders
