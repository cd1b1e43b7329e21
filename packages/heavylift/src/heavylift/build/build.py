"""The build: decides which parts are out of date, makes them, and writes the manifest last.

Stages and what each may touch:

1. plan: locks and fingerprints of all inputs; touches the lock files only;
2. make: the parts whose fingerprint changed, in the cache and under temporary names in the output folder; the libraries last,
   when a start of the function with them has been recorded, unless one was recorded before;
3. try: the function's module is imported with its libraries, where the target's Python runs here;
4. commit: archives and code by rename, then the manifest, then what no manifest names any more is removed.

An interrupted build leaves the last manifest and what it names as they were.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from heavylift.build import disk
from heavylift.build.caches import free, open_cache, taken
from heavylift.build.errors import BuildError
from heavylift.build.frames import Frames
from heavylift.build.last import STATE, is_current, read_last, seal, take_over
from heavylift.build.machine import install_interpreter
from heavylift.build.options import Options, project_cache
from heavylift.build.parts import NEW_CODE, Work, holds_staging
from heavylift.build.plan import fingerprint, make_plan
from heavylift.build.reporter import Reporter, megabytes
from heavylift.contracts.manifest import Manifest, write_json, write_manifest
from heavylift.contracts.platform import DISKS, MB

MAX_DISK = DISKS[-1] * MB  # bytes


def build(options: Options, report: Reporter) -> Manifest:
    """Build the parts that are out of date and return the manifest.

    Args:
        options: what to build.
        report: shows progress and messages.

    Raises:
        BuildError: a part cannot be built, or is over a limit of the platform; the last build stays as it was.
    """
    with ExitStack() as stack:
        stack.enter_context(disk.told(options.dist, options.cache))
        options.dist.mkdir(parents=True, exist_ok=True)
        open_cache(options.cache, project_cache(options.root), options.root)
        stack.enter_context(taken(options.cache, report))
        # There still is one after an error alone.
        stack.callback(shutil.rmtree, options.dist / NEW_CODE, ignore_errors=True)
        plan = make_plan(options, report)
        last, state = read_last(options.dist, options.target)
        parts, gone = set(options.parts), None
        if "model" in parts and not options.has_model:  # any longer, perhaps
            parts.remove("model")
            gone, last = last.model, replace(last, model=None)
        made = {part for part in parts if not is_current(part, plan, last, state, options.dist)}
        if last.target != options.target:
            made |= set(last.parts)
        if made and install_interpreter(options.target):
            plan = make_plan(options, report)
        is_final = options.record is None and plan.recording.exists()
        frames = stack.enter_context(Frames(plan.recording, is_final=is_final, change_names=options.strip))
        others = stack.enter_context(
            free(cache for cache in options.other_caches if holds_staging(cache, options, plan))
        )
        work = Work(options=options, plan=plan, report=report, last=last.parts, frames=frames, others=others)
        code = options.dist / (NEW_CODE if "code" in made else "code")
        work, manifest = _make_parts(work, made, code, last, state)
        if manifest.code and manifest.applib and (listed := work.note_applib(manifest.applib, code)):
            manifest, code = replace(manifest, code=listed), options.dist / NEW_CODE
            state["code"] = seal(work.plan.fingerprints["code"], listed, options.dist)
            made.add("code")
        _check_disk(manifest)
        tried = _try_function(work, manifest, code, state)
        if "code" in made:
            _replace_code(options.dist)
        if made or gone or tried:
            write_json(options.dist / STATE, state)
            write_manifest(manifest, options.dist)
            _remove_unnamed(options.dist, manifest)
    report.summary(manifest, options.dist, made)
    return manifest


def _make_parts(work: Work, made: set[str], code: Path, last: Manifest, state: dict[str, Any]) -> tuple[Work, Manifest]:
    """Make parts, the libraries last; return the work with the plan that a recording has changed, and the manifest.

    Args:
        work: their inputs.
        made: the parts that are out of date; the libraries join them when the recording that is made now says so.
        code: the folder of the code package, once it is made.
        last: the manifest of the last build.
        state: gets the seal of each part.
    """
    options, manifest = work.options, replace(last, target=work.options.target)
    for name in ("code", "model", "applib"):
        if name == "applib" and (name in made or (options.record is not None and name in options.parts)):
            work.record(code)
            work = replace(work, plan=make_plan(options, work.report))
            if not is_current(name, work.plan, last, state, options.dist):
                made.add(name)
        if name in made:
            part = (take_over(name, work.plan, options) if name != "code" else None) or work.make(name)
            manifest = replace(manifest, **{name: part})  # type: ignore[arg-type]  # the maker of that part made it
            state[name] = seal(work.plan.fingerprints[name], part, options.dist)
    return work, manifest


def _try_function(work: Work, manifest: Manifest, code: Path, state: dict[str, Any]) -> bool:
    """Try the function with its libraries, unless they were tried together before; return whether it was tried."""
    if manifest.code is None or manifest.applib is None or not manifest.applib.imported:
        return False  # nothing to try yet, or no Python that could
    digests = (manifest.code.digest, manifest.applib.digest)
    key = fingerprint([work.options.handler, str(work.options.target), *digests])
    if state.get("handler") == key:
        return False
    work.try_function(code)
    state["handler"] = key
    return True


# Commit


def _check_disk(manifest: Manifest) -> None:
    over = manifest.unpacked - MAX_DISK
    if over > 0:
        sizes = {archive.key.partition("/")[0]: archive.unpacked for archive in manifest.archives}
        largest = max(sizes, key=lambda part: sizes[part])
        raise BuildError(
            f"applib and model unpack to {megabytes(manifest.unpacked)}, {megabytes(over)} more than the largest disk of an "
            f"instance ({megabytes(MAX_DISK)}); most of it is the {largest} ({megabytes(sizes[largest])}): ask for fewer "
            "packages, or prune more with rules of your own"
        )


def _replace_code(dist: Path) -> None:
    final, old = dist / "code", dist / "code.old"
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        final.rename(old)
    (dist / NEW_CODE).rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _remove_unnamed(dist: Path, manifest: Manifest) -> None:
    named = {archive.path for archive in manifest.archives}
    for part in ("applib", "model"):
        for path in (dist / part).glob("*"):
            if path not in named:
                path.unlink()
