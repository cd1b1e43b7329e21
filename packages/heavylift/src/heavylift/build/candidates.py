"""The files that pruning would take away, by all the names that may refer to them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field

from heavylift.build.names import above, module_name, split


def _lists() -> dict[str, list[str]]:
    return defaultdict(list)


def _pairs() -> dict[tuple[str, str], list[str]]:
    return defaultdict(list)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Files of an applib that may go.

    Attributes:
        paths: of all files, relative, with `/`.
        going: those that would go.
        owners: the distribution that a file belongs to; without one it belongs to its top folder. A bare file name means a file of
            the same distribution.
        modules: those that would go, by module name.
        names: by owner and file name.
        suffixes: by owner and suffix.
        siblings: by folder and stem.
        folders: those whose files would all go, with what one looks for in a folder: not stubs, not programs, which have no suffix.
        folder_names: these folders, by the last part.
    """

    paths: Collection[str]
    going: Set[str]
    owners: Mapping[str, str]
    modules: dict[str, list[str]] = field(default_factory=_lists)
    names: dict[tuple[str, str], list[str]] = field(default_factory=_pairs)
    suffixes: dict[tuple[str, str], list[str]] = field(default_factory=_pairs)
    siblings: dict[tuple[str, str], list[str]] = field(default_factory=_pairs)
    folders: dict[str, list[str]] = field(default_factory=dict)
    folder_names: dict[str, list[str]] = field(default_factory=_lists)

    def __post_init__(self) -> None:
        for path in sorted(self.going):
            folder, name = split(path)
            stem, _, suffix = name.partition(".")
            if name.endswith((".py", ".so", ".pyc")):
                self.modules[module_name(path)].append(path)
            owner = self.owner(path)
            self.names[owner, name].append(path)
            self.siblings[folder, stem].append(path)
            if suffix:
                self.suffixes[owner, name[name.rfind(".") :]].append(path)
            # A folder of stubs alone is nothing to look into, and whoever runs a program names it.
            if suffix and suffix != "pyi":
                self.folders.setdefault(folder, []).append(path)
        for folder in {split(path)[0] for path in self.staying}.intersection(self.folders):
            del self.folders[folder]
        for folder in self.folders:
            self.folder_names[split(folder)[1]].append(folder)

    @property
    def staying(self) -> list[str]:
        """The paths of the other files, sorted."""
        return sorted(path for path in self.paths if path not in self.going)

    def owner(self, path: str) -> str:
        """Return the distribution of a file."""
        return self.owners.get(path, path.partition("/")[0])

    def outermost(self, module: str) -> str:
        """Return the outermost package that would go with a module: every reference to the module names it, too."""
        parts = module.split(".")
        names = (".".join(parts[:end]) for end in range(1, len(parts)))
        return next((name for name in names if name in self.modules), module)

    def outermost_folders(self) -> set[str]:
        """Return the folders without a module that stays: who names one further in, from a package that stays, names its, too."""
        staying = {split(path)[0] for path in self.staying if path.endswith(".py")}
        packages = {each for folder in staying for each in above(folder)}
        return {next((each for each in above(folder) if each not in packages), folder) for folder in self.folders}

    def targets(self) -> set[str]:
        """Return the names, with `/`, one of which every reference to a module or a folder holds."""
        return {name.replace(".", "/") for name in map(self.outermost, self.modules)} | self.outermost_folders()
