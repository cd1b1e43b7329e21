"""Resolves requirements to a lock file with hashes, and installs its wheels into a folder.

Where a requirements file says where its packages come from (`--extra-index-url`, `--find-links`, …), or which of them are built
from their sources (`--no-binary`), its lock says so as well: a lock is enough to install what it names.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import heavylift.runtime
from heavylift.build.errors import BuildError
from heavylift.build.machine import find_interpreter, uv, uv_platform
from heavylift.build.names import normalize
from heavylift.contracts.platform import Target

RUNTIME = Path(heavylift.runtime.__file__).with_name("requirements.txt")
_NAMED = re.compile(r"^(?:-r|--requirement|-c|--constraint)[ =]*(\S+)", re.MULTILINE)
_INCLUDED = re.compile(r"(?:-r|--requirement)[ =]*(\S+)")
# pip's "Requirements File Format": the options that say where packages come from, and their values.
_SOURCE = re.compile(r"(-i|--index-url|--extra-index-url|-f|--find-links|--no-index)(?:[ =]+(\S+))?\s*(?:#.*)?")
# The same page: packages whose wheels do not count, and which are built from their sources, so that their code runs.
_NO_BINARY = "--no-binary"
_BUILT = re.compile(rf"{_NO_BINARY}[ =]+(\S+)\s*(?:#.*)?")
# A wheel named by its path or its `file:` URL, and the package that its name tells. packaging.python.org, "File name convention".
_WHEEL = re.compile(
    r"(?:[\w.,\[\]-]+\s*@\s*)?(?:file://)?((?:[^\s:]*/)?([\w.]+)-[\w.!+%]+(?:-[\w.]+){3,4}\.whl)(?:\s.*)?"
)
WHEELS_ONLY = ("--only-binary", ":all:")
_NO_WHEELS = re.compile(r"Wheels are required for `([\w.-]+)`")  # as uv says it
EXTRA = ("crcmod-plus",)  # takes the place of what OVERRIDES leaves out
# It has no wheels, and is slow without a compiler; crcmod-plus is the same module.
OVERRIDES = "crcmod ; sys_platform == 'never'\n"


def lock(
    requirements: Path, locks: Path, target: Target, *, extra: Sequence[str] = (), wheels_only: bool = True
) -> tuple[Path, bool]:
    """Return the lock of a requirements file for a target; resolve it when there is none, or when it is of other requirements.

    Args:
        requirements: what the user wants, in pip's format.
        locks: the folder of the lock files.
        target: what to resolve for.
        extra: requirements that replace others, added to the file's.
        wheels_only: take versions that have wheels for the target, but for packages that the file lets be built from their sources:
            so no code of another one runs, here or when it is installed.

    Returns:
        The lock file, and whether it was resolved anew.

    Raises:
        BuildError: the file is missing, nothing satisfies it, or it names what no hash can pin.
    """
    if not requirements.is_file():
        raise BuildError(
            f"{requirements} does not exist; write one requirement a line into it, or name another file as `requirements`"
        )
    wanted = _wanted(requirements, extra)
    head, path = _head(requirements, wanted, target), _path(requirements, locks, target)
    if path.exists() and path.read_text(encoding="utf-8").startswith(head):
        return path, False
    locks.mkdir(parents=True, exist_ok=True)
    more, overrides = locks / ".more.in", locks / ".overrides.in"
    try:
        more.write_text("".join(f"{each}\n" for each in extra), encoding="utf-8")
        overrides.write_text(OVERRIDES, encoding="utf-8")
        resolved = uv(
            "pip",
            "compile",
            str(requirements),  # itself, so that what it names is found, and errors name its lines
            *([str(more), "--override", str(overrides)] if extra else []),
            "--generate-hashes",
            "--no-header",
            "--no-annotate",
            "--python-version",
            target.python,
            "--python-platform",
            uv_platform(target),
            *(WHEELS_ONLY if wheels_only else ()),
            *_builder(requirements, target),
        ).stdout
    except BuildError as error:
        where = ", ".join(_named_lines(requirements, str(error))) or str(requirements)
        missing = " and ".join(f"`{_NO_BINARY} {name}`" for name in dict.fromkeys(_NO_WHEELS.findall(str(error))))
        advice = (
            f"\nname a version that has wheels for {target}; or let it be built here, which runs its code: by {missing} as a "
            "line of the requirements; or make a wheel elsewhere (`pip wheel`), and name its folder by `--find-links`"
        )
        raise BuildError(f"{where} cannot be resolved for {target}: {error}{advice if missing else ''}") from error
    finally:
        more.unlink(missing_ok=True)
        overrides.unlink(missing_ok=True)
    _check_hashes(requirements, resolved)
    temporary = path.with_suffix(".new")
    sources = "".join(f"{each}\n" for each in _sources(requirements, locks))
    temporary.write_text(head + sources + resolved, encoding="utf-8")
    temporary.replace(path)
    return path, True


def lock_runtime(locks: Path, target: Target) -> Path:
    """Return the lock of the loading library's requirements: the one that comes with it, else one that is resolved.

    Args:
        locks: the folder for one that is resolved; the package's own is not written to.
        target: what to resolve for.

    Raises:
        BuildError: nothing satisfies it.
    """
    shipped = _path(RUNTIME, RUNTIME.parent / "locks", target)
    if shipped.is_file() and shipped.read_text(encoding="utf-8").startswith(
        _head(RUNTIME, _wanted(RUNTIME, EXTRA), target)
    ):
        return shipped
    return lock(RUNTIME, locks, target, extra=EXTRA, wheels_only=False)[0]


def _path(requirements: Path, locks: Path, target: Target) -> Path:
    return locks / f"{requirements.stem}-{target}.txt"


def _wanted(requirements: Path, extra: Sequence[str]) -> str:
    texts = [text for _, text in _texts(requirements, set())]
    return "".join([*texts, *(f"{each}\n" for each in extra), *_wheel_digests(texts)])


def _wheel_digests(texts: Iterable[str]) -> Iterator[str]:
    """Yield the digests of the wheels that are named by their paths: one that is made anew has the same name."""
    for line in (line.strip() for text in texts for line in text.splitlines()):
        if (match := _WHEEL.fullmatch(line)) and (wheel := Path(unquote(match[1]))).is_file():
            yield hashlib.sha256(wheel.read_bytes()).hexdigest()


def read_requested(requirements: Path) -> list[str]:
    """Return the names of the packages that a requirements file asks for, with the files that it includes, normalized."""
    return list(_requested(requirements, set()))


def _requested(requirements: Path, seen: set[Path]) -> Iterator[str]:
    if requirements.resolve() in seen or not requirements.is_file():  # one that is missing is uv's to tell
        return
    seen.add(requirements.resolve())
    for line in (line.strip() for line in requirements.read_text(encoding="utf-8").splitlines()):
        if match := _INCLUDED.match(line):
            yield from _requested(requirements.parent / match[1], seen)
        elif match := _WHEEL.fullmatch(line):
            yield normalize(match[2])
        elif line[:1].isalnum():
            yield normalize(entry_name(line))


def _texts(requirements: Path, seen: set[Path]) -> Iterator[tuple[Path, str]]:
    """Yield a requirements file with its text, and the files that it names."""
    text = requirements.read_text(encoding="utf-8")
    yield requirements, text
    seen.add(requirements.resolve())
    for name in _NAMED.findall(text):
        named = requirements.parent / name
        if named.is_file() and named.resolve() not in seen:  # one that is missing is uv's to tell
            yield from _texts(named, seen)


def _check_hashes(requirements: Path, resolved: str) -> None:
    """Refuse what may be another thing at each build: the sources of a package in a folder, or of a repository."""
    for entry in _entries(resolved):
        if "--hash=" not in entry and not entry.startswith("--"):
            raise BuildError(
                f"{requirements}: {entry.split(' #')[0]} is no wheel, and has no hash that pins it; make a wheel of it "
                "(`pip wheel --no-deps --wheel-dir wheels FOLDER`) and name that by its path"
            )


def _named_lines(requirements: Path, said: str) -> Iterator[str]:
    """Yield file and line of each requirement whose package a message names."""
    named = {normalize(word) for word in re.findall(r"\w[\w.-]*", said)}
    for file, text in _texts(requirements, set()):
        for number, line in enumerate(text.splitlines(), start=1):
            name = entry_name(line.strip())
            if name and not name.startswith("-") and normalize(name) in named:
                yield f"{file}, line {number}"


def _sources(requirements: Path, below: Path | None = None) -> Iterator[str]:
    """Yield the options that say where packages come from, and which are built from their sources.

    Args:
        requirements: the file; those that it names count as well.
        below: what folders that are relative paths become relative to; None: they become absolute.
    """
    for file, text in _texts(requirements, set()):
        for line in text.splitlines():
            if match := _BUILT.fullmatch(line.strip()):
                yield f"{_NO_BINARY} {match[1]}"
            elif match := _SOURCE.fullmatch(line.strip()):
                option, value = match[1], match[2] or ""
                if value and "://" not in value and not Path(value).is_absolute():
                    place = file.parent.resolve() / value
                    value = os.path.relpath(place, below.resolve()) if below else str(place)
                yield f"{option} {value}".rstrip()


def _builder(requirements: Path, target: Target) -> list[str]:
    """Return uv's option that names the Python by which packages are built from their sources; none where no file says so.

    Raises:
        BuildError: that Python is not here, and what another one compiles, it would not run.
    """
    built = [option for option in _sources(requirements) if option.startswith(_NO_BINARY)]
    if not built:
        return []
    interpreter = find_interpreter(target)
    if interpreter is None:
        raise BuildError(
            f"{requirements}: `{built[0]}` needs a Python {target.python} to build it by, and there is none here; install it "
            f"(`uv python install {target.python}`), or make a wheel elsewhere and name its folder by `--find-links`"
        )
    return ["--python", str(interpreter)]


def _head(requirements: Path, wanted: str, target: Target) -> str:
    return f"# {requirements.name} {hashlib.sha256(wanted.encode()).hexdigest()[:16]} for {target}\n"


def read_sources(lock_file: Path) -> list[str]:
    """Return the options of a lock that say where its packages come from, and how; folders among them are absolute."""
    return list(_sources(lock_file))


def read_lock(lock_file: Path) -> list[str]:
    """Return the entries of a lock: one requirement each, with its hashes."""
    return [entry for entry in _entries(lock_file.read_text(encoding="utf-8")) if not entry.startswith("-")]


def _entries(lock_text: str) -> list[str]:
    """Return the entries of the text of a lock, options among them."""
    entries: list[str] = []
    for line in lock_text.splitlines():
        if line[:1].isspace() and entries:
            entries[-1] += f"\n{line}"
        elif line and line[0] not in "# ":
            entries.append(line)
    return entries


def write_lock(lock_file: Path, sources: Sequence[str], entries: Sequence[str]) -> None:
    """Write a lock of some entries of another one, with its options that say where packages come from."""
    lock_file.write_text("".join(f"{line}\n" for line in (*sources, *entries)), encoding="utf-8")


def entry_name(entry: str) -> str:
    """Return the name of the package that a requirement asks for."""
    return re.split(r"[^A-Za-z0-9._-]", entry, maxsplit=1)[0]


def install(
    lock_file: Path, folder: Path, target: Target, *, wheels_only: bool, share: bool = False, cached: bool = True
) -> None:
    """Install a lock's packages into a folder.

    Args:
        lock_file: with hashes; what does not match them is refused.
        folder: receives the packages.
        target: chooses the wheels.
        wheels_only: refuse packages that would have to be built, but for those that the lock lets be: no code of another one runs.
        share: let files be those of uv's cache where they can be; nothing may write into them then.
        cached: take what uv's cache holds; else everything is fetched.

    Raises:
        BuildError: a package is missing, has no wheel, cannot be built, or has another hash.
    """
    arguments = [
        "pip",
        "install",
        "--target",
        str(folder),
        "--no-deps",
        "--require-hashes",
        "--quiet",
        "--link-mode",
        "hardlink" if share else "copy",
    ]
    arguments += ["--python-version", target.python, "--python-platform", uv_platform(target)]
    if wheels_only:
        arguments += WHEELS_ONLY
    arguments += _builder(lock_file, target)
    uv(*arguments, *([] if cached else ["--no-cache"]), "-r", str(lock_file))
    (folder / ".lock").unlink(missing_ok=True)
