"""The embedded cloud is killed in the midst of everything: what was acknowledged is there, nothing else is, and it starts again."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import random
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.support.cloud import begin
from tests.support.wire import Connection, HungError, UnansweredError
from tests.torture import model
from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud, NotStartedError, settled_blobs, temporary_files
from tests.torture.control import Api
from tests.torture.sweep import Sweep

WORKERS = 4
KEYS = [f"k{number}" for number in range(5)]
MANY = 6  # versions of a key, of which most operations then take one away


def draw(chance: random.Random, world: model.World, fresh: str, *, versioned: bool) -> model.Operation:
    """Draw the next operation on a bucket.

    Args:
        chance: draws.
        world: the bucket as it is.
        fresh: names a new upload.
        versioned: whether it may come to keep versions.
    """
    key = chance.choice(KEYS)
    past = world.histories.get(key, ())
    if chance.random() < (0.7 if len(past) > MANY else 0.3 if len(past) > 1 else 0):
        place = chance.randrange(len(past))
        return model.Delete(key, place) if chance.random() < 0.7 else model.Get(key, place)
    item, content = world.objects.get(key), chance.randbytes(chance.choice([0, 1, 900, 40_000, 300_000]))
    choices: list[model.Operation] = [
        model.Put(key, content),
        model.Put(key, content, tag=model.mark_of(content)),
        model.SetSetting(chance.choice(["lifecycle", "tagging"]), chance.choice(["", fresh])),
        model.SetSetting("encryption", chance.choice(["", "AES256", "KMS"])),
        model.SetSetting("acl", chance.choice(["private", "public-read"])),
    ]
    if versioned:
        choices += [
            model.SetSetting("versioning", chance.choice(["Enabled", "Enabled", "Suspended"])),
            model.Delete(key),
        ]
    if item is None:
        choices += [model.Append(key, 0, content), model.Begin(fresh, key, fresh)]
    else:
        choices += [model.Delete(key), model.SetAcl(key, chance.choice(["default", "private", "public-read"]))]
        choices += [
            model.SetTag(key, chance.choice(["", fresh])),
            model.Copy(key, chance.choice([k for k in KEYS if k != key])),
        ]
        choices += (
            [model.Append(key, len(item.content), content)] * 2 if item.kind == "Appendable" else [model.Copy(key, key)]
        )
    for name, upload in world.uploads.items():
        number = len(upload.parts) + 1
        choices += [
            model.Abort(name, upload.key),
            model.PutPart(name, upload.key, number, chance.randbytes(model.MIN_PART)),
        ]
        choices += [model.Complete(name, upload.key)] * 2 if upload.parts else []
    return chance.choice(choices)


def shown(history: model.History) -> str:
    """Return a history as a fault shows it."""
    return " < ".join(map(str, history)) or "nothing"


class Worker:
    """Changes a bucket of its own until the cloud dies, and knows what must be there."""

    def __init__(self, number: int, cloud: Cloud, sweep: Sweep) -> None:
        self.bucket = Bucket(cloud, f"kills-{number}")
        self.world = model.World(settings={"acl": "private"})
        self.pending: model.Operation | None = None
        self._versioned = number % 2 == 1
        self._sweep, self._chance, self._count = sweep, random.Random(f"{sweep.seed} worker {number}"), 0

    def run(self, cloud: Cloud, over: threading.Event) -> None:
        """Change the bucket until the cloud has gone."""
        connection = Connection(cloud.address("oss"))
        try:
            while not over.is_set():
                self._count += 1
                operation = self.pending = draw(self._chance, self.world, f"u{self._count}", versioned=self._versioned)
                reply = self.bucket.perform(operation, connection)
                expected, self.world = operation.apply(self.world)
                self.pending = None
                self._sweep.tally.operations += 1
                if reply != expected:
                    self._sweep.failed("another answer than the model's", f"{operation}: {reply}, expected {expected}")
                    return
        except UnansweredError:
            pass
        except HungError as error:
            self._sweep.hung("no answer while others write", f"{self.pending}: {error}")
        finally:
            connection.close()

    def check(self, cloud: Cloud) -> None:
        """Compare the bucket after a restart with what was acknowledged, and go on from what it is."""
        self.bucket.move(cloud)
        maybe = self.pending.apply(self.world)[1] if self.pending else self.world
        allowed = (self.world, maybe)
        histories: dict[str, model.History] = {}
        for key in sorted({*KEYS, *(each.key for each in self.bucket.listed())}):
            found = self._read(key)
            wanted = [world.histories.get(key, ()) for world in allowed]
            if found not in wanted:
                self._sweep.lost(
                    "an object is not what was acknowledged", f"{key}: {shown(found)}, expected {shown(wanted[0])}"
                )
            if found:
                histories[key] = found
        settings = self.bucket.settings()
        if settings not in [world.settings for world in allowed]:
            self._sweep.lost("settings are not what was acknowledged", f"{settings}, expected {self.world.settings}")
        self._check_uploads(allowed)
        self.world = model.World(histories, {}, settings)
        self.pending = None

    def _read(self, key: str) -> model.History:
        """Return a key's history, and see that its versions have the ids that were acknowledged, and the object is the newest."""
        try:
            versions, current = self.bucket.history(key), self.bucket.object(key)
        except Exception as error:  # noqa: BLE001 - whatever a client makes of it, it cannot be read
            self._sweep.lost("an object cannot be read", f"{key}: {type(error).__name__} {str(error)[:200]}")
            return ()
        for version, item in versions.items():
            mark = self.bucket.version_marks.get(version)
            if mark and not (isinstance(item, model.Stored) and mark == item.mark):
                self._sweep.lost("a version's id is another's", f"{key} {version}: {item}, expected mark {mark}")
        history = tuple(versions.values())
        if current != (history[0] if history and isinstance(history[0], model.Stored) else None):
            self._sweep.lost("an object is not its newest version", f"{key}: {current} of {shown(history)}")
        return history

    def _check_uploads(self, allowed: tuple[model.World, model.World]) -> None:
        """Compare the uploads, and end all of them."""
        there = self.bucket.uploads()
        names = {upload_id: name for name, upload_id in self.bucket.upload_ids.items()}
        for upload_id, (key, sizes) in there.items():
            name = names.get(upload_id, "")
            known = [world.uploads.get(name) for world in allowed]
            wanted = [{n: len(part) for n, part in each.parts.items()} if each else None for each in known]
            if sizes not in wanted and not (isinstance(self.pending, model.Begin) and not name):
                self._sweep.lost("an upload is not what was acknowledged", f"{key}: {sizes}, expected {wanted}")
            self.bucket.client.abort_multipart_upload(key, upload_id)
        for name in set(allowed[0].uploads) & set(allowed[1].uploads):
            if self.bucket.upload_ids[name] not in there:
                self._sweep.lost("an upload has gone", f"{allowed[0].uploads[name]}")


