"""The options of a build: its inputs, its target, its output."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heavylift.build.errors import BuildError
from heavylift.contracts.platform import DEFAULT_PLATFORM, LOCAL_PYTHON, Target

CACHE = "HEAVYLIFT_CACHE"  # the variable that names the folder for what later builds can use again
FUNCTIONS = "functions"  # the folder in it with a cache for each function that is not its project's only one
PARTS = ("applib", "model", "code")

# Writes a model to a folder (the third path), with the libraries of an applib (the first) and the Python it is for (the second).
Exporter = Callable[[Path, Path, Path], None]


def project_cache(root: Path) -> Path:
    """Return the folder in which the builds of a project keep files for later ones.

    It is one of the user's, outside of the project: ros-cdk reads every file below a project's folder on each command.

    Args:
        root: the project's folder; what HEAVYLIFT_CACHE names with a relative path lies in it.

    Raises:
        BuildError: nothing names a folder, and the user has none.
    """
    named = os.environ.get(CACHE, "")
    if named and not Path(named).is_absolute():
        return root / named
    return Path(named or users_cache() / "builds") / cache_name(root.resolve())


def users_cache() -> Path:
    """Return the folder of this tool among a user's caches (XDG Base Directory Specification: a relative path does not count).

    Raises:
        BuildError: the user has no home.
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (named if named.is_absolute() else Path.home() / ".cache") / "heavylift"
    except RuntimeError as error:
        raise BuildError(
            f"this user has no home to keep what later builds can use again: name a folder in {CACHE}"
        ) from error


def cache_name(project: Path) -> str:
    """Return the name of a project's folder in the user's, by the project's absolute path."""
    return f"{project.name}-{hashlib.sha256(os.fsencode(project)).hexdigest()[:12]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The inputs, the target and the output of a build."""

    root: Path  # the project's folder
    parts: Sequence[str] = PARTS
    target: Target = field(default_factory=lambda: Target(LOCAL_PYTHON, DEFAULT_PLATFORM))
    requirements: Path | None = None  # None: layers_build/applib.txt
    model: Path | None = None  # a folder to pack as the model; None: what `export` makes
    export: Exporter | None = None  # None as well: there is no model
    code: Path | None = None  # the folder with the user's function; None: function
    handler: str = "index.handler"  # MODULE.FUNCTION, which the loader calls
    prune_rules: Sequence[Path] = ()  # added to prune.toml
    lazy_imports: Sequence[str] = ()  # packages; their modules that only name others are executed when first used
    recordings: Path | None = None  # the folder of the recordings; None: recordings, beside the requirements
    record: Sequence[Path] | None = None  # events to record; None: only what was never recorded, without events
    environment: Mapping[str, str] = field(default_factory=dict)  # of the function, for the recorded start
    prune: bool = True
    strip: bool = True
    output: Path | None = None  # None: dist
    work: Path | None = None  # None: see `project_cache`

    @property
    def own_code(self) -> Path:
        """The folder with the user's function."""
        return self.code or self.root / "function"

    @property
    def dist(self) -> Path:
        """The output folder."""
        return self.output or self.builds

    @property
    def builds(self) -> Path:
        """The folder in which builds of the project lie, whichever function they are of."""
        return self.root / "dist"

    @property
    def other_builds(self) -> list[Path]:
        """The output folders of the project's other functions."""
        return [path for path in (self.builds, *sorted(self.builds.glob("*"))) if path != self.dist]

    @property
    def cache(self) -> Path:
        """The folder of the files that the next build can use again; of two builds with the same one, the second waits."""
        return self.work or project_cache(self.root)

    @property
    def other_caches(self) -> list[Path]:
        """The caches of the project's other functions."""
        shared = project_cache(self.root)
        return [path for path in (shared, *sorted((shared / FUNCTIONS).glob("*"))) if path != self.cache]

    def shown(self, path: Path) -> str:
        """Return a path as messages name it: within the project, from its folder on."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    @property
    def has_model(self) -> bool:
        """True where there is a model to build."""
        return self.model is not None or self.export is not None
