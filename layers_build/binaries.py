"""Shared libraries and bytecode: strip what only debuggers read, compile what would otherwise be compiled at each start."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from function.coldstart.bytecode import dump_bytecode
from layers_build.errors import BuildError

ELF = b"\x7fELF"
WORKERS = os.cpu_count() or 1
# Fixed, whatever the number of cores: a process compiles its files in order, and what marshal writes of a file depends a
# little on what the same process compiled before (interned strings are shared).
SHARDS = 8
_COMPILE = """
import sys
sys.path.remove("")  # nothing of the working folder: -I would do that, and also ignore PYTHONHASHSEED
import py_compile
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
    """Return which `strip` this machine has, as it calls itself; empty when it has none."""
    tool = shutil.which("strip")
    if tool is None:
        return ""
    done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]


def strip(folder: Path, progress: Callable[[int, int], None]) -> bool:
    """Strip the symbols that no loader reads from the shared libraries below a folder.

    Libraries in `*.libs` folders stay as they are: auditwheel has moved their sections, which strip may break.

    Args:
        folder: the applib.
        progress: called with the number of libraries done, and of all.

    Returns:
        False when this machine has no `strip`.
    """
    tool = shutil.which("strip")
    if tool is None:
        return False
    libraries = [path for path in sorted(folder.rglob("*.so*")) if is_elf(path) and not _is_grafted(path, folder)]

    def run(path: Path) -> None:
        temporary = path.with_name(path.name + ".stripped")
        done = subprocess.run(
            [tool, "--strip-unneeded", "-o", str(temporary), str(path)], capture_output=True, check=False
        )
        # What strip does not understand stays as it is.
        if done.returncode == 0 and temporary.stat().st_size < path.stat().st_size:
            temporary.chmod(path.stat().st_mode)
            temporary.replace(path)
        else:
            temporary.unlink(missing_ok=True)

    with ThreadPoolExecutor(WORKERS) as pool:
        for done, _ in enumerate(pool.map(run, libraries), 1):
            progress(done, len(libraries))
    return True


def is_elf(path: Path) -> bool:
    """Return whether a file is a shared library or a program."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == ELF


def _is_grafted(path: Path, folder: Path) -> bool:
    return any(part.endswith(".libs") for part in path.relative_to(folder).parts)


def compile_bytecode(folder: Path, interpreter: Path, progress: Callable[[int, int], None]) -> None:
    """Write a .pyc with an unchecked hash (PEP 552) for each module: it stays valid whatever times an unpacker sets.

    Args:
        folder: the applib.
        interpreter: a Python of the target's version.
        progress: called with the number of files done, and of all.

    Raises:
        BuildError: the interpreter does not run.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    shards = [names[number::SHARDS] for number in range(SHARDS)]

    def run(shard: list[str]) -> int:
        done = subprocess.run(
            [str(interpreter), "-s", "-S", "-c", _COMPILE, str(folder)],
            input="\n".join(shard),
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
        )
        if done.returncode:
            raise BuildError(f"{interpreter} cannot compile the modules: {done.stderr.strip()[-500:]}")
        return len(shard)

    done = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for count in pool.map(run, shards):
            done += count
            progress(done, len(names))


def collect_bytecode(folder: Path, needed: Sequence[str]) -> dict[str, str]:
    """Put a copy of all compiled modules into the few files that a start imports them from.

    Args:
        folder: the applib.
        needed: paths of the .pyc files that a start imports, in its order; what else is named there does not matter.

    Returns:
        For each .pyc the file that holds its copy; no archive needs the .pyc itself.
    """
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("__pycache__/*.pyc")}
    made, holders = dump_bytecode(files, needed)
    for name, content in made.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return holders
