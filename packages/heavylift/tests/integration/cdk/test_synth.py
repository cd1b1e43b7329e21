"""The templates that the app synthesizes, through the real CDK."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.builds import CODE, write_build

pytestmark = pytest.mark.node
Synth = Callable[..., Any]  # of conftest.py
TEMPLATE_LIMIT = 524_288  # bytes


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory, synth: Synth) -> Any:
    """The assembly of the project without any settings of its own."""
    folder = tmp_path_factory.mktemp("plain")
    write_build(folder / "dist", code=CODE)
    return synth(folder)


def test_two_synths_are_byte_for_byte_the_same_in_any_folder(project: Path, synth: Synth, tmp_path: Path) -> None:
    elsewhere = tmp_path / "another" / "machine"
    shutil.copytree(project / "dist", elsewhere / "dist")
    # what ros-cdk leaves behind after a deploy
    (elsewhere / "stack.info.json").write_text(
        '{"heavylift": {"assetAssociatedBucketName": "cdk-other-assets-cn-beijing"}}'
    )
    first, second = synth(project).files, synth(elsewhere, out="out").files
    assert first == second
    assert len(first["heavylift.template.json"]) < TEMPLATE_LIMIT
    assert not [name for name, content in first.items() if str(tmp_path).encode() in content]


def test_the_archives_get_the_keys_of_the_manifest(assembly: Any) -> None:
    (function,) = assembly.resources("FC::Function").keys() - {"FCFunctionForArchives"}
    environment = assembly.resources("FC::Function")[function]["EnvironmentVariables"]
    sources = assembly.resources("ROS::CustomResource")["Archives"]["Parameters"]["sources"]
    assert [source["fileName"] for source in sources] == [environment["AppLibObject"], environment["ModelObject"]]
    assert environment["AppLibObject"].startswith("applib/")
    assert assembly.resources("ROS::CustomResource")["Superseded"]["Parameters"]["keep"] == [
        environment["AppLibObject"],
        environment["ModelObject"],
    ]


def test_the_function_waits_for_its_archives_and_old_ones_go_last(assembly: Any) -> None:
    resources = assembly.template["Resources"]
    assert resources["Function"]["DependsOn"] == ["Archives"]
    assert resources["Superseded"]["DependsOn"] == ["Function"]


def test_the_bucket_is_private_enciphered_and_removed_with_the_stack(assembly: Any) -> None:
    (bucket,) = assembly.resources("OSS::Bucket").values()
    assert bucket["AccessControl"] == "private"
    assert bucket["BlockPublicAccess"] is True
    assert bucket["ServerSideEncryptionConfiguration"] == {"SSEAlgorithm": "AES256"}
    assert bucket["DeletionForce"] is True
    (rule,) = bucket["LifecycleConfiguration"]["Rule"]
    assert (rule["Status"], rule["AbortMultipartUpload"]) == ("Enabled", {"Days": 1})


def test_a_bucket_can_be_retained_and_named(project: Path, synth: Synth) -> None:
    resources = synth(project, retainBucket=True, bucketName="my-bucket").template["Resources"]
    assert resources["Bucket"]["DeletionPolicy"] == "Retain"
    assert resources["Bucket"]["Properties"]["BucketName"] == "my-bucket"
    assert resources["Bucket"]["Properties"]["DeletionForce"] is False
    assert resources["Function"]["Properties"]["EnvironmentVariables"]["Bucket"] == "my-bucket"


def test_no_role_may_do_more_than_it_must(project: Path, synth: Synth) -> None:
    roles = synth(project, bucketName="own", artifactsBucket="art", logs=True).resources("RAM::Role")
    allowed: dict[str, Any] = {}
    for name, role in roles.items():
        assert "PolicyAttachments" not in role
        (policy,) = role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in statement["Action"]:
                allowed.setdefault(name, {}).setdefault(action, []).extend(statement["Resource"])
    own = "acs:oss:*:*:own"
    assert allowed["FunctionRole"].keys() == {"oss:GetObject", "oss:PutObject", "log:PostLogStoreLogs"}
    assert allowed["FunctionRole"]["oss:GetObject"] == [
        f"{own}/{prefix}*" for prefix in ("applib/", "model/", "incoming/", "rotated/", "picture")
    ]
    assert allowed["FunctionRole"]["oss:PutObject"] == [f"{own}/rotated/*", f"{own}/picture*"]
    archives = [f"{own}/applib/*", f"{own}/model/*"]
    assert allowed["DeploymentRole"] == {
        "oss:GetObject": ["acs:oss:*:*:art/*", *archives],
        "oss:PutObject": archives,
        "oss:DeleteObject": archives,
        "oss:AbortMultipartUpload": archives,
        "oss:ListObjects": [own],
    }
    assert allowed["TriggerRole"].keys() == {"fc:InvokeFunction"}
    services = {
        name: role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] for name, role in roles.items()
    }
    assert services == {
        "FunctionRole": ["fc.aliyuncs.com"],
        "DeploymentRole": ["fc.aliyuncs.com"],
        "TriggerRole": ["oss.aliyuncs.com"],
    }


def test_both_generations_get_the_same_settings(project: Path, synth: Synth) -> None:
    settings = {
        "memory": 1024,
        "cpu": 0.5,
        "disk": 512,
        "timeout": 7,
        "initializationTimeout": 9,
        "minimumInstances": 2,
    }
    old = synth(project, out="2", **settings)
    new = synth(project, out="3", generation="3.0", **settings)
    function2 = old.resources("FC::Function")["Function"]
    function3 = new.resources("FC3::Function")["Function"]
    assert function3["InstanceLifecycleConfig"] == {"Initializer": {"Handler": "loader.initializer", "Timeout": 9}}
    assert (function2["Initializer"], function2["InitializationTimeout"]) == ("loader.initializer", 9)
    for name in ("MemorySize", "Cpu", "DiskSize", "Timeout", "Runtime", "Handler", "EnvironmentVariables", "Code"):
        assert function2[name] == function3[name], name
    kept = {"FunctionName": {"Fn::GetAtt": ["Function", "FunctionName"]}, "Qualifier": "LATEST"}
    service = {"ServiceName": {"Fn::GetAtt": ["Function", "ServiceName"]}}
    assert old.resources("FC::ProvisionConfig") == {"MinimumInstances": {**kept, **service, "Target": 2}}
    assert new.resources("FC3::ProvisionConfig") == {"MinimumInstances": {**kept, "DefaultTarget": 2}}
    assert "Service" in old.template["Resources"]
    assert "Service" not in new.template["Resources"]
    assert set(new.resources("FC3::Trigger")) == set(old.resources("FC::Trigger")) == {"Trigger"}


def test_what_is_switched_off_is_not_there(project: Path, synth: Synth) -> None:
    resources = synth(project, trigger=False).template["Resources"]
    kinds = {each["Type"] for each in resources.values()}
    assert not [kind for kind in kinds if kind.endswith("Trigger") or kind.startswith("ALIYUN::SLS")]
    assert {"TriggerRole", "MinimumInstances"}.isdisjoint(resources)


def test_archives_of_an_artifacts_bucket_are_not_uploaded(project: Path, synth: Synth) -> None:
    assembly = synth(project, artifactsBucket="art")
    sources = assembly.resources("ROS::CustomResource")["Archives"]["Parameters"]["sources"]
    assert {source["bucket"] for source in sources} == {"art"}
    assert b"archive" not in assembly.files.values()


def test_a_changed_function_changes_its_code_alone(
    assembly: Any, project: Path, synth: Synth, rebuild: Callable[..., None]
) -> None:
    before = assembly.template["Resources"]
    rebuild(code="# changed")
    after = synth(project, out="after").template["Resources"]
    assert [name for name in before if before[name] != after[name]] == ["Function"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"memory": 1}, "infra: memory: 1 is not allowed; set 128 to 32768"),
        ({"runtime": "python3.12"}, "infra: runtime: python3.12 is Python 3.12"),
        ({"dist": "nowhere"}, "infra: nowhere/manifest.json does not exist: run `heavylift build` first"),
    ],
)
def test_an_error_is_a_sentence_and_writes_no_assembly(
    project: Path, run_app: Callable[..., Any], settings: Any, said: str
) -> None:
    done = run_app(project, "cdk.out", settings)
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr
    assert not list(project.glob("cdk.out/*"))


def test_libraries_that_nobody_imported_are_refused_and_the_embedded_cloud_warns(
    project: Path, run_app: Callable[..., Any], rebuild: Callable[..., None]
) -> None:
    rebuild(imported=False)
    refused = run_app(project, "cdk.out", {})
    assert refused.returncode == 1
    assert "no Python 3.10 has imported these libraries" in refused.stderr
    warned = run_app(project, "cdk.out", {"localBuild": True})
    assert (warned.returncode, "WARNING: no Python 3.10 has imported" in warned.stderr) == (0, True)


def test_without_node_a_sentence_says_so(project: Path, run_app: Callable[..., Any], tmp_path: Path) -> None:
    done = run_app(project, "cdk.out", {}, path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("infra: there is no Node.js on PATH")
    assert "pip install 'heavylift[node]'" in done.stderr
