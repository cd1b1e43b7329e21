"""A measurement: a stack and a bucket of its own, cold starts of each way in turn, and nothing left in the end.

Stages, in order: `prepare` packs what the article's way needs, on this machine; then a bucket is made and filled, a stack created,
each function started. However that ends, by an error or by Ctrl-C as well, stack and bucket are removed; what cannot be is named.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from heavylift.build import resolve
from heavylift.clouds.archives import upload
from heavylift.clouds.assets import Output, has_bucket, make_bucket, remove_bucket, zip_code
from heavylift.clouds.ros import Ros, StackDefinition, StackNotFoundError
from heavylift.clouds.sdkerrors import explain
from heavylift.clouds.session import Session
from heavylift.clouds.stacks import Stacks, with_buckets
from heavylift.contracts.manifest import Archive
from heavylift.errors import HeavyliftError
from heavylift.measure import article
from heavylift.measure.archives import repack, zip_folder
from heavylift.measure.starts import ColdStart, Function
from heavylift.measure.subject import Subject
from heavylift.measure.summary import Row, Size, summarize
from heavylift.measure.template import Way, function_name, function_properties, left_out, make_template

OURS, ARTICLE = "ours", "article"
LABELS = {OURS: "heavylift", ARTICLE: "the article's way"}
DEPLOYMENT = 30  # minutes, of the stack
BUSY_SECONDS = 900  # to wait for the end of an operation that was interrupted, before the stack can be deleted


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """The files of a measurement, by the keys of the objects that they become, and the ways that use them."""

    paths: Mapping[str, Path]
    ways: tuple[Way, ...]


@dataclass(frozen=True, kw_only=True)
class Testbed:
    """Where a measurement happens: the cloud, and the names of what it makes there."""

    session: Session
    ros: Ros
    stacks: Stacks
    stack: str
    bucket: str


def measure(
    session: Session, ros: Ros, stacks: Stacks, subject: Subject, *, payload: bytes, starts: int, output: Output
) -> list[Row]:
    """Measure a function, and return the row of each way, ours first.

    Args:
        session: where.
        ros: its stacks.
        stacks: deploys and destroys them.
        subject: the function.
        payload: the event of each request.
        starts: of each way.
        output: is told of each step.

    Raises:
        HeavyliftError: it failed; the message ends with what could not be removed.
    """
    stack = f"heavylift-measure-{secrets.token_hex(3)}"
    testbed = Testbed(session=session, ros=ros, stacks=stacks, stack=stack, bucket=f"{stack}-{session.account_id}")
    with TemporaryDirectory(prefix="heavylift-measure-") as name:
        _say(output, "installing and packing as the article does (one thread, zlib) …")
        files = prepare(subject, Path(name))
        for variable in left_out(subject):
            _say(output, f"left out: the variable {variable} names a resource of the function's own stack")
        with _removed(testbed, output):
            _deploy(testbed, subject, files, Path(name), output)
            found = _start(testbed, subject, files.ways, payload, starts, output)
    module = str(subject.environment["HandlerModule"]).rpartition(".")[0]
    return [summarize(LABELS[way.name], found[way.name], _size(subject, way), module) for way in files.ways]


def prepare(subject: Subject, folder: Path) -> Files:
    """Pack the code and the archives of both ways.

    Args:
        subject: the function.
        folder: receives them.

    Raises:
        HeavyliftError: the build does not say what its libraries were installed from, or they cannot be installed.
    """
    build = subject.build
    lock = build.applib.lock
    if lock is None or not lock.is_file():
        raise HeavyliftError(
            f"the lock of the libraries in {build.applib.path.parent.parent} is not there, which the article's way needs; build "
            "here, with `heavylift build`"
        )
    staging, code = folder / "installed", folder / "code"
    resolve.install(lock, staging, build.target, wheels_only=True)
    installed, model = folder / "installed.zip", folder / "model.zip"
    zip_folder(staging, installed)
    shutil.rmtree(staging)
    shutil.copytree(build.code.path, code)
    (folder / "ours.zip").write_bytes(zip_code(code))
    for stale in (code / "__pycache__").glob("loader.*"):
        stale.unlink()  # it would be trusted unchecked
    shutil.copyfile(str(article.__file__), code / "loader.py")
    (folder / "article.zip").write_bytes(zip_code(code))
    paths = {
        "code/ours.zip": folder / "ours.zip",
        "code/article.zip": folder / "article.zip",
        "article/applib.zip": installed,
    }
    paths |= {archive.key: archive.path for archive in build.archives}
    others = {"AppLibObject": "article/applib.zip"}
    if build.model:
        repack(build.model.path, model)
        paths["article/model.zip"] = model
        others["ModelObject"] = "article/model.zip"
    return Files(
        paths=paths,
        ways=(
            Way(name=OURS, code="code/ours.zip", archives=_keys(build.applib, build.model)),
            Way(name=ARTICLE, code="code/article.zip", archives=others, loads_first=True),
        ),
    )


def _keys(applib: Archive, model: Archive | None) -> dict[str, str]:
    return {"AppLibObject": applib.key, **({"ModelObject": model.key} if model else {})}


def _deploy(testbed: Testbed, subject: Subject, files: Files, work: Path, output: Output) -> None:
    bucket = testbed.session.bucket(testbed.bucket)
    make_bucket(bucket)
    for key, path in files.paths.items():
        with output.progress(f"upload {key[:28]}", path.stat().st_size) as progress:
            upload(bucket, path, key, progress, checkpoints=work)
    template = make_template(subject, stack=testbed.stack, bucket=testbed.bucket, ways=files.ways)
    definition = StackDefinition(
        template=json.dumps(template),
        parameters={},
        tags=with_buckets({}, [testbed.bucket]),  # so that `heavylift destroy` finds it, should this process be killed
        timeout=DEPLOYMENT,
        rollback=True,
        replace=False,
    )
    testbed.stacks.deploy(testbed.stack, definition)


def _start(
    testbed: Testbed, subject: Subject, ways: Sequence[Way], payload: bytes, starts: int, output: Output
) -> dict[str, list[ColdStart]]:
    functions = {
        way.name: Function(testbed.session, function_name(subject, testbed.stack, way), payload) for way in ways
    }
    found: dict[str, list[ColdStart]] = {name: [] for name in functions}
    for number in range(1, starts + 1):
        for name, function in functions.items():
            start = function.start()
            found[name].append(start)
            record = {"event": "start", "way": LABELS[name], "number": number, "seconds": round(start.seconds, 3)}
            output.emit(record, f"start {number} of {starts}: {LABELS[name]}: {start.seconds:.2f} s")
    return found


def _size(subject: Subject, way: Way) -> Size:
    properties = function_properties(subject, way, bucket="")
    return Size(cpu=float(properties["Cpu"]), memory=int(properties["MemorySize"]), disk=int(properties["DiskSize"]))


@contextmanager
def _removed(testbed: Testbed, output: Output) -> Iterator[None]:
    """Remove the stack and the bucket in the end.

    Raises:
        HeavyliftError: something stays; the message names it, and what went wrong before.
    """
    try:
        yield
    except BaseException as error:
        _say(output, f"removing {testbed.stack} …")
        if stays := _remove(testbed):
            known = explain(error) if isinstance(error, Exception) else HeavyliftError("interrupted")
            raise HeavyliftError(f"{known or error}; {stays}") from error
        raise
    _say(output, f"removing {testbed.stack} …")
    if stays := _remove(testbed):
        raise HeavyliftError(stays)


def _remove(testbed: Testbed) -> str:
    """Remove the stack and the bucket; return a sentence about what stays, or nothing."""
    parts: dict[str, Callable[[], None]] = {
        f"the stack {testbed.stack}": lambda: _remove_stack(testbed),
        f"the bucket {testbed.bucket}": lambda: _remove_bucket(testbed),
    }
    stays = []
    for what, remove in parts.items():
        try:
            remove()
        except KeyboardInterrupt:
            stays.append(f"{what} (interrupted)")
        except Exception as error:  # noqa: BLE001 - the other part has to go all the same
            stays.append(f"{what} ({explain(error) or error})")
    if not stays:
        return ""
    where = "" if testbed.session.is_local else f" --cloud {testbed.session.region}"
    return f"NOT REMOVED: {' and '.join(stays)}: run `heavylift destroy {testbed.stack}{where}`, or remove it in the console"


def _remove_stack(testbed: Testbed) -> None:
    try:
        stack = testbed.ros.find(testbed.stack)
        deadline = time.monotonic() + BUSY_SECONDS
        while stack.is_busy and time.monotonic() < deadline:  # what was interrupted goes on
            time.sleep(1)
            stack = testbed.ros.get(stack.id)
        testbed.stacks.destroy(stack)
    except StackNotFoundError:
        return


def _remove_bucket(testbed: Testbed) -> None:
    bucket = testbed.session.bucket(testbed.bucket)
    if not remove_bucket(bucket) and has_bucket(bucket):
        raise HeavyliftError("it was not tagged as heavylift's before the interruption")


def _say(output: Output, text: str) -> None:
    output.emit({"event": "measurement", "text": text}, text)
