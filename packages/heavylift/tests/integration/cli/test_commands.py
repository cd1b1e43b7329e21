"""Each command as users run it, against the embedded cloud."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import oss2
import pytest
from alibabacloud_ros20190910 import models
from alibabacloud_ros20190910.client import Client

from heavylift.contracts.manifest import Build, write_manifest
from tests.support.builds import TARGET, make_applib, make_archive, make_code
from tests.support.loading import pack
from tests.support.waiting import wait_for

Project = Any  # tests/integration/cli/conftest.py


def test_the_life_of_a_stack(project: Project) -> None:
    fresh = project.heavylift("diff", "--exit-code")
    assert fresh.code == 2
    assert "is not deployed yet" in fresh.out
    assert "[+] Resources / Function  ALIYUN::FC3::Function" in fresh.out

    created = project.heavylift("deploy")
    assert created.code == 0, created.error
    assert re.search(r"CREATE_COMPLETE +ALIYUN::OSS::Bucket +Bucket\n", created.out)
    assert f"stack {project.stack} is created\n  BucketName = {project.bucket}\n" in created.out
    assert project.exists(project.bucket)

    again = project.heavylift("deploy")
    assert again.code == 0
    assert again.out.startswith(f"stack {project.stack} is like that already: no changes\n")  # and nothing was uploaded
    same = project.heavylift("diff", "--exit-code")
    assert (same.code, same.out) == (0, f"stack {project.stack}: no changes\n")

    changed = project.heavylift("diff", "-c", "colour=red")
    assert (changed.code, changed.out) == (
        0,
        "[~] Resources / Function  ALIYUN::FC3::Function\n"
        '    ~ Properties.EnvironmentVariables.COLOUR: "blue" -> "red"\n',
    )
    assert project.heavylift("diff", "--exit-code", "-c", "colour=red").code == 2
    assert project.heavylift("invoke").out == "blue\n"
    updated = project.heavylift("deploy", "-c", "colour=red")
    assert updated.code == 0
    assert re.search(r"UPDATE_COMPLETE +ALIYUN::FC3::Function +Function\n", updated.out)
    assert "OSS::Bucket" not in updated.out
    assert project.heavylift("invoke").out == "red\n"

    assert project.heavylift("outputs", "--key", "BucketName").out == f"{project.bucket}\n"
    assert re.search(
        r"UPDATE_COMPLETE +ALIYUN::FC3::Function +Function ", project.heavylift("status", project.stack).out
    )
    assert f"{project.stack}  UPDATE_COMPLETE" in project.heavylift("status").out
    assert "the log red\n" in project.heavylift("logs").out
    events = project.heavylift("events", "--json").records
    assert (events[0]["status"], events[-1]["status"]) == ("CREATE_IN_PROGRESS", "UPDATE_COMPLETE")

    destroyed = project.heavylift("destroy")
    assert destroyed.code == 0, destroyed.error
    assert destroyed.out.endswith(f"removed the asset bucket {project.assets}\nstack {project.stack} is destroyed\n")
    assert not project.exists(project.bucket)
    assert not project.exists(project.assets)
    assert project.stack not in project.heavylift("status").out


def test_programs_get_one_object_a_line(project: Project) -> None:
    deployed = project.heavylift("deploy", "--json").records
    assert [each["event"] for each in deployed][:1] == ["asset"]
    done = next(each for each in deployed if each["event"] == "deployed")
    assert (done["change"], done["outputs"]["BucketName"]) == ("created", project.bucket)
    again = project.heavylift("deploy", "--json").records
    assert (again[0]["event"], again[0]["uploaded"]) == ("asset", False)
    invoked = project.heavylift("invoke", "--json").records[0]
    assert (invoked["body"], invoked["error_type"]) == ("blue", None)
    assert "the log" in invoked["log"]
    failed = project.heavylift("status", "nobody", "--json")
    assert failed.code == 1
    assert failed.records[-1]["event"] == "error"
    assert project.heavylift("destroy", "--json").records[-1] == {"event": "destroyed", "stack": project.stack}


def test_a_function_that_fails_is_a_failure(project: Project) -> None:
    project.heavylift("deploy")
    failed = project.heavylift("invoke", "--payload", "fail")
    assert failed.code == 1
    assert "on purpose" in failed.out
    assert f"the function {project.stack}-function failed (" in failed.last
    event = project.folder / "event"
    event.write_bytes(b"any")
    assert project.heavylift("invoke", "--file", str(event), "--function", "Function", "--log").out.endswith("\nblue\n")
    assert "cannot be read from" in project.heavylift("invoke", "--file", str(event) + "?").last
    assert project.heavylift("destroy").code == 0


def test_a_failure_ends_with_its_cause_and_can_be_mended(project: Project) -> None:
    project.cloud.bucket(project.bucket).create_bucket()
    failed = project.heavylift("deploy")
    assert failed.code == 1
    assert re.fullmatch(
        rf"heavylift: stack {project.stack} was not created \(CREATE_ROLLBACK_COMPLETE\), because "
        r"Bucket \(ALIYUN::OSS::Bucket\) failed: .+",
        failed.last,
    )
    assert re.search(r"CREATE_FAILED +ALIYUN::OSS::Bucket +Bucket  .+\n", failed.out)
    project.cloud.bucket(project.bucket).delete_bucket()
    assert project.heavylift("deploy").code == 0
    assert project.heavylift("destroy").code == 0


def test_a_resource_is_replaced_only_when_that_is_said(project: Project) -> None:
    assert project.heavylift("deploy").code == 0
    other = f"bucket={project.bucket}-2"
    refused = project.heavylift("deploy", "-c", other)
    assert refused.code == 1
    assert refused.last.endswith("; `heavylift deploy --replace` allows that")
    assert project.exists(project.bucket)
    assert project.heavylift("deploy", "-c", other, "--replace").code == 0
    assert (project.exists(project.bucket), project.exists(f"{project.bucket}-2")) == (False, True)
    assert project.heavylift("destroy").code == 0


def test_an_app_is_told_of_the_cloud_that_it_is_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAVYLIFT_ACCOUNT", "of another cloud")
    asked = project.folder / "asked"
    settings = json.loads((project.folder / "cdk.json").read_text())
    settings["app"] = f"env > {asked} && python app.py"
    (project.folder / "cdk.json").write_text(json.dumps(settings))
    assert project.heavylift("diff").code == 0
    assert f"\nHEAVYLIFT_ACCOUNT={project.cloud.account_id}\n" in asked.read_text()
    assert "\nHEAVYLIFT_LOCAL_BUILD=true\n" in asked.read_text()


def test_a_build_runs_the_app_with_its_choices_and_asks_no_cloud(project: Project) -> None:
    asked = project.folder / "asked"
    settings = json.loads((project.folder / "cdk.json").read_text())
    settings["app"] = f"env > {asked} && python app.py"
    (project.folder / "cdk.json").write_text(json.dumps(settings))
    project.cloud = SimpleNamespace(data=project.folder / "no-cloud")

    def context(*words: str) -> dict[str, str]:
        built = project.heavylift("build", *words)
        assert (built.code, built.out) == (0, f"everything is built: {project.stack}\n"), built.error
        variables = dict(line.split("=", 1) for line in asked.read_text().splitlines() if "=" in line)
        assert ("HEAVYLIFT_LOCAL_BUILD" in variables) is ("--cloud" not in words)
        given: dict[str, str] = json.loads(variables["CDK_CONTEXT_JSON"])
        return {name: value for name, value in given.items() if ":" in name}

    assert context() == context("--cloud", "cn-hangzhou") == {}
    assert context("--python", "3.12", "--no-prune") == {
        "heavylift:python": "3.12",
        "heavylift:prune": "false",
        "heavylift:deploys": "false",
    }
    assert not (project.folder / "no-cloud").exists()
    assert not (project.folder / "cdk.out").exists()


def test_an_unknown_type_rolls_back_and_destroy_leaves_nothing(project: Project) -> None:
    failed = project.heavylift("deploy", "-c", "broken=type")
    assert failed.code == 1
    assert "ALIYUN::ECS::Instance" in failed.last
    assert not project.exists(project.bucket)
    project.heavylift("destroy")
    assert not project.exists(project.assets)
    assert project.stack not in project.heavylift("status").out


def test_a_template_that_is_refused_leaves_nothing(project: Project) -> None:
    failed = project.heavylift("deploy", "-c", "broken=cycle")
    assert failed.code == 1
    assert failed.last.startswith("heavylift: ROS refused CreateStack: ")
    assert not project.exists(project.assets)


@pytest.mark.parametrize("command", ["destroy", "outputs", "events", "logs", "invoke", "status"])
def test_an_unknown_stack_is_an_error(project: Project, command: str) -> None:
    said = project.heavylift(command, "nobody")
    assert said.code == 1
    assert said.last.startswith("heavylift: there is no stack 'nobody' in ")


def test_a_stack_that_the_app_does_not_have(project: Project) -> None:
    for command in ("deploy", "diff"):
        said = project.heavylift(command, "nobody")
        assert (said.code, said.last) == (
            1,
            f"heavylift: the app has no stack 'nobody'; its stacks: {project.stack}",
        )


def test_an_unknown_output_or_function_names_those_there_are(project: Project) -> None:
    project.heavylift("deploy")
    assert "its outputs: BucketName, Arn" in project.heavylift("outputs", "--key", "Nope").last
    assert "say --function Function" in project.heavylift("invoke", "--function", "Nope").last
    project.heavylift("destroy")


def test_an_app_that_fails_is_never_taken_for_its_last_success(project: Project) -> None:
    assert project.heavylift("diff").code == 0
    failed = project.heavylift("diff", "-c", "broken=app")
    assert failed.code == 1
    assert failed.error.splitlines() == [
        "the app says why",
        "heavylift: the app failed (`python app.py`, exit code 1); its message is above",
    ]
    assert "must end with `app.synth()`" in project.heavylift("diff", "-c", "broken=silent").last


def test_a_folder_that_cannot_be_used_is_named(project: Project) -> None:
    (project.folder / "cdk.out").write_text("a file")
    failed = project.heavylift("diff")
    assert (failed.code, failed.last) == (1, f"heavylift: {project.folder}/cdk.out/manifest.json: Not a directory")


def test_the_asset_bucket_of_a_stack_that_ros_cdk_deployed_is_named(project: Project) -> None:
    assert project.heavylift("deploy").code == 0
    ros = Client(project.cloud.config("ros"))
    listed = models.ListStacksRequest(region_id=project.cloud.region, stack_name=[project.stack])
    (stack,) = ros.list_stacks(listed).body.stacks
    text = ros.get_template(models.GetTemplateRequest(stack_id=stack.stack_id)).body.template_body
    tags = [models.UpdateStackRequestTags(key="by", value="ros-cdk")]  # which does not tell its bucket
    ros.update_stack(models.UpdateStackRequest(stack_id=stack.stack_id, template_body=text, tags=tags))
    wait_for(lambda: project.heavylift("status").out.count("UPDATE_COMPLETE") == 1)
    destroyed = project.heavylift("destroy")
    assert f"the asset bucket {project.assets} stays: heavylift did not make it" in destroyed.out
    assert project.exists(project.assets)


def test_an_asset_bucket_stays_while_another_stack_uses_it(make_project: Callable[..., Project]) -> None:
    one = make_project()
    two = make_project(qualifier=one.stack)
    for each in (one, two):
        assert each.heavylift("deploy").code == 0
    assert f"kept the asset bucket {one.assets}: another stack uses it\n" in one.heavylift("destroy").out
    assert one.exists(one.assets)
    assert two.heavylift("invoke").out == "blue\n"
    assert f"removed the asset bucket {one.assets}\n" in two.heavylift("destroy").out
    assert not one.exists(one.assets)


def test_an_asset_bucket_goes_when_the_app_has_named_another_one(project: Project) -> None:
    names = [project.assets.replace(project.stack, project.stack + end) for end in ("", "x", "y")]
    assert project.heavylift("deploy").code == 0
    again = project.heavylift("deploy", "-c", f"qualifier={project.stack}x", "-c", "colour=red")
    assert (again.code, f"removed the asset bucket {names[0]}\n" in again.out) == (0, True)
    assert [project.exists(name) for name in names] == [False, True, False]
    assert project.heavylift("invoke").out == "red\n"
    failed = project.heavylift("deploy", "-c", f"qualifier={project.stack}y", "-c", "broken=type")
    assert failed.code == 1
    assert project.heavylift("destroy").code == 0
    assert [project.exists(name) for name in names] == [False, False, False]


def test_a_bucket_that_somebody_else_made_is_never_emptied(project: Project) -> None:
    own = project.cloud.bucket(project.assets)
    own.create_bucket()
    own.put_object("precious", b"mine")
    assert project.heavylift("deploy").code == 0
    assert project.heavylift("destroy").code == 0
    assert own.get_object("precious").read() == b"mine"


def make_build(dist: Path, size: int = 20_000_000) -> dict[str, bytes]:
    """Write a build of two archives, one of several parts; return the objects that it becomes."""
    noise = random.Random(5).randbytes(size)
    applib, model = (pack({"heavy.so": noise}), pack({"model.bin": b"weights"}))
    archives = [
        make_archive(dist, part, each.data, digest=each.digest) for part, each in (("applib", applib), ("model", model))
    ]
    build = Build(target=TARGET, applib=make_applib(archives[0]), model=archives[1], code=make_code(dist))
    write_manifest(build, dist)
    return {archive.key: archive.path.read_bytes() for archive in archives}


def test_push(project: Project) -> None:
    dist = project.folder / "dist"
    objects = make_build(dist)
    name = f"{project.stack}-artifacts"
    first = project.heavylift("push", "--bucket", name, "--dist", str(dist))
    assert first.code == 0, first.error
    assert first.out.count("uploaded: ") == 2
    bucket = project.cloud.bucket(name)
    for key, content in objects.items():
        assert bucket.get_object(key).read() == content
    assert project.heavylift("push", "--bucket", name, "--dist", str(dist)).out.count("already there: ") == 2
    missing = project.heavylift("push", "--bucket", name, "--dist", str(dist / "no"))
    assert (missing.code, "run `heavylift build`" in missing.last) == (1, True)
    misnamed = project.heavylift("push", "--bucket", "Mine", "--dist", str(dist))
    assert misnamed.last.startswith("heavylift: --bucket 'Mine' is no name of a bucket; say 3 to 63 small letters")


INTERRUPTED = """
import itertools, os, signal, sys
import oss2
from heavylift.cli.main import main

