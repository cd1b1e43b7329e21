"""The file accesses of imports: those of a clean process that sees nothing but an applib and the standard library.

Python tells an audit hook of each file that it opens or links, and of each folder that it lists; of the files that it looks for in
vain, it asks `os.stat` and its like, and for modules the finders. What native code opens by itself, nobody tells.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from heavylift.build.clean import run_clean
from heavylift.build.errors import BuildError, MissingModuleError
from heavylift.build.keeping import keeping
from heavylift.build.names import above, module_name, prefixes, split
from heavylift.runtime import lazy as runtime_lazy
from heavylift.runtime import pathfiles

IMPORTED = (".py", ".pyc", ".so")  # ends of the names of modules' files

# Notes the files below `root` that a recording process needs: `sys.addaudithook(hook)` begins it, `look()` ends it.
WATCH = """
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
import importlib, json, os, sys
from functools import partial
from importlib.machinery import SourceFileLoader
root, modules = sys.argv[1] + "/", sys.argv[2:]
orders = json.load(sys.stdin)
lazy, names, now = {{root + path for path in orders["lazy"]}}, {{"__name__": "lazy"}}, SourceFileLoader.exec_module
exec(orders["lazy source"], names)
exec(orders["path files source"], names)
{WATCH}
asked, tested = [], []

class Asked:
    @staticmethod
    def find_spec(name, path=None, target=None):
        asked.append(name)

class Noting:  # no function, which would become a method of a class that keeps it: pathlib's does, up to 3.10
    def __init__(self, call):
        self.call = call
        for features in (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks):
            if call in features:
                features.add(self)

    def __call__(self, path, *arguments, **options):
        if isinstance(path, str) and path.startswith(root):
            tested.append(path)
        return self.call(path, *arguments, **options)

def exec_module(loader, module):
    if loader.path in lazy:
        names["postpone"](module, partial(now, loader))
    else:
        now(loader, module)

if lazy:
    SourceFileLoader.exec_module = exec_module
sys.path.insert(0, sys.argv[1])
sys.meta_path.insert(0, Asked)
os.stat, os.lstat, os.access = map(Noting, (os.stat, os.lstat, os.access))
sys.addaudithook(hook)
names["follow_path_files"](sys.argv[1])
for module in modules:
    print(module, file=sys.stderr)
    importlib.import_module(module)
look()
missed = [name for name in asked if name not in sys.modules]
print("\\n" + json.dumps([below(needed), below(listed), missed, below(tested)]), flush=True)
os._exit(0)  # what modules do at the end, no start waits for
"""


@dataclass(frozen=True, slots=True)
class Accesses:
    """The file accesses of imports, by paths relative to the folder.

    Attributes:
        needed: the files that they opened or linked, in that order: modules as their .pyc, libraries, data.
        listed: the folders whose files they looked for by themselves.
        missed: the files, folders and modules, these by name, that they looked for in vain.
    """

    needed: Sequence[str]
    listed: Sequence[str]
    missed: Set[str]

    def opened(self, paths: Iterable[str]) -> set[str]:
        """Return those of these paths that were opened, or may have been seen in a folder that was listed."""
        return {path for path in paths if path.rpartition("/")[0] in self.listed}.union(self.needed)

    def may_differ(self, gone: Collection[str], left: Iterable[str], looked_into: Iterable[str]) -> bool:
        """Return whether the imports may have gone another way without some files than they would with them.

        A file in a folder that was listed, and that Python does not import, is no reason: it is data for later.

        Args:
            gone: paths of the files that were not there.
            left: paths of those that were.
            looked_into: folders of `gone` whose files somebody may look for.
        """
        folders = {folder for path in gone for folder in above(split(path)[0])}
        if not (
            self.missed.isdisjoint(gone)
            and self.missed.isdisjoint(folders)
            and self.missed.isdisjoint(modules_of(gone))
        ):
            return True
        if any(path.endswith(IMPORTED) and split(path)[0] in self.listed for path in gone):
            return True
        listed = {"" if folder == "." else folder for folder in self.listed}
        kept = {folder for path in left for folder in above(split(path)[0])}
        vanished = {folder for each in looked_into for folder in above(each)} - kept
        return any(split(folder)[0] in listed for folder in vanished)


def record_imports(folder: Path, interpreter: Path, modules: Sequence[str], lazy: Sequence[str] = ()) -> Accesses:
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
    orders = {
        "lazy": list(lazy),
        "lazy source": inspect.getsource(runtime_lazy),
        "path files source": inspect.getsource(pathfiles),
    }
    with keeping(folder) as keep:
        done = run_clean(interpreter, keep + _RECORD, [str(folder), *modules], read=json.dumps(orders))
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        reached = next((line for line in reversed(lines) if line in modules), "its modules")
        reason = lines[-1] if lines and lines[-1] != reached else f"the process ended with {done.returncode}"
        message = f"what was built cannot import {reached}: {reason}; {_advice(reason)}"
        if missing := re.fullmatch(r"ModuleNotFoundError: No module named '(.*)'", reason):
            raise MissingModuleError(message, reached, missing[1])
        raise BuildError(message)
    needed, listed, asked, tested = json.loads(done.stdout.splitlines()[-1])
    found = [path for path in needed if (folder / path).is_file()]  # Python tells of attempts, too
    missed = {path for path in tested if not (folder / path).exists()}.union(asked, set(needed).difference(found))
    return Accesses(found, listed, missed)


def modules_of(paths: Iterable[str]) -> set[str]:
    """Return the names of the modules among some files, and of the packages around them."""
    return {name for path in paths if path.endswith(IMPORTED) for name in prefixes(module_name(path))}


def _advice(reason: str) -> str:
    if "cannot open shared object file" in reason:
        return (
            "that system library is not installed here, and a function has it neither: ask for the headless or cpu variant of "
            "the package, if it has one"
        )
    if "No module named" in reason:
        return "add the missing package to the requirements, or switch the prune rule off that took it away (`--no-prune` tells)"
    return "build with `--no-prune --no-strip` to see whether pruning or stripping is the cause"
