"""The build: decides what is out of date, makes it, and writes the manifest last.

Stages and what each may touch:

1. plan: locks and fingerprints of all inputs; touches the lock files only;
2. make: the parts whose fingerprint changed, in the cache and under temporary names in the output folder;
3. try: the function's module is imported with its libraries, where the target's Python runs here;
4. commit: archives and code by rename, then the manifest, then what no manifest names any more is removed.

An interrupted build leaves the last manifest and what it names as they were.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import json
import os
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heavylift.build import binaries, resolve, sources
from heavylift.build.applib import Applib, stage
from heavylift.build.errors import BuildError
from heavylift.build.prune import DEFAULT_RULES, prune, read_rules
from heavylift.build.target import DEFAULT_PLATFORM, LOCAL_PYTHON, Target, find_interpreter, install_interpreter
from heavylift.contracts import archive
from heavylift.runtime import bytecode

if TYPE_CHECKING:
    from heavylift.build.order import Order
    from heavylift.build.report import Report

PARTS = ("applib", "model", "code")
VERSION = 2  # of what this module makes of its inputs; a change makes every build out of date
MAX_CODE = 100 * 1024**2  # bytes zipped; Function Compute, "Limits": code package through the API
MAX_DISK = 10240 * 1024**2  # bytes; Function Compute, "Limits": disk of an instance, the larger of two sizes
NEW_CODE = "code.new"  # the folder in the output where the code package waits until all parts are made


# Writes a model to a folder (the third path), with the libraries of an applib (the first) and the Python it is for (the second).
Exporter = Callable[[Path, Path, Path], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What to build, from what, for whom."""

    root: Path  # the project's folder
    parts: Sequence[str] = PARTS
    target: Target = field(default_factory=lambda: Target(LOCAL_PYTHON, DEFAULT_PLATFORM))
    requirements: Path | None = None  # None: layers_build/applib.txt
    model: Path | None = None  # a folder to pack as the model; None: what `export` makes
    export: Exporter | None = None
    code: Path | None = None  # the folder with the user's function; None: function
    handler: str = "index.handler"  # MODULE.FUNCTION, which the loader calls
    prune_rules: Sequence[Path] = ()  # added to prune.toml
    prune: bool = True
    strip: bool = True
    output: Path | None = None  # None: dist

    @property
    def dist(self) -> Path:
        """The output folder."""
        return self.output or self.root / "dist"

    @property
    def cache(self) -> Path:
        """The folder for what the next build can use again."""
        return self.root / ".cache" / "heavylift"


def build(options: Options, report: Report) -> Mapping[str, Any]:
    """Build what is out of date and return the manifest.

    Args:
        options: what to build.
        report: shows progress and messages.

    Raises:
        BuildError: a part cannot be built, or is over a limit of the platform; the last build stays as it was.
    """
    options.dist.mkdir(parents=True, exist_ok=True)
    options.cache.mkdir(parents=True, exist_ok=True)
    with _exclusive(options.cache):
        plan = _plan(options, report)
        manifest, state = _read_last(options.dist)
        made = {part for part in options.parts if not _is_current(part, plan, manifest, state, options.dist)}
        if manifest.get("target") != _target_record(options.target):
            made |= {part for part in PARTS if part in manifest}
        if made and install_interpreter(options.target):
            plan = _plan(options, report)
        for part in PARTS:
            if part in made:
                manifest[part] = _MAKERS[part](options, plan, report)
                state[part] = _seal(plan.fingerprints[part], manifest[part])
        manifest |= {"format": 1, "target": _target_record(options.target)}
        _check_limits(manifest)
        code = options.dist / (NEW_CODE if "code" in made else "code")
        tried = _try_function(options, plan, code, manifest, state, report)
        if "code" in made:
            _replace_code(options.dist)
        if made or tried:
            _write_json(options.dist / "state.json", state)
            _write_json(options.dist / "manifest.json", manifest)
            _remove_unnamed(options.dist, manifest)
    report.summary(manifest, made)
    return manifest


