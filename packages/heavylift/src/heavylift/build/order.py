"""Orders an archive's entries as a start needs them, so that imports can begin before all of it is there.

The loader lets a module or library be used as soon as its file and all files before it in the archive are there (docs/reference/
contracts.md, section 1). Python tells the loader of each file that it opens or links; of what native code opens or links by itself,
nobody tells. So whatever that may be comes first:

1. the eager files: data of every kind, and the libraries that the recorded start did not need, unless they are extension modules,
   which Python alone links;
2. what else the recorded start needed, in its order: libraries that a library brought in stand before it, chunks of bytecode
   where the first of their modules is imported;
3. the rest: modules that it did not import, and the sources, which are read for tracebacks.
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heavylift.build.binaries import is_elf
from heavylift.build.elf import is_extension
from heavylift.build.errors import BuildError, MissingModuleError
from heavylift.runtime import lazy as runtime_lazy

# Notes the files below `root` that a recording process needs: `sys.addaudithook(hook)` begins it, `look()` ends it.
WATCH = """
import os, sys
needed, listed, mapped, native = [], [], set(), 0

def look():
    # What was linked since the last look came with the last library, or by itself after it: it has to be there before that.
    with open("/proc/self/maps") as file:
        paths = dict.fromkeys(line[line.index("/"):].rstrip("\\n") for line in file if "/" in line)
    new = sorted(path for path in paths if path.startswith(root) and path not in mapped)  # not as the kernel placed them
    mapped.update(new)
    # The last library itself stays behind them, wherever in memory the linker put it.
    needed[native:native] = [path for path in new if path not in needed[native:native + 1]]

def hook(event, arguments):
    global native
    if event in ("import", "open", "ctypes.dlopen"):
        path = arguments[1 if event == "import" else 0]
        if isinstance(path, str) and path.startswith(root):
            if event != "open":
                look()
                native = len(needed)
            needed.append(path)
    # Whoever lists a folder reads what is there; the import system alone lists all that it looks for modules in.
    elif event in ("os.listdir", "os.scandir") and not sys._getframe(1).f_code.co_filename.startswith("<frozen importlib"):
        path = str(arguments[0])
        if path.startswith(root):
            listed.append(path)

def below(paths):
    return list(dict.fromkeys(os.path.relpath(path, root) for path in paths))
"""
_RECORD = f"""
import sys
sys.path.remove("")  # nothing of the working folder: -I would do that, and also ignore PYTHONHASHSEED
import importlib, json, os
from functools import partial
from importlib.machinery import SourceFileLoader
root, modules = sys.argv[1] + "/", sys.argv[2:]
orders = json.load(sys.stdin)
lazy, names, now = {{root + path for path in orders["lazy"]}}, {{"__name__": "lazy"}}, SourceFileLoader.exec_module
exec(orders["source"], names)
{WATCH}
def exec_module(loader, module):
    if loader.path in lazy:
        names["postpone"](module, partial(now, loader))
    else:
        now(loader, module)

if lazy:
    SourceFileLoader.exec_module = exec_module
sys.path.insert(0, sys.argv[1])
sys.addaudithook(hook)
for module in modules:
    print(module, file=sys.stderr)
    importlib.import_module(module)
look()
print("\\n" + json.dumps([below(needed), below(listed)]))
"""


@dataclass(frozen=True, slots=True)
class Recording:
    """The file accesses of a start, by paths relative to the folder.

    Attributes:
        needed: the files that it opened or linked, in that order: modules as their .pyc, libraries, data.
        listed: the folders whose files it looked for by itself.
    """

    needed: Sequence[str]
    listed: Sequence[str]

    def opened(self, paths: Iterable[str]) -> set[str]:
        """Return those of these paths that the start opened, or may have seen in a folder that it listed."""
        return {path for path in paths if path.rpartition("/")[0] in self.listed}.union(self.needed)


@dataclass(frozen=True, slots=True)
class Order:
    """The order of an archive's entries.

    Attributes:
        paths: of all files.
        eager: how many of the first must be there before any code runs.
        used: how many of the first the recorded start may have used; only Python opens the others.
    """

    paths: Sequence[str]
    eager: int
    used: int


def record_imports(folder: Path, interpreter: Path, modules: Sequence[str], lazy: Sequence[str] = ()) -> Recording:
    """Import modules in a clean process that sees nothing but the folder and the standard library.

    Args:
        folder: the applib.
        interpreter: a Python of the target's version.
        modules: in the order in which they are imported.
        lazy: sources of modules that are executed when they are first used, by paths relative to the folder.

    Raises:
        MissingModuleError: a module needs one that is not there.
        BuildError: a module cannot be imported; the message names it, the reason and what to do.
    """
    done = subprocess.run(
        [str(interpreter), "-s", "-S", "-B", "-c", _RECORD, str(folder), *modules],
        input=json.dumps({"lazy": list(lazy), "source": inspect.getsource(runtime_lazy)}),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        reached = next((line for line in reversed(lines) if line in modules), "its modules")
        reason = lines[-1] if lines and lines[-1] != reached else f"the process ended with {done.returncode}"
        message = f"what was built cannot import {reached}: {reason}; {_advice(reason)}"
        if missing := re.fullmatch(r"ModuleNotFoundError: No module named '(.*)'", reason):
            raise MissingModuleError(message, reached, missing[1])
        raise BuildError(message)
    needed, listed = json.loads(done.stdout.splitlines()[-1])
    return Recording([path for path in needed if (folder / path).is_file()], listed)  # Python tells of attempts, too


def arrange(folder: Path, needed: Sequence[str] | None, chunks: Mapping[str, str]) -> Order:
    """Return the order of an applib's files.

    Args:
        folder: the applib, complete.
        needed: what a recorded start needed, in its order; None: nothing was recorded, so everything is eager.
        chunks: for each .pyc that was collected, the file that holds it.
    """
    files = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )
    files = [path for path in files if path not in chunks]
    if needed is None:
        return Order(files, len(files), len(files))
    used = dict.fromkeys(chunks.get(path, path) for path in needed)
    parts: tuple[list[str], ...] = ([], [], [], [], [])
    eager, unused_libraries, unused_bytecode, extensions, sources = parts
    holders = set(chunks.values())
    for path in files:
        if path in holders:
            part = unused_bytecode
        elif path.endswith(".py"):
            part = sources
        elif not is_elf(folder / path):
            part = eager
        else:
            part = extensions if is_extension(folder / path) else unused_libraries
        if part is eager or path not in used:
            part.append(path)
    first = [*eager, *unused_libraries]
    known = set(files) - set(first)
    used_files = [*first, *(path for path in used if path in known)]
    return Order([*used_files, *unused_bytecode, *extensions, *sources], len(first), len(used_files))


def _advice(reason: str) -> str:
    if "cannot open shared object file" in reason:
        return (
            "that system library is not installed here, and a function has it neither: ask for the headless or cpu variant of "
            "the package, if it has one"
        )
    if "No module named" in reason:
        return "add the missing package to the requirements, or switch the prune rule off that took it away (`--no-prune` tells)"
    return "build with `--no-prune --no-strip` to see whether pruning or stripping is the cause"
