"""The applib's staging folder: installed, pruned, stripped, compiled and imported once, ready to be packed.

Each stage reads what the one before left in the folder. The record beside it is written last: a folder without it is scrap.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layers_build import binaries, resolve
from layers_build.order import arrange, record_imports
from layers_build.prune import Rule, as_record, prune
from layers_build.target import Target, find_interpreter

if TYPE_CHECKING:
    from layers_build.report import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Applib:
    """What to put together, and where."""

    requirements: Path
    lock: Path
    target: Target
    rules: Sequence[Rule]
    strip: bool
    folder: Path  # the staging folder

    @property
    def record(self) -> Path:
        """The file that says that the folder is complete, and what is in it."""
        return self.folder.with_name(self.folder.name + ".json")


def stage(applib: Applib, report: Report) -> Mapping[str, Any]:
    """Put an applib together, unless that is done already.

    Returns:
        What the manifest and the table say of it: `packages`, `sizes`, `pruned`, `bytecode`; and the `order` of its files.

    Raises:
        BuildError: a package cannot be installed, or what was asked for cannot be imported.
    """
    if not applib.record.is_file():
        _remove_others(applib)
        made = _make(applib, report)
        temporary = applib.record.with_suffix(".new")
        temporary.write_text(json.dumps(made), encoding="utf-8")
        temporary.replace(applib.record)
    record: Mapping[str, Any] = json.loads(applib.record.read_bytes())
    return record


def _remove_others(applib: Applib) -> None:
    # One staging folder for a target is worth keeping, a gigabyte for each change is not. Records go before their folders.
    stale = applib.folder.parent.glob(f"applib-{applib.target}-*")
    for path in sorted(stale, key=lambda path: path.is_dir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _make(applib: Applib, report: Report) -> dict[str, Any]:
    folder, target = applib.folder, applib.target
    interpreter = find_interpreter(target)
    with report.step(f"install {applib.requirements.name} for {target}"):
        resolve.install(applib.lock, folder, target, wheels_only=True)
    packages = _packages(folder)
    sizes = [("installed", _package_sizes(folder, packages))]
    modules = _requested_modules(applib.requirements, folder)
    pruned = prune(folder, applib.rules)
    sizes.append(("pruned", _package_sizes(folder, packages)))
    with report.bar("strip") as progress:
        if applib.strip and not binaries.strip(folder, progress):
            report.note(
                "no `strip` here (Debian package binutils): the libraries keep their symbols, for tensorflow about 200 MB more"
            )
    sizes.append(("stripped", _package_sizes(folder, packages)))
    needed: list[str] | None = None
    if interpreter:
        with report.bar("compile") as progress:
            binaries.compile_bytecode(folder, interpreter, progress)
    else:
        report.warn(
            f"there is no Python {target.python} here, and uv cannot install one: the applib goes WITHOUT bytecode. Every start "
            f"then compiles each module anew: tensorflow takes 7 s more. Put a python{target.python} on PATH and build again."
        )
    if interpreter and target.runs_here:
        with report.step(f"import {', '.join(modules)} in a clean process"):
            needed = record_imports(folder, interpreter, modules)
    else:
        report.note(
            f"not imported, neither for a check nor to see which files a start needs first: {target.unrunnable}. A start imports "
            "when all of it has been unpacked."
        )
    holders = binaries.collect_bytecode(folder, needed or ()) if interpreter else {}
    order = arrange(folder, needed, holders)
    return {
        "pruned": as_record(pruned),
        "packages": packages,
        "sizes": sizes,
        "bytecode": interpreter is not None,
        "order": {"paths": order.paths, "eager": order.eager},
    }


def _packages(folder: Path) -> dict[str, dict[str, Any]]:
    """Return version and files of each installed package."""
    found = {}
    for info in sorted(folder.glob("*.dist-info")):
        distribution = Distribution.at(info)
        files = [str(path) for path in distribution.files or ()]
        found[distribution.metadata["Name"]] = {"version": distribution.version, "files": files}
    return found


def _package_sizes(folder: Path, packages: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    sizes = {}
    for name, package in packages.items():
        paths = [folder / file for file in package["files"] if not file.endswith(".pyc")]
        sizes[name] = sum(path.lstat().st_size for path in paths if path.exists())
    return sizes


def _requested_modules(requirements: Path, folder: Path) -> list[str]:
    """Return the modules to import of what was asked for: those that the packages name, else those that they install."""
    wanted = re.findall(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    modules = []
    for name in wanted:
        pattern = re.sub(r"[-_.]+", "_", name).lower()
        infos = [info for info in folder.glob("*.dist-info") if info.name.lower().startswith(pattern + "-")]
        for info in infos:
            listed = info / "top_level.txt"
            modules += listed.read_text().split() if listed.exists() else _installed_modules(info)
    return [module for module in dict.fromkeys(modules) if not module.startswith("_")]


def _installed_modules(info: Path) -> list[str]:
    tops = {path.parts[0] for path in Distribution.at(info).files or () if path.suffix in {".py", ".so"}}
    return sorted(top.partition(".")[0] for top in tops if top.partition(".")[0].isidentifier())
