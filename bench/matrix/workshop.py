"""Builds packages, one after the other, and runs them on one embedded cloud, each on the Python that it was built for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.cloud import Cloud, running_cloud
from bench.direct import BUCKET
from bench.functions import FunctionSettings
from bench.matrix.cases import Case, read_cases
from bench.matrix.rows import Row, Versions, fingerprint
from bench.scratch import TimedReporter, locked_versions, scratch_root, timed_build
from heavylift.build.build import build
from heavylift.build.errors import BuildError
from heavylift.build.machine import find_interpreter
from heavylift.build.options import Options
from heavylift.clouds.assets import zip_code
from heavylift.clouds.invocation import Invocation
from heavylift.contracts.manifest import Applib
from heavylift.contracts.platform import DEFAULT_PLATFORM, Target
from heavylift.contracts.startlog import find_starts

FUNCTION = "matrix"


@contextmanager
def workshop(root: Path, folder: Path) -> Iterator[Workshop]:
    """Make a workshop.

    Args:
        root: the project's folder.
        folder: for what it makes.
    """
    with running_cloud(folder, python=None) as cloud:
        yield Workshop(root=root, scratch=scratch_root(root, folder), folder=folder, cloud=cloud)


@dataclass(kw_only=True)
class Workshop:
    """A root to build in, and a cloud to run on."""

    root: Path  # the project's
    scratch: Path  # a copy of what a build needs of it, with a cache of its own
    folder: Path
    cloud: Cloud
    _codes: dict[str, bytes] = field(default_factory=dict)  # the code package of each Python

    def measure(self, case: Case, python: str, pins: Versions, *, runs: int) -> Row:
        """Build a package and start a function that imports it.

        Args:
            case: the package.
            python: the target's version.
            pins: versions to build, by name; those that are not named are the newest.
            runs: how many instances to start, each from nothing.

        Returns:
            The row, of a failure as well.

        Raises:
            BuildError: the functions' code, which has no package in it, cannot be built.
        """
        row = Row(package=case.name, python=python)
        target = Target(python, DEFAULT_PLATFORM)
        if find_interpreter(target) is None:
            return replace(row, failure=f"not tried: there is no Python {python} on this machine")
        code, dist = self._code(python), self.folder / "dist"
        requirements = self._requirements(case, pins)
        lock = requirements.parent / "locks" / f"{requirements.stem}-{target}.txt"
        try:
            manifest, _, _ = timed_build(self.scratch, requirements=requirements, target=target, output=dist)
        except BuildError as error:
            return self._failed(case, row, lock, str(error))
        applib = manifest.applib
        assert applib is not None
        row = replace(row, packed=applib.packed, unpacked=applib.unpacked, system=tuple(applib.system))
        self.cloud.upload(applib.path, applib.key)
        try:
            return self._run(case, self._finished(case, row, lock), code, applib, runs)
        finally:
            self.cloud.bucket.delete_object(applib.key)
            shutil.rmtree(dist)

    def _run(self, case: Case, row: Row, code: bytes, applib: Applib, runs: int) -> Row:
        settings = self._settings(case, row.python, code, applib)
        for _ in range(runs):
            self.cloud.service.create_function(settings)
            try:
                answer = self.cloud.service.invoke(FUNCTION)
            finally:
                self.cloud.service.delete_function(FUNCTION)
            row = _judged(case, row, answer)
            if row.failure:
                break
        return row

    def _code(self, python: str) -> bytes:
        """Return the code package for a Python: the loader, and the functions of all packages."""
        if python not in self._codes:
            functions, dist = self.folder / "functions", self.folder / f"code-{python}"
            functions.mkdir(exist_ok=True)
            for case in read_cases():
                (functions / f"{case.module}.py").write_text(case.source, encoding="utf-8")
            target = Target(python, DEFAULT_PLATFORM)
            work = self.scratch / ".cache"
            options = Options(root=self.scratch, parts=("code",), target=target, code=functions, output=dist, work=work)
            build(options, TimedReporter())
            self._codes[python] = zip_code(dist / "code")
        return self._codes[python]

    def _requirements(self, case: Case, pins: Versions) -> Path:
        folder = self.folder / "requirements"
        folder.mkdir(exist_ok=True)
        constraints, requirements = folder / f"{case.name}.versions", folder / f"{case.name}.txt"
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), encoding="utf-8")
        requirements.write_text(f"{case.name}\n-c {constraints}\n", encoding="utf-8")
        return requirements

    def _finished(self, case: Case, row: Row, lock: Path) -> Row:
        """Return a row with the results of its build, which has ended."""
        versions = locked_versions(lock) if lock.exists() else {}
        return replace(row, versions=versions, inputs=fingerprint(self.root, case, row.python, versions))

    def _failed(self, case: Case, row: Row, lock: Path, reason: str) -> Row:
        words = reason.replace(f"{self.folder}/", "")
        return replace(self._finished(case, row, lock), failure=f"build: {words}")

    def _settings(self, case: Case, python: str, code: bytes, applib: Applib) -> FunctionSettings:
        endpoints = self.cloud.endpoints
        return FunctionSettings(
            name=FUNCTION,
            code=code,
            runtime=f"python{python}",
            environment={
                "AppLibObject": applib.key,
                "AppLibDigest": applib.digest,
                "HandlerModule": f"{case.module}.handler",
                "Bucket": BUCKET,
                "Endpoint": endpoints.oss,
                "Region": endpoints.region,
            },
        )


def _judged(case: Case, row: Row, answer: Invocation) -> Row:
    """Return a row with one more start, or with the reason of its failure."""
    if answer.error_type:
        return replace(row, failure=f"start: {_words(answer.body)}")
    body = answer.body.decode(errors="replace")
    ran_on, _, given = body.partition(" ")
    if ran_on.rpartition(".")[0] != row.python:
        return replace(row, ran_on=ran_on, failure=f"start: it ran on Python {ran_on}, not on {row.python}")
    if given != case.answer:
        return replace(row, ran_on=ran_on, failure=f"{case.does}: the answer is {given!r}, not {case.answer!r}")
    start = find_starts(answer.log_tail.splitlines())[-1]
    run = (round(start.elapsed("import", case.module), 3), round(start.seconds, 3))
    return replace(row, ran_on=ran_on, runs=(*row.runs, run))


def _words(body: bytes) -> str:
    """Return the platform's message about a function that failed, in one line."""
    try:
        record = json.loads(body)
        text = f"{record['errorType']}: {record['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        text = body.decode(errors="replace")
    return " ".join(text.split())