def _target_record(target: Target) -> dict[str, str]:
    return {"python": target.python, "platform": target.platform}


@contextmanager
def _exclusive(cache: Path) -> Iterator[None]:
    with (cache / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BuildError(f"another build is running with {cache}; wait for it to end") from error
        yield


# Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """The resolved inputs."""

    requirements: Path
    applib_lock: Path
    code_lock: Path
    recipe: str  # of what each package of the applib depends on, other than itself
    fingerprints: Mapping[str, str]  # of each part


def _plan(options: Options, report: Report) -> _Plan:
    requirements = options.requirements or options.root / "layers_build" / "applib.txt"
    applib_lock = _lock(requirements, requirements.parent / "locks", options.target, report)
    code_lock = resolve.lock_runtime(options.cache / "locks", options.target)
    rules = [DEFAULT_RULES, *options.prune_rules] if options.prune else []
    for path in options.prune_rules:
        if not path.is_file():
            raise BuildError(f"--prune {path}: there is no such file")
    shared = [str(VERSION), str(options.target), sys.version, version("zstandard")]
    tools = [binaries.strip_version() if options.strip else "", str(find_interpreter(options.target))]
    recipe = _fingerprint(shared, tools, [_digest(path) for path in rules], _own_sources())
    applib = _fingerprint([recipe, _digest(applib_lock)])
    model = _fingerprint(shared, _model_inputs(options, applib), _own_sources())
    files = [f"{name} {_digest(path)}" for name, path in _code_files(options, requirements).items()]
    code = _fingerprint(shared, tools[1:], [_digest(code_lock)], files, _own_sources())
    return _Plan(
        requirements=requirements,
        applib_lock=applib_lock,
        code_lock=code_lock,
        recipe=recipe,
        fingerprints={"applib": applib, "model": model, "code": code},
    )


def _lock(requirements: Path, locks: Path, target: Target, report: Report) -> Path:
    path, resolved = resolve.lock(requirements, locks, target)
    if resolved:
        report.note(
            f"resolved {requirements.name} for {target} into {path.name}; commit it, so that others build the same"
        )
    return path


def _code_files(options: Options, requirements: Path) -> dict[str, Path]:
    """Return the files of the code package, by their names in it."""
    made = (options.dist, options.cache)
    if options.model:
        sources.check_apart("--model", options.model, made)
    build = sources.BuildFiles(made=made, model=options.model, read=(requirements, *options.prune_rules))
    return sources.code_files(options.code or options.root / "function", build)


def _model_inputs(options: Options, applib: str) -> list[str]:
    if options.model:
        return [_tree_digest(options.model)]
    if options.export:
        return [applib, _digest(Path(inspect.getfile(options.export)))]
    return []


def _own_sources() -> list[str]:
    folder = Path(__file__).parent
    own = [path for path in sorted(folder.glob("*.py")) if path.name not in {"report.py", "__main__.py"}]
    return [_digest(path) for path in (*own, Path(archive.__file__), Path(bytecode.__file__))]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tree_digest(folder: Path) -> str:
    if not folder.is_dir():
        raise BuildError(f"--model {folder}: there is no such folder")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return _fingerprint([f"{path.relative_to(folder)} {path.stat().st_mode} {_digest(path)}" for path in files])


def _folder_digest(folder: Path) -> str:
    """Return the digest of a folder's files: of their names and contents."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return _fingerprint([f"{path.relative_to(folder)} {_digest(path)}" for path in files])


def _fingerprint(*groups: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(groups).encode()).hexdigest()


def _read_last(dist: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        manifest = json.loads((dist / "manifest.json").read_bytes())
        state = json.loads((dist / "state.json").read_bytes())
    except (OSError, ValueError):
        return {}, {}  # no build yet, or one whose record is damaged: everything is made anew
    return manifest, state


def _seal(fingerprint: str, record: Mapping[str, Any]) -> str:
    """Tie inputs to what was made of them: a state written just before a kill does not vouch for an older manifest."""
    return _fingerprint([fingerprint, json.dumps(record, sort_keys=True)])


def _is_current(part: str, plan: _Plan, manifest: Mapping[str, Any], state: Mapping[str, str], dist: Path) -> bool:
    if part not in manifest or state.get(part) != _seal(plan.fingerprints[part], manifest[part]):
        return False
    path = dist / str(manifest[part]["path"])
    if part == "code":
        return path.is_dir() and _folder_digest(path) == manifest[part]["digest"]
    return path.is_file() and path.stat().st_size == int(manifest[part]["packed"])


# Make


def _applib(options: Options, plan: _Plan) -> Applib:
    return Applib(
        requirements=plan.requirements,
        lock=plan.applib_lock,
        target=options.target,
        rules=read_rules([DEFAULT_RULES, *options.prune_rules]) if options.prune else (),
        strip=options.strip,
        recipe=plan.recipe,
        folder=options.cache / f"applib-{options.target}-{plan.fingerprints['applib'][:16]}",
    )


def _make_applib(options: Options, plan: _Plan, report: Report) -> dict[str, Any]:
    from heavylift.build.order import Order

    applib = _applib(options, plan)
    record = stage(applib, report)
    made, sizes = _pack("applib", applib.folder, options.dist, report, Order(**record["order"]))
    report.packages(record["packages"], record["sizes"], sizes)
    report.system(record["system"])
    return {
        **made,
        "versions": {name: package["version"] for name, package in record["packages"].items()},
        "pruned": record["pruned"],
        "bytecode": record["bytecode"],
        "imported": record["imported"],
        "system": record["system"],
    }


def _make_model(options: Options, plan: _Plan, report: Report) -> dict[str, Any]:
    staging = options.cache / "model"
    if options.model is None:
        if options.export is None:
            raise BuildError("there is no model; name its folder with --model FOLDER")
        shutil.rmtree(staging, ignore_errors=True)
        runnable = _runnable(options, report)
        applib = _applib(runnable, plan if runnable is options else _plan(runnable, report))
        stage(applib, report)
        interpreter = find_interpreter(runnable.target)
        assert interpreter is not None
        with report.step("export the model"):
            try:
                options.export(applib.folder, interpreter, staging)
            except BuildError as error:
                raise BuildError(
                    f"the example's model cannot be made with what {plan.requirements} asks for: {error}; name the folder of your "
                    "own with --model FOLDER"
                ) from error
    return _pack("model", options.model or staging, options.dist, report)[0]


def _pack(
    part: str, folder: Path, dist: Path, report: Report, order: Order | None = None
) -> tuple[dict[str, Any], Mapping[str, int]]:
    """Pack a folder as an archive; return its record in the manifest, and the packed bytes of each file."""
    from heavylift.build.pack import COMPRESSOR, pack

    old = _read_last(dist)[0].get(part, {})
    last = dist / old["path"] if old.get("compressor") == COMPRESSOR else None
    title = f"pack {part}"
    with report.bar(title, unit="bytes") as progress:
        packed = pack(folder, dist / part / "{digest}.zip", progress=progress, order=order, last=last)
    report.packed(title, packed.anew, packed.raw)
    record = {
        "key": f"{part}/{packed.digest}.zip",
        "digest": packed.digest,
        "path": f"{part}/{packed.digest}.zip",
        "packed": packed.packed,
        "unpacked": packed.unpacked,
        "files": packed.files,
        "compressor": COMPRESSOR,
    }
    return record, packed.sizes


def _runnable(options: Options, report: Report) -> Options:
    """Return options whose applib runs here: a model is the same for every target, but only a running applib exports it."""
    if options.target.runs_here and find_interpreter(options.target):
        return options
    local = replace(options, target=Target(LOCAL_PYTHON, DEFAULT_PLATFORM))
    report.note(f"{options.target.unrunnable}: the model is exported by an applib for {local.target}")
    return local


def _make_code(options: Options, plan: _Plan, report: Report) -> dict[str, Any]:
    staging = options.dist / NEW_CODE
    shutil.rmtree(staging, ignore_errors=True)
    vendor = staging / "vendor"
    with report.step("code package: vendor oss2 and its dependencies"):
        # oss2 and the SDK's core come as source only: these few pure packages are built, in an environment of their own.
        resolve.install(plan.code_lock, vendor, options.target, wheels_only=False)
    prune(vendor, read_rules([DEFAULT_RULES]))
    for name, path in _code_files(options, plan.requirements).items():
        target = staging / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if interpreter := find_interpreter(options.target):
        with ThreadPoolExecutor(binaries.WORKERS) as cores:
            names = sorted(path.relative_to(staging).as_posix() for path in staging.rglob("*.py"))
            binaries.compile_bytecode(staging, names, interpreter, cores)
    files = sorted(path for path in staging.rglob("*") if path.is_file())
    packed = _zipped_size(staging, files)
    if packed > MAX_CODE:
        raise BuildError(
            f"the code package is {_mb(packed - MAX_CODE)} over the {_mb(MAX_CODE)} that Function Compute takes ({_mb(packed)} "
            f"zipped); move libraries to {plan.requirements}, and data to the model"
        )
    return {
        "path": "code",
        "digest": _folder_digest(staging),
        "packed": packed,
        "unpacked": sum(-(-path.stat().st_size // 4096) * 4096 for path in files),
        "files": len(files),
    }


def _zipped_size(folder: Path, files: Sequence[Path]) -> int:
    headers = sum(2 * len(path.relative_to(folder).as_posix().encode()) + 100 for path in files)  # local and central
    return headers + sum(len(zlib.compress(path.read_bytes())) for path in files)


def _try_function(
    options: Options, plan: _Plan, code: Path, manifest: Mapping[str, Any], state: dict[str, str], report: Report
) -> bool:
    """Try the function with its libraries, unless they were tried together before; return whether it was tried."""
    from heavylift.build.handler import try_handler

    if "code" not in manifest or not manifest.get("applib", {}).get("imported"):
        return False  # nothing to try yet, or no Python that could
    key = _fingerprint([options.handler, str(options.target), manifest["code"]["digest"], manifest["applib"]["digest"]])
    if state.get("handler") == key:
        return False
    interpreter = find_interpreter(options.target)
    assert interpreter is not None
    applib = _applib(options, plan)
    stage(applib, report)
    with report.step(f"import {options.handler}"):
        warning = try_handler(
            options.handler,
            code=code,
            applib=applib.folder,
            interpreter=interpreter,
            requirements=plan.requirements,
        )
    if warning:
        report.warn(warning)
    state["handler"] = key
    return True


_MAKERS: Mapping[str, Callable[[Options, _Plan, Report], dict[str, Any]]] = {
    "applib": _make_applib,
    "model": _make_model,
    "code": _make_code,
}


# Commit


def _check_limits(manifest: Mapping[str, Any]) -> None:
    sizes = {part: manifest[part]["unpacked"] for part in ("applib", "model") if part in manifest}
    over = sum(sizes.values()) - MAX_DISK
    if over > 0:
        largest = max(sizes, key=lambda part: sizes[part])
        raise BuildError(
            f"applib and model unpack to {_mb(sum(sizes.values()))}, {_mb(over)} more than the largest disk of an instance "
            f"({_mb(MAX_DISK)}); most of it is the {largest} ({_mb(sizes[largest])}): ask for fewer "
            "packages, or prune more with --prune"
        )


def _replace_code(dist: Path) -> None:
    final, old = dist / "code", dist / "code.old"
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        final.rename(old)
    (dist / NEW_CODE).rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _mb(size: int) -> str:
    return f"{size / 1024**2:,.1f} MB"


def _write_json(path: Path, record: object) -> None:
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(record, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _remove_unnamed(dist: Path, manifest: Mapping[str, Any]) -> None:
    named = {dist / manifest[part]["path"] for part in PARTS if part in manifest}
    for part in ("applib", "model"):
        for path in (dist / part).glob("*"):
            if path not in named:
                path.unlink()