def package(text: str) -> str:
    """Return a code package in base64."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("index.py", text)
    return base64.b64encode(target.getvalue()).decode()


class Functions:
    """Creates, updates and deletes functions of FC 3.0 until the cloud dies."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep, self._chance = sweep, random.Random(f"{sweep.seed} functions")
        self._known: dict[str, str | None] = {}  # name -> description; None: there is none
        self._pending: tuple[str, str | None] | None = None
        self._count = 0

    def run(self, cloud: Cloud, over: threading.Event) -> None:
        """Change functions until the cloud has gone."""
        api = Api(cloud)
        try:
            while not over.is_set():
                self._count += 1
                name, text = f"f{self._chance.randrange(4)}", f"text {self._count}"
                before = self._known.get(name)
                after = None if before and self._chance.random() < 0.4 else text
                self._pending = name, after
                record = {"description": text, "runtime": "python3.10", "handler": "index.handler"}
                record["code"] = {"zipFile": package(f"{self._count} + {self._chance.random()}")}  # type: ignore[assignment]
                if after is None:
                    answer = api.fc("DELETE", f"/2023-03-30/functions/{name}")
                elif before:
                    answer = api.fc("PUT", f"/2023-03-30/functions/{name}", record)
                else:
                    answer = api.fc("POST", "/2023-03-30/functions", {**record, "functionName": name})
                if answer.status >= 300:
                    self._sweep.failed("a function call was refused", f"{name} {before!r} -> {after!r}: {answer}")
                    return
                self._known[name], self._pending = after, None
                self._sweep.tally.operations += 1
        except UnansweredError:
            pass
        except HungError as error:
            self._sweep.hung("no answer from FC", f"{self._pending}: {error}")

    def check(self, cloud: Cloud) -> None:
        """Compare the functions after a restart with what was acknowledged."""
        answer = Api(cloud).fc("GET", "/2023-03-30/functions?limit=100")
        found = {each["functionName"]: each["description"] for each in json.loads(answer.body)["functions"]}
        pending = dict([self._pending] if self._pending else [])
        for name in {*self._known, *pending, *found}:
            if found.get(name) not in (self._known.get(name), pending.get(name, self._known.get(name))):
                self._sweep.lost("a function", f"{name}: {found.get(name)!r}, expected {self._known.get(name)!r}")
        self._known, self._pending = dict(found), None


