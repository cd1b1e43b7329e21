"""Our code package and archive with one improvement switched off.

Nothing is patched while it runs, since a start may use several processes: a variant edits the files of a copied code package, or
packs another archive. An edit that does not find exactly what it is to change fails, so that no variant silently measures ours.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.archives import coarse_archive, plain_archive
from bench.packages import replace_source
from heavylift.contracts.manifest import Archive
from heavylift.errors import HeavyliftError
from heavylift.runtime.settings import COMPLETE, WHOLE

LOADER = "heavylift/runtime/loader.py"
Edit = Callable[[Path], None]  # changes a copied code package
Pack = Callable[[Archive, Path], Archive]  # makes another archive of ours, in a folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One improvement switched off."""

    label: str
    edit: Edit | None = None
    pack: Pack | None = None
    environment: Mapping[str, str] = field(default_factory=dict)  # of the function, added to ours


def replace_line(code: Path, module: str, pattern: str, replacement: str) -> None:
    """Replace the one place in a module that a pattern matches.

    Args:
        code: the copied code package.
        module: its file, relative to the package.
        pattern: a regular expression; `^` and `$` are a line's.
        replacement: as in `re.sub`.

    Raises:
        HeavyliftError: there is no such place, or more than one.
    """
    path = code / module
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    changed, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if count != 1:
        raise HeavyliftError(f"{module} should have {pattern!r} once, and has it {count} times: mend bench/variants.py")
    replace_source(path, changed)


def set_constant(code: Path, module: str, name: str, value: int) -> None:
    """Give a constant of the loader's another value.

    Args:
        code: the copied code package.
        module: its file, relative to the package.
        name: of the constant, at the top of the module; a number.
        value: the new one.

    Raises:
        HeavyliftError: there is no such constant, or it has that value already.
    """
    path = code / module
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = [
        each
        for each in ast.parse(text).body
        if isinstance(each, ast.Assign) and [ast.unparse(target) for target in each.targets] == [name]
    ]
    if len(found) != 1 or not isinstance(found[0].value, ast.Constant) or found[0].value.value == value:
        raise HeavyliftError(f"{module} should set {name} to a number other than {value}: mend bench/variants.py")
    lines = text.splitlines()
    replace_source(
        path, "\n".join([*lines[: found[0].lineno - 1], f"{name} = {value}", *lines[found[0].end_lineno :]]) + "\n"
    )


def empty_function(code: Path, module: str, name: str) -> None:
    """Make a function of the loader's return at once.

    Args:
        code: the copied code package.
        module: its file, relative to the package.
        name: of the function, at the top of the module; one that may return None.

    Raises:
        HeavyliftError: there is no such function.
    """
    path = code / module
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = [each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef) and each.name == name]
    returns = ast.unparse(found[0].returns) if len(found) == 1 and found[0].returns else ""
    if not returns.endswith("None"):
        raise HeavyliftError(f"{module} should define {name}(), which may return None: mend bench/variants.py")
    first, last = found[0].body[0].lineno, found[0].body[-1].end_lineno
    lines = text.splitlines()
    replace_source(path, "\n".join([*lines[: first - 1], "    return", *lines[last:]]) + "\n")


def _keep_collector(code: Path) -> None:
    replace_line(code, LOADER, r"^( +)gc\.disable\(\)$", r"\1pass")


def _use_one_connection(code: Path) -> None:
    set_constant(code, "heavylift/runtime/blocks.py", "CONNECTIONS", 1)


def _compile_each_module(code: Path) -> None:
    empty_function(code, "heavylift/runtime/bytecode.py", "install")


def _import_at_the_end(code: Path) -> None:
    # Requests do so anyway.
    replace_line(code, LOADER, r'^( +)if mode == "request":$', r"\1if mode:")


def _load_at_equal_priority(code: Path) -> None:
    set_constant(code, "heavylift/runtime/worker.py", "NICENESS", 0)


def _pack_plainly(applib: Archive, folder: Path) -> Archive:
    return plain_archive(applib, folder, bytecode=True)


VARIANTS: Mapping[str, Variant] = {
    "format": Variant(label="an ordinary zip: deflate, and neither blocks nor order", pack=_pack_plainly),
    "overlap": Variant(label="imports begin when all is unpacked", edit=_import_at_the_end),
    "rest": Variant(label="a start ends when everything is there (mode complete)", environment={"LoadMode": COMPLETE}),
    "blocks": Variant(label="code in blocks of 4 MiB instead of 2", pack=coarse_archive),
    "pages": Variant(label="no library is used before all of its code is there", environment={"LoadMode": WHOLE}),
    "priority": Variant(label="the load has the import's priority", edit=_load_at_equal_priority),
    "connections": Variant(label="one connection instead of several", edit=_use_one_connection),
    "bytecode": Variant(label="modules are compiled at each start", edit=_compile_each_module),
    "gc": Variant(label="the garbage collector runs during imports", edit=_keep_collector),
}