send, count = oss2.Bucket.upload_part, itertools.count(1)

def upload_part(*arguments, **options):
    sent = send(*arguments, **options)
    if next(count) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return sent

oss2.Bucket.upload_part = upload_part
main(sys.argv[1:])
"""


def test_an_interrupted_push_goes_on_where_it_stopped(project: Project) -> None:
    dist = project.folder / "dist"
    objects = make_build(dist, size=64_000_000)
    bucket = project.cloud.bucket(f"{project.stack}-artifacts")
    words = ["push", "--bucket", bucket.bucket_name, "--dist", str(dist)]
    common = ["--data", str(project.cloud.data), "--project", str(project.folder)]
    killed = subprocess.run([sys.executable, "-c", INTERRUPTED, *words, *common], check=False)
    assert killed.returncode == -signal.SIGKILL
    (begun,) = oss2.MultipartUploadIterator(bucket)
    parts = list(oss2.PartIterator(bucket, begun.key, begun.upload_id))
    assert 2 <= len(parts) < 8
    assert project.heavylift(*words).code == 0
    assert list(oss2.MultipartUploadIterator(bucket)) == []  # it was completed: a new one would have left it behind
    assert bucket.get_object(begun.key).read() == objects[begun.key]


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def elsewhere(path: Path) -> None:
    other = path.parents[2] / path.name
    path.rename(other)
    path.symlink_to(other)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (change, "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, the manifest says"),
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), "is no archive of this build"),
        (elsewhere, "lies outside of"),
    ],
    ids=["one bit", "cut", "missing", "something else", "a link"],
)
def test_push_sends_nothing_when_a_file_differs_from_the_manifest(
    project: Project, spoil: Callable[[Path], object], said: str
) -> None:
    dist = project.folder / "dist"
    make_build(dist)
    path = dist / json.loads((dist / "manifest.json").read_text())["applib"]["path"]
    spoil(path)
    refused = project.heavylift("push", "--bucket", project.bucket, "--dist", str(dist))
    assert (refused.code, said in refused.last, str(path.name) in refused.last) == (1, True, True), refused.last
    assert not project.exists(project.bucket)


@pytest.mark.parametrize("path", ["../secret.zip", "applib/../../secret.zip", "{folder}/secret.zip", "\0", ""])
def test_push_sends_no_file_outside_of_the_build(project: Project, path: str) -> None:
    dist = project.folder / "dist"
    make_build(dist)
    (project.folder / "secret.zip").write_bytes(b"secret")
    manifest = json.loads((dist / "manifest.json").read_text())
    manifest["model"] |= {
        "path": path.format(folder=project.folder),
        "key": "model/secret.zip",
        "digest": "secret",
        "packed": 6,
    }
    (dist / "manifest.json").write_text(json.dumps(manifest))
    refused = project.heavylift("push", "--bucket", project.bucket, "--dist", str(dist))
    assert refused.code == 1
    assert refused.error.startswith("heavylift: ")
    assert not project.exists(project.bucket)


def test_push_sends_an_archive_under_its_own_digest_only(project: Project) -> None:
    dist = project.folder / "dist"
    make_build(dist)
    manifest = json.loads((dist / "manifest.json").read_text())
    other = "0" * 64
    (dist / manifest["model"]["path"]).rename(dist / f"model/{other}.zip")
    manifest["model"] |= dict.fromkeys(("path", "key"), f"model/{other}.zip") | {"digest": other}
    (dist / "manifest.json").write_text(json.dumps(manifest))
    refused = project.heavylift("push", "--bucket", project.bucket, "--dist", str(dist))
    assert (refused.code, f"the manifest says {other}" in refused.last) == (1, True)
    assert not project.exists(project.bucket)


def test_a_profile_needs_a_region(project: Project) -> None:
    assert project.heavylift("status", "--profile", "default").last == (
        "heavylift: --profile names an account of Alibaba Cloud: say --cloud REGION as well"
    )
