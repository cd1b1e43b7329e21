"""`HeavyFunction` in apps of users: what stands in the template, and what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heavylift.clouds.node import with_node
from tests.support.builds import CODE, write_build

pytestmark = pytest.mark.node
ACCOUNT = "1234567890123456"
APP = """
from ros_cdk_core import Stack
from ros_cdk_oss import Bucket, BucketProps

from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack

SMALL = {"dist": "dist", "memory": 512, "cpu": 0.5, "disk": 512}

with HeavyApp() as app:
    stack = HeavyStack(app, "mine")
"""


def app_environment(out: str, **context: Any) -> dict[str, str]:
    settings = json.dumps({"account": ACCOUNT, **context})
    return {**with_node(os.environ), "CDK_OUTDIR": out, "CDK_CONTEXT_JSON": settings}


def run_app(folder: Path, body: str, out: str = "cdk.out", **context: Any) -> subprocess.CompletedProcess[str]:
    """Run an app that begins like `APP` and goes on like its body, on the build in a folder."""
    (folder / "app.py").write_text(APP + textwrap.indent(textwrap.dedent(body), "    "))
    command, environment = [sys.executable, "app.py"], app_environment(out, **context)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def synthesize(folder: Path, body: str, out: str = "cdk.out") -> dict[str, Any]:
    """Return the resources that an app's stack has."""
    done = run_app(folder, body, out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found: dict[str, Any] = json.loads((folder / out / "mine.template.json").read_text())["Resources"]
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a build, which no test changes."""
    folder = tmp_path_factory.mktemp("built")
    write_build(folder / "dist", code=CODE)
    return folder


@pytest.fixture(scope="module")
def two(built: Path) -> dict[str, Any]:
    """The resources of two functions."""
    return synthesize(built, TWO, "first")


def statements(role: dict[str, Any]) -> list[tuple[list[str], list[Any]]]:
    (policy,) = role["Properties"]["Policies"]
    return [(each["Action"], each["Resource"]) for each in policy["PolicyDocument"]["Statement"]]


TWO = """
one = HeavyFunction(stack, "One", **SMALL)
other = HeavyFunction(stack, "Other", generation="3.0", logs=True, environment={"DATA": one.bucket.attr_name}, **SMALL)
one.grant("oss:ListObjects", "acs:oss:*:*:elsewhere")
one.add_environment("COLOUR", "red")
one.add_environment("ROLE", other.role.attr_arn)
one.on_object_created("in/")
one.on_object_created("more/")
other.http(methods=["GET"])
other.every("@every 5m", payload="tick")
other.every("0 0 4 * * *", name="at-night")
"""


def test_functions_of_a_stack_share_bucket_and_deployment_and_nothing_else(two: dict[str, Any]) -> None:
    kinds = [each["Type"].removeprefix("ALIYUN::") for each in two.values()]
    assert kinds.count("OSS::Bucket") == kinds.count("FC::Function") - 1 == 1
    assert kinds.count("ROS::CustomResource") == 2
    assert two["One"]["DependsOn"] == ["Archives"]
    assert two["Superseded"]["DependsOn"] == ["One", "Other"]
    assert len(two["Archives"]["Properties"]["Parameters"]["sources"]) == 2  # each archive once
    names = [two[name]["Properties"]["FunctionName"] for name in ("One", "Other")]
    assert names == ["mine-one", "mine-other"]
    assert {name for name in two if name.startswith("Other")} == {
        *("Other", "OtherRole", "OtherProject", "OtherLogstore", "OtherIndex"),
        *("OtherHttpTrigger", "OtherTimerTrigger", "OtherAtNightTrigger"),
    }


def test_what_is_granted_and_set_is_the_functions_own(two: dict[str, Any]) -> None:
    assert statements(two["OneRole"])[1:] == [(["oss:ListObjects"], ["acs:oss:*:*:elsewhere"])]
    assert len(statements(two["OtherRole"])) == 2  # its archives and its log store
    assert "elsewhere" not in json.dumps([two["OtherRole"], two["DeploymentRole"], two["OneTriggerRole"]])
    assert two["One"]["Properties"]["EnvironmentVariables"]["COLOUR"] == "red"
    assert two["One"]["Properties"]["EnvironmentVariables"]["ROLE"] == {"Fn::GetAtt": ["OtherRole", "Arn"]}
    assert two["Other"]["Properties"]["EnvironmentVariables"]["DATA"] == {"Fn::GetAtt": ["Bucket", "Name"]}
    assert "COLOUR" not in two["Other"]["Properties"]["EnvironmentVariables"]


def test_an_attribute_of_a_resource_stands_in_texts_and_rights(built: Path) -> None:
    found = synthesize(
        built,
        """
        notes = Bucket(stack, "Notes", BucketProps(bucket_name="my-notes"))
        one = HeavyFunction(stack, "One", environment={"PLACE": f"{notes.attr_name}/in"}, **SMALL)
        one.add_environment("ELSEWHERE", f"{notes.attr_name}/out")
        one.grant("oss:ListObjects", f"acs:oss:*:*:{notes.attr_name}")
        one.grant("oss:GetObject", [notes.attr_arn])
        """,
        "attributes",
    )
    name = {"Fn::GetAtt": ["Notes", "Name"]}
    variables = found["One"]["Properties"]["EnvironmentVariables"]
    assert variables["PLACE"] == {"Fn::Join": ["", [name, "/in"]]}
    assert variables["ELSEWHERE"] == {"Fn::Join": ["", [name, "/out"]]}
    _, *granted = statements(found["OneRole"])
    assert granted == [
        (["oss:ListObjects"], [{"Fn::Join": ["", ["acs:oss:*:*:", name]]}]),
        (["oss:GetObject"], [{"Fn::GetAtt": ["Notes", "Arn"]}]),
    ]


NESTED = """
class Pair(Construct):
    def __init__(self, scope, id):
        super().__init__(scope, id)
        HeavyFunction(self, "Fn", **SMALL)
"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            NESTED + 'Pair(stack, "A"); Pair(stack, "B")',
            "app: B/Fn: id: Fn is that of A/Fn as well; set another id",
        ),
        (
            'HeavyFunction(stack, "One", **SMALL); HeavyFunction(stack, "one", **SMALL)',
            "app: one: name: mine-one is that of One as well; set another name",
        ),
        (
            'Bucket(stack, "OneRole", BucketProps(bucket_name="my-notes")); HeavyFunction(stack, "One", **SMALL)',
            "app: OneRole: there are two of this id among the Resources of a stack",
        ),
        (
            'HeavyFunction(stack, "One", **SMALL); HeavyFunction(HeavyStack(app, "mine"), "Two", **SMALL)',
            "app: HeavyStack: there is a construct mine in the app already; give this stack a name of its own",
        ),
        (
            'HeavyFunction(stack, "One", **SMALL); HeavyFunction(HeavyStack(app, "other"), "One", cpu=99, **SMALL)',
            "app: other/One: cpu: 99 is not allowed",
        ),
    ],
)
def test_what_stands_twice_in_a_stack_is_told_with_its_place(built: Path, body: str, words: str) -> None:
    done = run_app(
        built, "from ros_cdk_core import Construct\n" + body.replace("cpu=99, **SMALL", 'cpu=99, dist="dist"')
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(words)
    assert "Traceback" not in done.stderr


def test_triggers_have_names_and_ids_of_their_own(two: dict[str, Any]) -> None:
    triggers = {name: each["Properties"] for name, each in two.items() if each["Type"].endswith("Trigger")}
    assert {name: (each["TriggerName"], each["TriggerType"]) for name, each in triggers.items()} == {
        "OneTrigger": ("on-in", "oss"),
        "OneOnMoreTrigger": ("on-more", "oss"),
        "OtherHttpTrigger": ("http", "http"),
        "OtherTimerTrigger": ("timer", "timer"),
        "OtherAtNightTrigger": ("at-night", "timer"),
    }
    assert triggers["OtherHttpTrigger"]["TriggerConfig"]["authType"] == "function"  # nobody else, unless that is said
    assert triggers["OtherTimerTrigger"]["TriggerConfig"] == {
        "cronExpression": "@every 5m",
        "payload": "tick",
        "enable": True,
    }


def test_settings_give_what_an_app_leaves_at_its_default_and_do_not_contradict_it(built: Path) -> None:
    body = 'HeavyFunction(stack, "One", **SMALL)'
    context = {"loadMode": "working-set", "timeout": "77", "memory": "512", "environment": "prod", "dsk": "10240"}
    done = run_app(built, body, "settings", **context)
    assert done.returncode == 0, done.stderr
    assert "app: dsk: no setting has this name, did you mean disk?" in done.stderr
    resources = json.loads((built / "settings" / "mine.template.json").read_text())["Resources"]
    one = resources["One"]["Properties"]
    assert (one["Timeout"], one["MemorySize"]) == (77, 512)
    assert one["EnvironmentVariables"]["LoadMode"] == "working-set"
    refused = run_app(built, body, "settings", memory="1024", cpu="one", runtime="python3.12")
    assert refused.stderr.splitlines() == [
        "app: One: memory: '1024' in the settings, but the app says memory=512: change it there",
        "One: cpu: 'one' is not a number; set 0.05 to 16 (in steps of 0.05) vCPU",
    ]


def test_two_synths_of_functions_are_byte_for_byte_the_same(two: dict[str, Any], built: Path) -> None:
    assert synthesize(built, TWO, "second") == two
    first, second = (
        {path.relative_to(built / out): path.read_bytes() for path in (built / out).rglob("*") if path.is_file()}
        for out in ("first", "second")
    )
    assert first == second


def test_each_bucket_gets_the_archives_of_its_functions(built: Path) -> None:
    found = synthesize(
        built,
        """
        data = Bucket(stack, "Data", BucketProps(bucket_name="data-of-mine"))
        HeavyFunction(stack, "One", **SMALL)
        HeavyFunction(stack, "Other", bucket=data, **SMALL)
        """,
    )
    for name, bucket, function in (("", "Bucket", "One"), ("Data", "Data", "Other")):
        parameters = found[f"{name}Archives"]["Properties"]["Parameters"]
        assert parameters["destinationBucket"] == {"Fn::GetAtt": [bucket, "Name"]}
        assert len(parameters["sources"]) == 2
        assert found[function]["DependsOn"] == [f"{name}Archives"]
        assert found[f"{name}Superseded"]["DependsOn"] == [function]
    assert found["Other"]["Properties"]["EnvironmentVariables"]["Bucket"] == "data-of-mine"
    assert statements(found["OtherRole"]) == [
        (["oss:GetObject"], ["acs:oss:*:*:data-of-mine/applib/*", "acs:oss:*:*:data-of-mine/model/*"])
    ]
    token = found["Archives"]["Properties"]["ServiceToken"]
    assert found["DataArchives"]["Properties"]["ServiceToken"] == token  # one handler for all


def test_an_ordinary_stack_of_the_cdk_takes_functions_as_well(built: Path) -> None:
    done = run_app(built, 'HeavyFunction(Stack(app, "plain"), "Function", **SMALL)')
    assert done.returncode == 0, done.stderr
    template = json.loads((built / "cdk.out" / "plain.template.json").read_text())
    assert template["Resources"]["Function"]["Properties"]["FunctionName"] == "plain"
    assert list(template["Outputs"]) == ["FunctionArn"]


WRONG = [
    (
        'HeavyFunction(stack, "One", memory=3000, initialization_timeout=301)',
        "app: One: memory: 3000 is not allowed; set 128 to 32768 (in steps of 64) MB\n"
        "One: initialization_timeout: 301 is not allowed; set 1 to 300 seconds\n",
    ),
    ('HeavyFunction(stack, "One", memory=8192, cpu=1)', "app: One: cpu: 1 vCPU with memory: 8192 MB; a vCPU goes"),
    ('HeavyFunction(stack, "my-one", **SMALL)', "app: my-one: id: 'my-one' is not allowed; set letters and digits"),
    (
        'HeavyFunction(stack, "One", name="One", **SMALL)',
        "app: One: name: 'One' is not allowed; set 3 to 38 small letters, digits and hyphens",
    ),
    ('HeavyFunction(stack, "One", dist="nowhere")', "app: One: nowhere/manifest.json does not exist"),
    (
        'HeavyFunction(stack, "One", code="nowhere", model="m.py")',
        "app: One: code: there is no folder nowhere; name the one with your function\n"
        "One: requirements: there is no file layers_build/applib.txt; write one requirement a line into it, or name another file\n"
        "One: model: there is no file m.py; name one with",
    ),
    (
        'HeavyFunction(stack, "One", write_prefixes=["in/"], **SMALL).on_object_created("in/")',
        "app: One: write_prefixes: 'in/' overlaps on_object_created: 'in/', so what the function writes would start it",
    ),
    (
        'HeavyFunction(stack, "One", **SMALL).add_environment("Bucket", "x")',
        "app: One: environment: Bucket is set by the stack itself",
    ),
    (
        'HeavyFunction(stack, "One", **SMALL).add_environment("FC_X", "x")',
        "app: One: environment: holds the name 'FC_X'",
    ),
    (
        'HeavyFunction(stack, "One", minimum_instances=1, initializer=False, **SMALL)',
        "app: One: minimum_instances: 1 without initializer;",
    ),
    ('HeavyFunction(stack, "One", **SMALL).http()', "app: One: http: functions of Function Compute 2.0 get requests"),
    (
        'HeavyFunction(stack, "One", generation="3.0", **SMALL).http(authentication="none")',
        "app: One: http: authentication: 'none' is not allowed; set function or anonymous",
    ),
    (
        'HeavyFunction(stack, "One", **SMALL).every("5m")',
        "app: One: every: '5m' is not allowed; set `@every 5m`, or six",
    ),
    (
        'HeavyFunction(stack, "One", memroy=512, cpu=0.5)',
        "app: One: memroy: there is no such argument; did you mean memory?\n",
    ),
    (
        'HeavyFunction(stack, "One", memroy=500)',
        "app: One: memory: 500 is not allowed; set 128 to 32768 (in steps of 64) MB\n"
        "One: memroy: there is no such argument; did you mean memory?\n",
    ),
    (
        'HeavyFunction(stack, "One", "code", **SMALL)',
        "app: One: 'code' is one argument too many: name the one that it is, of name, code, requirements,",
    ),
    ('HeavyFunction(app, "One", **SMALL)', "app: HeavyFunction: scope: <heavylift.cdk.stack.HeavyApp object at"),
    ('HeavyFunction("stack", "One", **SMALL)', "app: HeavyFunction: scope: 'stack' is no stack, nor in one; make one"),
    ("HeavyFunction(stack)", "app: HeavyFunction: the argument id is missing, of (scope, id, name, code,"),
    ("HeavyFunction(stack, 5, **SMALL)", "app: 5: id: 5 is not allowed; set letters and digits"),
    (
        'HeavyFunction(stack, "One", **SMALL); HeavyFunction(stack, "One", **SMALL)',
        "app: One: id: there is a construct One in mine already; set another id\n",
    ),
    (
        'HeavyFunction(stack, "One", bucket="data", **SMALL)',
        "app: One: bucket: 'data' is no bucket of the CDK; set one, such as PrivateBucket(stack)\n",
    ),
    (
        'HeavyFunction(stack, "One", read_prefixes="abc", prune_rules="r.toml", lazy_imports="x", **SMALL)',
        "app: One: prune_rules: 'r.toml' is one text, and no list; write ['r.toml']\n"
        "One: lazy_imports: 'x' is one text, and no list; write ['x']\n"
        "One: read_prefixes: 'abc' is one text, and no list; write ['abc']\n",
    ),
    (
        'HeavyFunction(stack, "One", generation="3.0", **SMALL).http(methods="GET", mehtods=[])',
        "app: One: http: methods: 'GET' is not allowed; set a list of some of GET, POST,",
    ),
    (
        'one = HeavyFunction(stack, "One", **SMALL); one.every("@every 5m"); one.every("@every 6m")',
        "app: One: there is a trigger timer already; give this one another name",
    ),
]
ALL = """
import contextlib, io, json, sys
for program in json.load(sys.stdin):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            code = exec(compile(program, "app.py", "exec"), {"__name__": "__main__"})
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def refusals(built: Path) -> dict[str, Any]:
    """Exit code and words of each wrong app; all of them run in one process, for the CDK takes seconds to start."""
    done = subprocess.run(
        [sys.executable, "-c", ALL],
        cwd=built,
        env=app_environment("wrong") | {"NODE_NO_WARNINGS": "1"},  # of so many apps in one process
        input=json.dumps([APP + "    " + body for body, _ in WRONG]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(built.glob("wrong/*.template.json"))  # nothing is synthesized
    lines = map(json.loads, done.stdout.splitlines())
    return dict(zip((body for body, _ in WRONG), lines, strict=True))


@pytest.mark.parametrize(("body", "said"), WRONG)
def test_what_is_wrong_is_said_with_what_to_do_and_nothing_is_synthesized(
    refusals: dict[str, Any], body: str, said: str
) -> None:
    code, words = refusals[body]
    assert code == 1
    assert words.startswith(said), words


def test_all_that_is_wrong_in_all_functions_is_said_at_once_and_before_anything_is_built(tmp_path: Path) -> None:
    (tmp_path / "function").mkdir()
    (tmp_path / "function" / "index.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "applib.txt").write_text("six==1.17.0\n")
    done = run_app(
        tmp_path,
        """
        good = HeavyFunction(stack, "Good", requirements="applib.txt")
        good.every("@every 5s")
        HeavyFunction(stack, "Re_size", requirements="applib.txt", memory=8192, cpu=1)
        missing = {"code": "nowhere", "requirements": "none.txt", "model": "weights", "prune_rules": ["r.toml"]}
        other = HeavyFunction(stack, "Other", **missing)
        other.grant(5, "acs:oss:*:*:b")
        other.add_environment("Bucket", "x", colour="red")
        """,
    )
    assert done.returncode == 1
    assert not (tmp_path / "dist").exists()
    assert done.stderr.splitlines() == [
        "app: Good: every: '@every 5s' is not allowed; set `@every 5m`, or six fields of cron, seconds first, in UTC: "
        "`0 0 4 * * *`",
        "Re_size: id: 'Re_size' is not allowed; set letters and digits, beginning with a letter",
        "Re_size: cpu: 1 vCPU with memory: 8192 MB; a vCPU goes with 1 to 4 GB: set memory from 1024 to 4096, or cpu from 2.00 to "
        "8.00",
        "Other: grant: actions: set a text, or a list of texts",
        "Other: environment: Bucket is set by the stack itself, from its settings and the build; remove it",
        "Other: add_environment: colour: there is no such argument; known are name, value",
        "Other: code: there is no folder nowhere; name the one with your function",
        "Other: requirements: there is no file none.txt; write one requirement a line into it, or name another file",
        "Other: model: there is no folder weights; name that of a model, or a Python file with `export_model`",
        "Other: prune_rules: there is no file r.toml",
    ]


def test_what_is_wrong_is_said_before_the_error_that_ends_the_app(built: Path) -> None:
    done = run_app(built, 'HeavyFunction(stack, "One", memory=1); HeavyFunction("x", "Two")')
    assert done.stderr.splitlines()[0].startswith("app: One: memory: 1 is not allowed")
    assert done.stderr.splitlines()[1].startswith("HeavyFunction: scope: 'x' is no stack")


@pytest.mark.parametrize(
    ("app", "command", "said"),
    [
        (
            "from heavylift.cdk import HeavyFunction\n",
            [sys.executable, "app.py"],
            "InfraError: there is no room in {folder}, or in the cache, for the CDK",
        ),
        (
            "import ros_cdk_oss\n",  # before heavylift has a say
            [sys.executable, "-m", "heavylift", "build"],
            " MB of room, and the CDK needs 64: make some, or name another folder in TMPDIR",
        ),
    ],
)
def test_no_room_for_the_cdk_is_said_in_a_sentence(
    built: Path, tmp_path: Path, app: str, command: list[str], said: str
) -> None:
    script = 'mount -t tmpfs -o size=8m tmpfs "$TMPDIR" && exec "$@"'
    enclosed = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *command]
    (built / "app.py").write_text(app)
    (built / "cdk.json").write_text('{"app": "python app.py"}')
    environment = {**app_environment("cdk.out"), "TMPDIR": str(tmp_path)}
    done = subprocess.run(enclosed, cwd=built, env=environment, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip("no namespaces here")
    assert done.returncode == 1
    assert said.format(folder=tmp_path) in done.stderr


def test_no_room_for_a_copy_of_an_asset_is_said_in_a_sentence(built: Path) -> None:
    script = 'mkdir -p small && mount -t tmpfs -o size=8k tmpfs small && exec "$@"'
    enclosed = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", sys.executable, "app.py"]
    (built / "app.py").write_text(APP + '    HeavyFunction(stack, "One", **SMALL)\n')
    environment = app_environment("small/out")
    done = subprocess.run(enclosed, cwd=built, env=environment, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip("no namespaces here")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert re.match(r"app: there is no room for .*/small/out/asset\..*, which the CDK copies of an asset", done.stderr)


def test_an_app_of_the_cdk_alone_builds_when_it_synthesizes(built: Path) -> None:
    for body, code, said in (
        ("**SMALL", 0, ""),
        ("**SMALL, memroy=5", 1, "One: memroy: there is no such argument; did you mean memory?"),
    ):
        (built / "plain.py").write_text(
            "from ros_cdk_core import App, Stack\nfrom heavylift.cdk import HeavyFunction\n"
            + APP.splitlines()[6]
            + f"\napp = App()\nHeavyFunction(Stack(app, 'plain'), 'One', {body})\napp.synth()\n"
        )
        environment = app_environment("plain")
        done = subprocess.run(
            [sys.executable, "plain.py"], cwd=built, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert said in done.stderr
    assert "One" in json.loads((built / "plain" / "plain.template.json").read_text())["Resources"]


def test_a_build_alone_may_be_for_any_python(project: Path, rebuild: Callable[..., None]) -> None:
    rebuild(imported=False)
    body = 'HeavyFunction(stack, "One", **SMALL)'
    assert run_app(project, body).returncode == 1
    assert run_app(project, body, **{"heavylift:deploys": "false"}).returncode == 0


def test_without_an_account_the_stack_needs_a_qualifier(built: Path) -> None:
    assert run_app(built, "", account=None).stderr.startswith(
        "app: account: not set; the asset bucket is named after it"
    )
    assert run_app(built, "", account=None, qualifier="mine1").returncode == 0
