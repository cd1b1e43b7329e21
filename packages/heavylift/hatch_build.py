"""Compiles native/pages.c, the helper in C that heavylift.runtime.pages calls, when heavylift is built or installed.

A wheel holds it for both architectures, compiled by Zig (the package ziglang) against glibc 2.17: the same bytes on every machine.
So the wheel is one for all machines, and a code package takes the helper of its function's architecture from it. An editable
installation holds it for this machine only, by Zig where that is installed and by the machine's own compiler otherwise; source and
options are the same, and the tests of the helper run with either. Without a compiler nothing is compiled: starts load everything
whole then.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "pages.c"  # in native/; compiled there, so that no path of this machine gets into the result
ARCHITECTURES = ("x86_64", "aarch64")
GLIBC = "2.17"  # of manylinux2014; every platform that runs Python 3.10 has it or a later one
OPTIONS = (
    *("-shared", "-fPIC", "-std=gnu11", "-O2", "-g0", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"),
    *("-Wl,-z,now", "-Wl,-z,relro", "-Wl,--build-id=none", "-s"),  # now: a signal's handler must not bind symbols
)


class CustomBuildHook(BuildHookInterface[Any]):
    """Puts the compiled helper into the wheel, or beside the sources of an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before hatchling collects its files."""
        native, runtime = Path(self.root, "native"), Path(self.root, "src", "heavylift", "runtime")
        if version == "editable":
            compiler = find_compiler()
            if compiler:
                compile_helper(compiler, native, runtime / helper_name(platform.machine()))
            else:
                self.app.display_warning("no C compiler (cc) and no ziglang: starts will load large libraries whole")
            return
        folder = Path(tempfile.mkdtemp(prefix="heavylift-"))
        self._folder = folder
        for architecture in ARCHITECTURES:
            name = helper_name(architecture)
            compile_helper(zig(architecture), native, folder / name)
            build_data["force_include"][str(folder / name)] = f"heavylift/runtime/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the wheel holds now."""
        if version != "editable":
            shutil.rmtree(self._folder)


def helper_name(architecture: str) -> str:
    """Return the file of an architecture's helper."""
    return f"pages.{architecture}.so"


def find_compiler() -> list[str] | None:
    """Return the command of a compiler for this machine; None where there is none."""
    if importlib.util.find_spec("ziglang") and platform.machine() in ARCHITECTURES:
        return zig(platform.machine())
    own = shutil.which("cc")
    return [own] if own else None


def zig(architecture: str) -> list[str]:
    """Return the command of Zig's C compiler for an architecture."""
    return [sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture}-linux-gnu.{GLIBC}"]


def compile_helper(compiler: list[str], native: Path, target: Path) -> None:
    """Compile the helper; a process that has the old one loaded keeps it."""
    with tempfile.TemporaryDirectory(prefix="heavylift-") as cache:
        made = Path(cache, target.name)
        # Zig keeps what it compiles, in the user's home by default: a build should leave nothing there, nor need one.
        environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": f"{cache}/zig", "ZIG_LOCAL_CACHE_DIR": f"{cache}/zig"}
        subprocess.run([*compiler, *OPTIONS, "-o", str(made), SOURCE], cwd=native, env=environment, check=True)
        made.chmod(0o755)
        beside = target.with_name(f".{target.name}")
        shutil.copy(made, beside)
        beside.replace(target)
