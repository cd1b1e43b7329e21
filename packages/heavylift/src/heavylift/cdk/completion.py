"""The completion of an app's functions, when it synthesizes: what is wrong is told, then what changed is built.

Stages: the app's code makes functions, whose problems are gathered; all problems are told at once, before anything is built; the
functions are built; what only the builds can tell is told at once as well; each function gets its code and its archives.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakKeyDictionary

from ros_cdk_core import Construct, IConstruct

from heavylift.build.errors import BuildError
from heavylift.cdk.arguments import FunctionSettings, check_build, fail
from heavylift.cdk.building import OUTPUT, plan_build
from heavylift.cdk.context import misspelt
from heavylift.cdk.errors import SettingsError
from heavylift.cdk.facts import Facts, read_context, read_facts
from heavylift.cdk.names import PLAIN
from heavylift.cdk.settings import SETTINGS
from heavylift.contracts.manifest import Build
from heavylift.errors import HeavyliftError


class Unfinished(Protocol):
    """A function that waits for its build."""

    @property
    def id(self) -> str:
        """Its logical id."""

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
        self._problems: list[str] = []

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

    def tell(self, id_: str, problems: Iterable[str]) -> None:
        """Note problems; each begins with the function's id then, unless it is the one that needs none.

        Args:
            id_: the function's.
            problems: a sentence for each.
        """
        self._problems += problems if id_ == PLAIN else (f"{id_}: {problem}" for problem in problems)

    def all_problems(self, error: HeavyliftError) -> HeavyliftError:
        """Return an error that ended the app's code, with the problems that were noted before."""
        return SettingsError([*self._problems, str(error)]) if self._problems else error

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
        for function in self._functions:
            with self._noting(function.id):
                output = OUTPUT if function.id == PLAIN else OUTPUT / function.id
                builders.append(plan_build(function.settings, facts, output=output))
        fail(self._problems)
        builds = [_build(function.id, make) for function, make in zip(self._functions, builders, strict=True)]
        for function, build in zip(self._functions, builds, strict=True):
            if facts.deploys:
                local, unchecked = facts.local_build, facts.unchecked
                self.tell(function.id, check_build(function.settings, build, local_build=local, unchecked=unchecked))
        fail(self._problems)
        for function, build in zip(self._functions, builds, strict=True):
            function.complete(build)
        self._functions = []

    def _read_facts(self) -> Facts:
        try:
            return read_facts(self._app.node.try_get_context, os.environ)
        except SettingsError as error:
            raise self.all_problems(error) from error

    @contextmanager
    def _noting(self, id_: str) -> Iterator[None]:
        try:
            yield
        except SettingsError as error:
            self.tell(id_, error.problems)
        except HeavyliftError as error:
            self.tell(id_, [str(error)])


def _build(id_: str, make: Callable[[], Build]) -> Build:
    try:
        return make()
    except BuildError as error:
        if id_ == PLAIN:
            raise
        raise BuildError(f"{id_}: {error}") from error


_COMPLETIONS: WeakKeyDictionary[IConstruct, Completion] = WeakKeyDictionary()
