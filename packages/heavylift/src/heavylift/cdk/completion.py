"""The completion of an app's functions, when it synthesizes: what is wrong is told, then what changed is built.

Stages: the app's code makes functions, whose problems are gathered; all problems are told at once, before anything is built; the
functions are built; what only the builds can tell is told at once as well; each function gets its code and its archives.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from weakref import WeakKeyDictionary

from ros_cdk_core import Construct, IConstruct

from heavylift.build.errors import BuildError
from heavylift.cdk.arguments import FunctionSettings, fail
from heavylift.cdk.building import OUTPUT, plan_build
from heavylift.cdk.built import check_build
from heavylift.cdk.context import misspelt
from heavylift.cdk.errors import SettingsError
from heavylift.cdk.facts import Facts, read_context, read_facts
from heavylift.cdk.names import PLAIN
from heavylift.cdk.place import Place
from heavylift.cdk.settings import SETTINGS
from heavylift.contracts.manifest import Build
from heavylift.errors import HeavyliftError


class Unfinished(Protocol):
    """A function that waits for its build."""

    @property
    def id(self) -> str:
        """Its logical id."""

    @property
    def name(self) -> str:
        """Its name in the cloud."""

    @property
    def place(self) -> Place:
        """Where it stands."""

    @property
    def settings(self) -> FunctionSettings:
        """Its arguments."""

    def complete(self, build: Build) -> None:
        """Take code and archives from a build."""


class Completion:
    """The functions of an app, and their problems."""

    def __init__(self, app: IConstruct) -> None:
        self._app = app
        self._functions: list[Unfinished] = []
        self._stacks: set[str] = set()
        self._problems: list[tuple[Place, str]] = []

    @staticmethod
    def of(scope: Construct) -> Completion:
        """Return that of the app that a construct is in."""
        app = scope.node.root
        if app not in _COMPLETIONS:
            _COMPLETIONS[app] = Completion(app)
        return _COMPLETIONS[app]

    def add(self, function: Unfinished) -> None:
        """Add a function."""
        self._functions.append(function)
        self._stacks.add(function.place.stack)

    def tell(self, place: Place, problems: Iterable[str]) -> None:
        """Note problems; each begins then with where its function stands.

        Args:
            place: the function's.
            problems: a sentence for each.
        """
        self._problems += ((place, problem) for problem in problems)

    def all_problems(self, error: HeavyliftError) -> HeavyliftError:
        """Return an error that ended the app's code, with the problems that were noted before."""
        return SettingsError([*self._told(), str(error)]) if self._problems else error

    def _told(self) -> list[str]:
        return [f"{self._label(place)}{problem}" for place, problem in self._problems]

    def _label(self, place: Place) -> str:
        """Return the beginning of what is said of a function: its path, with its stack's name where there are several."""
        path = f"{place.stack}/{place.path}" if len(self._stacks) > 1 else place.path
        return "" if path == PLAIN else f"{path}: "

    def run(self) -> None:
        """Complete the functions that wait for it.

        Raises:
            SettingsError: arguments are wrong, or a build does not fit them; all problems at once.
            BuildError: a part cannot be built.
        """
        if not self._functions:
            return
        facts = self._read_facts()
        for note in misspelt(read_context(os.environ), SETTINGS):
            print(f"app: {note}", file=sys.stderr)  # noqa: T201 - an app is a command
        builders: list[Callable[[], Build]] = []
        self._check_twins()
        for function, output in zip(self._functions, self._outputs(), strict=True):
            with self._noting(function.place):
                builders.append(plan_build(function.settings, facts, output=output))
        fail(self._told())
        builds = [self._build(function.place, make) for function, make in zip(self._functions, builders, strict=True)]
        for function, build in zip(self._functions, builds, strict=True):
            if facts.deploys:
                local, unchecked = facts.local_build, facts.unchecked
                self.tell(function.place, check_build(function.settings, build, local_build=local, unchecked=unchecked))
        fail(self._told())
        for function, build in zip(self._functions, builds, strict=True):
            function.complete(build)
        self._functions = []

    def _read_facts(self) -> Facts:
        try:
            return read_facts(self._app.node.try_get_context, os.environ)
        except SettingsError as error:
            raise self.all_problems(error) from error

    @contextmanager
    def _noting(self, place: Place) -> Iterator[None]:
        try:
            yield
        except SettingsError as error:
            self.tell(place, error.problems)
        except HeavyliftError as error:
            self.tell(place, [str(error)])

    def _check_twins(self) -> None:
        """Note functions of a stack that have the same id, wherever in it they stand, or the same name."""
        seen: dict[tuple[str, str, str], Place] = {}
        for function in self._functions:
            for what, value in (("id", function.id), ("name", function.name)):
                first = seen.setdefault((function.place.stack, what, value), function.place)
                if first != function.place:
                    self.tell(function.place, [f"{what}: {value} is that of {first.path} as well; set another {what}"])
                    break

    def _outputs(self) -> Iterator[Path]:
        """Yield the folders for the functions' own builds: `dist/ID`, or `dist/STACK/ID` where another stack has that one."""
        taken: set[Path] = set()
        for function in self._functions:
            folder = OUTPUT if function.id == PLAIN else OUTPUT / function.id
            if folder in taken:
                folder = OUTPUT / function.place.stack / function.id
            taken.add(folder)
            yield folder

    def _build(self, place: Place, make: Callable[[], Build]) -> Build:
        try:
            return make()
        except BuildError as error:
            label = self._label(place)
            raise BuildError(f"{label}{error}") from error if label else None


_COMPLETIONS: WeakKeyDictionary[IConstruct, Completion] = WeakKeyDictionary()
