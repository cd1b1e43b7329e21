"""Part `build`: measures the time of a build against its unavoidable steps, and the steps that a small change repeats.

A cold build has an empty cache, of packages and of ours. What it cannot avoid is to download and install the packages, to
compile their modules and to compress their files; each is measured alone, on all cores and as the build does it, and what they take
one after the other is what the build is held against. Then one requirement is added, and the second build's steps are compared with
the first's.

Nothing is removed before the end. An ext4 without a journal, as virtual machines have it, gives out no number of a file that was
removed within the last minutes, and passes each of them for every file that it makes: after some ten thousands, an installation
takes 10 s of CPU and more, instead of 6.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from bench.archives import find_lock, install, unpack
from bench.part import Part
from bench.results import Results, goal
from bench.scratch import TimedReporter, locked_versions, package_cache, scratch_root, timed_build
from heavylift.build.binaries import WORKERS
from heavylift.build.pack import compress
from heavylift.contracts.platform import DEFAULT_PLATFORM, LOCAL_PYTHON, Target

COLD = 1.2  # times the sum of the unavoidable steps, at most
REPEATED = 0.0  # steps that a rebuild does in full again, at most
ADDED = "colorama"  # the requirement that is added: a small package without dependencies
STRETCH = 4 * 1024**2  # bytes that are compressed at a time


def run(part: Part) -> Results:
    """Measure the steps alone, a cold build, and the build after a change."""
    target = Target(LOCAL_PYTHON, DEFAULT_PLATFORM)
    alone = _alone(part)
    root = scratch_root(part.root, part.folder)
    with package_cache(part.folder / "packages"):
        with part.console.status("build: a cold build: some minutes …"):
            _, cold, seconds = timed_build(root)
        with (root / "layers_build" / "applib.txt").open("a", encoding="utf-8") as file:
            file.write(f"{ADDED}\n")
        lock = next((root / "layers_build" / "locks").glob(f"applib-{target}.txt"))
        before = locked_versions(lock)
        with part.console.status(f"build: again, with {ADDED} added …"):
            _, again, rebuild = timed_build(root)
        changed = sorted(locked_versions(lock).items() ^ before.items())
    return summarize(alone, cold, seconds, again, rebuild, changed=sorted({name for name, _ in changed}))


def _alone(part: Part) -> dict[str, float]:
    """Measure each unavoidable step of a build alone, with no code of the build; return its seconds."""
    folder, alone = part.folder / "alone", {}
    with package_cache(part.folder / "packages-alone"), part.console.status("build: download and install alone …"):
        alone["download and install"] = _seconds(
            lambda: install(find_lock(part.root), part.folder / "installed", share=True)
        )
    unpack(part.build.applib.path, folder)
    with part.console.status("build: compress alone …"):
        alone["compress"] = _seconds(lambda: _compress(folder))
    with part.console.status("build: compile alone …"):
        alone["compile"] = _seconds(lambda: _compile(folder))
    return alone


def _seconds(step: Callable[[], None]) -> float:
    begin = perf_counter()
    step()
    return perf_counter() - begin


def _compress(folder: Path) -> None:
    """Compress the files that an applib holds, in memory."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    stretches = [(path, start) for path in files for start in range(0, path.stat().st_size, STRETCH)]

    def compressed(place: tuple[Path, int]) -> int:
        path, start = place
        with path.open("rb") as file:
            file.seek(start)
            return len(compress(file.read(STRETCH)))

    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(compressed, stretches):
            pass


def _compile(folder: Path) -> None:
    options = ["-q", "-q", "-j", str(WORKERS), "--invalidation-mode", "unchecked-hash"]
    # What is not importable, such as a template, is passed over: the exit code says no more than that there was some.
    subprocess.run([sys.executable, "-m", "compileall", *options, str(folder)], check=False, stdout=subprocess.DEVNULL)


def summarize(
    alone: Mapping[str, float],
    cold: TimedReporter,
    seconds: float,
    again: TimedReporter,
    rebuild: float,
    *,
    changed: list[str],
) -> Results:
    """Return this part's record for `results.json`.

    Args:
        alone: seconds of each unavoidable step.
        cold: what the cold build did.
        seconds: of the cold build.
        again: what the build after the change did.
        rebuild: seconds of that build.
        changed: names of the packages that the change changed.
    """
    unavoidable = sum(alone.values())
    repeated = [step for step, amount in again.amounts.items() if amount >= cold.amounts.get(step, 0)]
    return {
        "alone": {step: round(value, 1) for step, value in alone.items()},
        "unavoidable": round(unavoidable, 1),
        "cold": {"seconds": round(seconds, 1), **_record(cold)},
        "rebuild": {"seconds": round(rebuild, 1), "changed": changed, "repeated": repeated, **_record(again)},
        "goals": {
            "cold build, times the sum of its unavoidable steps": goal(seconds / unavoidable, COLD),
            "steps that a build after one added requirement does in full again": goal(len(repeated), REPEATED),
        },
    }


def _record(report: TimedReporter) -> dict[str, object]:
    steps = {
        title: {"seconds": round(value, 1), **({"amount": report.amounts[title]} if title in report.amounts else {})}
        for title, value in report.seconds.items()
    }
    return {"steps": steps, "notes": report.notes}
