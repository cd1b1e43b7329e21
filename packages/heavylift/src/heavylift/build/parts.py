"""The parts of a build: each made in the cache, and under a temporary name in the output folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from heavylift.build import binaries
from heavylift.build.ahead import ahead_list
from heavylift.build.applib import Staging, find_opened, stage
from heavylift.build.cuts import Paged
from heavylift.build.errors import BuildError
from heavylift.build.exporting import export_model
from heavylift.build.frames import Frames
from heavylift.build.handler import try_handler
from heavylift.build.machine import find_interpreter, runs_here, why_not_here
from heavylift.build.options import Options
from heavylift.build.packages import content_of
from heavylift.build.patterns import patterns_table
from heavylift.build.plan import Plan, code_files, digest_of, file_digests, make_plan
from heavylift.build.prune import DEFAULT_RULES, read_rules
from heavylift.build.record import Trial, record_start
from heavylift.build.recording import choose_pages, find_code, merge_recordings, read_recording, write_recording
from heavylift.build.reporter import Reporter, megabytes
from heavylift.build.vendor import prepare_vendor
from heavylift.build.zipped import zipped_size
from heavylift.contracts.manifest import Applib, Archive, Code, Part
from heavylift.contracts.packaged import PACKAGED_NAME, dump_packaged
from heavylift.contracts.platform import DEFAULT_PLATFORM, LOCAL_PYTHON, MAX_CODE, Target
from heavylift.runtime.ahead import LIST_NAME
from heavylift.runtime.archivefile import read_index
from heavylift.runtime.patterns import TABLE_NAME
from heavylift.runtime.writer import allocated

if TYPE_CHECKING:
    from heavylift.build.order import Order

NEW_CODE = "code.new"  # the folder in the output where the code package waits until all parts are made


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """The inputs that a part is made from.

    Attributes:
        options: of the build.
        plan: its resolved inputs.
        report: is told of each step.
        last: the archives of the last build; the frames in them are used again.
        frames: of the applib's packages.
        others: caches of other functions that this build has for itself: what lies in them serves as well.
    """

    options: Options
    plan: Plan
    report: Reporter
    last: Mapping[str, Part]
    frames: Frames
    others: Sequence[Path]

    def make(self, part: str) -> Part:
        """Make a part.

        Raises:
            BuildError: it cannot be made, or is over a limit of the platform.
        """
        if part == "applib":
            return self._applib()
        return self._model() if part == "model" else self._code()

    def _applib(self) -> Applib:
        staging = self._staging(self.options, self.plan)
        staged = stage(staging, self.report, self.frames)
        places = [staging.packages / name for name in staged.places]
        self.frames.use([(place, content_of(place)) for place in places], staged.changed)
        libraries = find_code(staging.folder, staged.order.paths)
        paged, unknown = choose_pages(read_recording(self.plan.recording), libraries)
        if unknown and self.plan.recording.exists():  # without one, `record` has said why
            self.report.note(
                f"{len(unknown)} of {len(libraries)} large libraries come whole with each start, since nothing is recorded of "
                f"their code ({', '.join(unknown[:3])}{', …' if len(unknown) > 3 else ''}); `heavylift build --record` records"
            )
        archive, sizes = self._pack("applib", staging.folder, staged.order, paged)
        self.report.packages(staged, sizes)
        self.report.system(staged.system)
        return Applib(
            **{name: getattr(archive, name) for name in Archive.__slots__},
            versions=staged.versions,
            pruned=staged.pruned,
            bytecode=staged.bytecode,
            imported=staged.imported,
            system=staged.system,
            lock=self.plan.applib_lock,
        )

    def record(self, code: Path) -> None:
        """Record a start of the function, and requests to it, where that is asked for or was never done.

        Args:
            code: the code package.

        Raises:
            BuildError: it was asked for, and cannot be done; or the function can never start: its recording would be kept.
        """
        options, path = self.options, self.plan.recording
        if options.record is None and path.exists():
            return
        back: tuple[str, ...] = ()
        while more := self._record(code, back):
            back += more  # with the files that it missed, the function goes on to what comes after

    def _record(self, code: Path, back: tuple[str, ...]) -> tuple[str, ...]:
        """Record once, with some pruned files; return those that the function asked for in vain. Without any, it is written."""
        options, path = self.options, self.plan.recording
        staging = self._staging(options, self.plan)
        staging = replace(staging, opened=(*staging.opened, *back))
        staged = stage(staging, self.report, self.frames)
        libraries = find_code(staging.folder, staged.order.paths)
        if not libraries and options.record is None:
            return ()
        interpreter = find_interpreter(options.target)
        try:
            if not code.is_dir() or not staged.imported or interpreter is None:
                reason = "there is no code package" if interpreter else why_not_here(options.target)
                raise BuildError(f"no start of the function can be recorded: {reason}")
            trial = Trial(
                handler=options.handler,
                code=code,
                applib=staging.folder,
                model=self._model_folder(),
                environment=options.environment,
                interpreter=interpreter,
                events=options.record or (),
            )
            with self.report.step("record which code a start executes"):
                found, failures, whole = record_start(trial, libraries, options.cache)
        except BuildError as error:
            if options.record is not None:
                raise
            self.report.warn(f"{error}. All code of its large libraries comes with each start.")
            return ()
        missed = find_opened(set(staged.gone).difference(staged.kept), found.opened)
        if missed:
            self.report.note(
                f"the function asked for what was pruned: {', '.join(missed[:5])}{', …' if missed[5:] else ''}; that stays"
            )
            return missed
        if whole:
            self.report.note(
                f"{', '.join(whole)}: all code comes with each start, since one of these handles SIGSEGV itself, or has threads "
                "that block it: such a library cannot open its code"
            )
        if failures:
            self.try_function(code)
        for failure in failures:
            self.report.warn(failure)
        write_recording(merge_recordings(read_recording(path), found, staging.folder), path)
        self.report.note(f"recorded in {options.shown(path)}; commit it, so that others build the same")
        return ()

    def _model(self) -> Archive:
        options = self.options
        if options.model is None:
            shutil.rmtree(options.cache / "model", ignore_errors=True)
        folder = self._model_folder()
        if folder is None:
            raise BuildError("there is no model; name its folder as `model`")
        return self._pack("model", folder)[0]

    def _model_folder(self) -> Path | None:
        """Return the folder of the model; one that has to be exported lies in the cache until its inputs change."""
        options, folder = self.options, self.options.cache / "model"
        if options.model or not options.export:
            return options.model
        if not folder.is_dir():
            self._export(folder)
        return folder

    def _export(self, folder: Path) -> None:
        assert self.options.export is not None
        options = self._options_here()
        staging = self._staging(options, self.plan if options is self.options else make_plan(options, self.report))
        stage(staging, self.report, self.frames if options is self.options else None)
        interpreter = find_interpreter(options.target)
        assert interpreter is not None
        with self.report.step("export the model"):
            export_model(self.options.export, staging.folder, interpreter, folder, self.plan.requirements)

    def _options_here(self) -> Options:
        """Return options whose applib runs here: a model is the same for every target, but only a running applib exports it."""
        target = self.options.target
        if runs_here(target) and find_interpreter(target):
            return self.options
        local = Target(LOCAL_PYTHON, DEFAULT_PLATFORM)
        self.report.note(f"{why_not_here(target)}: the model is exported by an applib for {local}")
        return replace(self.options, target=local)

    def _pack(
        self, part: str, folder: Path, order: Order | None = None, libraries: Mapping[str, Paged] | None = None
    ) -> tuple[Archive, Mapping[str, int]]:
        """Pack a folder; return the archive, and the packed bytes of each file."""
        from heavylift.build.pack import COMPRESSOR, pack  # with zstandard, which a build without work does not need

        old, title, frames = self.last.get(part), f"pack {part}", self.frames if part == "applib" else None
        last = old.path if isinstance(old, Archive) and old.compressor == COMPRESSOR else None
        target = self.options.dist / part / "{digest}.zip"
        with self.report.bar(title, unit="bytes") as progress:
            packed = pack(folder, target, progress=progress, order=order, libraries=libraries, last=last, frames=frames)
        self.report.packed(title, packed.anew, packed.raw)
        archive = Archive(
            key=f"{part}/{packed.digest}.zip",
            digest=packed.digest,
            path=packed.path,
            packed=packed.packed,
            unpacked=packed.unpacked,
            files=packed.files,
            compressor=COMPRESSOR,
        )
        return archive, packed.sizes

    def _code(self) -> Code:
        options, staging = self.options, self.options.dist / NEW_CODE
        shutil.rmtree(staging, ignore_errors=True)
        with self.report.step("code package: oss2 and its dependencies"):
            vendored = prepare_vendor(
                self.plan.vendor_locks, options.cache, options.target, self.plan.vendor, strip=options.strip
            )
        for name, path in code_files(options, self.plan.requirements).items():
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        with ThreadPoolExecutor(binaries.WORKERS) as cores:
            binaries.compile_folder(staging, options.target, cores)
        shutil.copytree(vendored, staging, dirs_exist_ok=True)
        return self._measured_code()

    def note_applib(self, applib: Applib, code: Path) -> Code | None:
        """Let the code package tell of the applib: which modules to import while it is on its way, patterns, and its index.

        Args:
            applib: the archive that it will load.
            code: the code package; changes are made in a copy, if it is not `NEW_CODE`.

        Returns:
            The code package in `NEW_CODE`; None where nothing had to change.
        """
        recording, staging = read_recording(self.plan.recording), self.options.dist / NEW_CODE
        notes = {
            LIST_NAME: ahead_list(recording.ahead, code, applib.path, applib.key),
            TABLE_NAME: patterns_table(recording.patterns, code, find_interpreter(self.options.target)),
            PACKAGED_NAME: dump_packaged(applib.digest, read_index(applib.path)),
        }
        if all(_read(code / name) == content for name, content in notes.items()):
            return None
        if code != staging:
            shutil.rmtree(staging, ignore_errors=True)
            shutil.copytree(code, staging)
        for name, content in notes.items():
            if content is None:
                (staging / name).unlink(missing_ok=True)
            else:
                (staging / name).write_bytes(content)
        return self._measured_code()

    def _measured_code(self) -> Code:
        """Return the code package in `NEW_CODE`."""
        options, staging = self.options, self.options.dist / NEW_CODE
        digests = file_digests(staging)
        packed = zipped_size(staging, digests, options.cache / "zipped.json")
        if packed > MAX_CODE:
            raise BuildError(
                f"the code package is {megabytes(packed - MAX_CODE)} over the {megabytes(MAX_CODE)} that Function Compute takes "
                f"({megabytes(packed)} zipped); move libraries to {self.plan.requirements}, and data to the model"
            )
        return Code(
            path=options.dist / "code",
            digest=digest_of(digests),
            packed=packed,
            unpacked=sum(allocated((staging / path).stat().st_size) for path in digests),
            files=len(digests),
        )

    def try_function(self, code: Path) -> None:
        """Import the function with its libraries, and warn where that proves nothing.

        Args:
            code: the code package.

        Raises:
            BuildError: there is no such function, or its imports fail.
        """
        staging = self._staging(self.options, self.plan)
        stage(staging, self.report)
        interpreter = find_interpreter(self.options.target)
        assert interpreter is not None
        handler = self.options.handler
        with self.report.step(f"import {handler}"):
            warning = try_handler(
                handler,
                code=code,
                own=self.options.own_code,
                applib=staging.folder,
                interpreter=interpreter,
                requirements=self.plan.requirements,
            )
        if warning:
            self.report.warn(warning)

    def _staging(self, options: Options, plan: Plan) -> Staging:
        made = [cache for cache in (options.cache, *self.others) if holds_staging(cache, options, plan)]
        return Staging(
            requirements=plan.requirements,
            lock=plan.applib_lock,
            target=options.target,
            rules=read_rules([DEFAULT_RULES, *options.prune_rules]) if options.prune else (),
            strip=options.strip,
            lazy_imports=options.lazy_imports,
            recipe=plan.recipe,
            opened=read_recording(plan.recording).opened,
            folder=(made or [options.cache])[0] / _staging_name(options, plan),
        )


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def holds_staging(cache: Path, options: Options, plan: Plan) -> bool:
    """Return whether the applib of a plan has been put together in a cache."""
    return (cache / f"{_staging_name(options, plan)}.json").is_file()


def _staging_name(options: Options, plan: Plan) -> str:
    return f"applib-{options.target}-{plan.staging[:16]}"