class Stacks:
    """Creates, updates and deletes a stack until the cloud dies."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep, self._chance = sweep, random.Random(f"{sweep.seed} stacks")
        self._count = 0
        self._ids: set[str] = set()  # of stacks that were acknowledged

    def run(self, cloud: Cloud, over: threading.Event) -> None:
        """Change stacks until the cloud has gone."""
        api = Api(cloud)
        try:
            while not over.is_set():
                self._count += 1
                body = self._template(self._count)
                answer = api.ros("CreateStack", StackName=f"s{self._count}", TemplateBody=body, TimeoutInMinutes="10")
                if answer.status >= 300:
                    self._sweep.failed("a stack call was refused", str(answer))
                    return
                stack_id = json.loads(answer.body)["StackId"]
                self._ids.add(stack_id)
                self._sweep.tally.operations += 1
                if self._chance.random() < 0.7:
                    api.settled(stack_id)
                    api.ros("UpdateStack", StackId=stack_id, TemplateBody=self._template(self._count, "changed"))
                    self._sweep.tally.operations += 1
                if self._chance.random() < 0.6 and api.settled(stack_id):
                    api.ros("DeleteStack", StackId=stack_id)
                    self._sweep.tally.operations += 1
        except UnansweredError:
            pass
        except HungError as error:
            self._sweep.hung("no answer from ROS", str(error))

    def _template(self, number: int, text: str = "") -> str:
        trust = {"Version": "1", "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow"}]}
        trust["Statement"][0]["Principal"] = {"Service": ["fc.aliyuncs.com"]}  # type: ignore[index]
        resources = {
            "Bucket": {
                "Type": "ALIYUN::OSS::Bucket",
                "Properties": {"BucketName": f"stack-{self._sweep.seed}-{number}"},
            },
            "Role": {
                "Type": "ALIYUN::RAM::Role",
                "Properties": {
                    "RoleName": f"role-{number}",
                    "AssumeRolePolicyDocument": trust,
                    "Description": text,
                },
                "DependsOn": "Bucket",
            },
        }
        return json.dumps({"ROSTemplateFormatVersion": "2015-09-01", "Resources": resources})

    def check(self, cloud: Cloud) -> None:
        """Wait until nothing goes on, and compare each stack with the bucket and the role that it says to have."""
        api = Api(cloud)
        for stack_id in sorted(self._ids):
            stack = api.settled(stack_id)
            if stack is None:
                self._sweep.lost("a stack", f"{stack_id} is not known any more or does not settle")
                continue
            buckets, roles = api.bucket_names(), api.role_names()
            number = stack["StackName"].removeprefix("s")
            there = (f"stack-{self._sweep.seed}-{number}" in buckets, f"role-{number}" in roles)
            wanted = (not stack["Status"].startswith(("DELETE", "CREATE_ROLLBACK")),) * 2
            if stack["Status"].endswith("_FAILED") or there != wanted:
                self._sweep.lost("a stack's resources", f"{stack['StackName']} {stack['Status']}: bucket, role {there}")
        self._ids.clear()


def killed_while_starting(cloud: Cloud, after: float) -> None:
    """Start on the same folder and kill that start."""
    process = begin(cloud.data, cloud.log, key=cloud.key)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after)  # it should not end by itself
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


def test_kills(sweep: Sweep, start: Callable[..., Cloud]) -> None:
    cloud = start()
    workers: list[Worker | Functions | Stacks] = [Worker(number, cloud, sweep) for number in range(WORKERS)]
    workers += [Functions(sweep), Stacks(sweep)]
    running = cloud
    try:
        while sweep.goes_on():
            over = threading.Event()
            threads = [threading.Thread(target=each.run, args=(running, over)) for each in workers]
            for thread in threads:
                thread.start()
            time.sleep(sweep.random.uniform(0.05, 1.5))  # chance says when, as for a power cut
            running.kill()
            over.set()
            for thread in threads:
                thread.join()
            sweep.tally.kills += 1
            if sweep.random.random() < 0.25:
                killed_while_starting(running, sweep.random.uniform(0.2, 1.2))
                sweep.tally.kills += 1
            try:
                running = running.again()
            except NotStartedError as error:
                sweep.hung("it does not start again", str(error))
                return
            with ThreadPoolExecutor() as pool:
                for done in [pool.submit(each.check, running) for each in workers]:
                    done.result()
            stray = list(temporary_files(running.data))  # now that nothing goes on any more
            if stray:
                sweep.lost("temporary files are left", ", ".join(str(p.relative_to(running.data)) for p in stray[:5]))
            expected = sum(each.bucket.blobs() for each in workers if isinstance(each, Worker))
            found = settled_blobs(running.data, expected)
            if found != expected:
                sweep.lost("data files that belong to nothing, or are missing", f"{found}, expected {expected}")
        if running.alive and running.stop() != 0:
            sweep.failed("it does not end in good order", f"exit code {running.process.returncode}")
    finally:
        running.kill()
