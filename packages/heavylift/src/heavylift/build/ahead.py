"""The modules that a start imports ahead, while it waits for the applib's names (`heavylift.runtime.ahead`).

They are found when a start is recorded: those of the standard library and of the vendored packages that it imported, and that can
be imported in a process that sees nothing else, without asking there for a module that the applib or the function has: with it,
they might do something else. What they asked for in vain is kept beside them, so that a later build, with another applib or
other code, knows whether that is still so: if not, nothing is imported ahead until a start is recorded anew.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from heavylift.build.clean import run_clean
from heavylift.build.sources import LOADER, PACKAGE
from heavylift.build.vendor import NAME as VENDOR
from heavylift.contracts.archive import SUFFIX
from heavylift.runtime.ahead import dump_list

SECONDS = 120
# They replace parts of the standard library, which nothing may have taken from it before.
PATCHERS = frozenset({"gevent.monkey", "eventlet.patcher"})

_TRY = """
import json, sys
code, names = sys.argv[1], json.load(sys.stdin)
sys.path.insert(0, code)
import loader
sys.path.remove(code)
from heavylift.runtime.ahead import import_ahead
missed = {}

class Missed:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None:  # all that are being executed would get it
            frame = sys._getframe()
            while frame:
                if frame.f_code.co_name == "<module>":
                    missed.setdefault(name, []).append(frame.f_globals.get("__name__"))
                frame = frame.f_back

sys.meta_path.append(Missed)
modules = []
for name in names:
    if name not in sys.modules:
        import_ahead([name], code + "/vendor")
        if name in sys.modules:
            modules.append(name)
print("\\n" + json.dumps([modules, missed]))
"""


@dataclass(frozen=True, slots=True)
class Ahead:
    """The modules that a start may import ahead.

    Attributes:
        modules: those that bring all of them, in the order of the recorded start.
        missed: top-level modules that they look for, and that neither the standard library nor the vendored packages have.
    """

    modules: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()

    def fits(self, names: Collection[str]) -> bool:
        """Return whether nothing of an applib or a function bears on them.

        Args:
            names: the top-level modules of both.
        """
        return not {module.partition(".")[0] for module in self.modules}.union(self.missed) & set(names)


def find_ahead(imported: Sequence[str], code: Path, applib: Path, interpreter: Path) -> Ahead:
    """Return the modules to import ahead; none where they cannot be imported alone.

    Args:
        imported: the modules that a recorded start imported, in that order, of the standard library and the vendored packages.
        code: the code package.
        applib: the folder of the libraries.
        interpreter: a Python of the target's version.
    """
    there = other_modules(code, (path.name for path in applib.iterdir()))
    names = [name for name in imported if name.partition(".")[0] not in there]
    while True:
        modules, missed = _try(names, code, interpreter)
        others = {name for miss, executing in missed.items() if miss in there for name in executing}
        if not others & set(names):
            return Ahead(tuple(modules), tuple(sorted(missed))) if not there & set(missed) else Ahead()
        names = [name for name in names if name not in others]


def _try(names: Sequence[str], code: Path, interpreter: Path) -> tuple[list[str], dict[str, list[str]]]:
    try:
        done = run_clean(interpreter, _TRY, [str(code.resolve())], read=json.dumps(list(names)), seconds=SECONDS)
        done.check_returncode()
        modules, missed = json.loads(done.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return [], {}  # a start without is slower, and no more
    return modules, missed


def ahead_list(ahead: Ahead, code: Path, applib: Path, key: str) -> bytes | None:
    """Return the list of a code package; None where there is nothing that it could import ahead.

    Args:
        ahead: what was recorded.
        code: the code package.
        applib: the archive of the libraries.
        key: its object.
    """
    if not ahead.modules:
        return None
    with zipfile.ZipFile(applib) as archive:
        names = {name.partition("/")[0].removesuffix(SUFFIX) for name in archive.namelist()}
    return dump_list(key, ahead.modules) if ahead.fits(other_modules(code, names)) else None


def other_modules(code: Path, applib: Iterable[str]) -> frozenset[str]:
    """Return the top-level modules that only a function and its applib have: the vendored ones come before them.

    Args:
        code: the code package.
        applib: the names of the files and folders of the applib.
    """
    own = {LOADER, PACKAGE.name, VENDOR}
    function = (path.name for path in code.iterdir() if path.name not in own)
    return _modules((*applib, *function)) - _modules(path.name for path in (code / VENDOR).iterdir())


def _modules(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in names)
