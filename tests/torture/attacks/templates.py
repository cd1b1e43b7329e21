"""Templates that take time, memory or depth, and templates of wrong kinds."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.wire import Answer
from tests.torture.attacks.common import DIGITS, Attack, call
from tests.torture.cloud import Cloud
from tests.torture.control import ROS, Api


def nested(function: Callable[[Any], Any], depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = function(inner)
    return inner


def template(value: Any, **more: Any) -> str:
    outputs = {"Out": {"Value": value}}
    return json.dumps({"ROSTemplateFormatVersion": "2015-09-01", "Outputs": outputs, **more})


def deep_text(head: str, opened: str, closed: str, depth: int) -> str:
    return head + opened * depth + closed * depth


def templates(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield attacks by template."""
    expressions = ["(a+)+b", "(a|a)*b", "(a|aa)+$", "(.*a){25}b", "([a-z]+)*[A-Z]", "(a*)*b", "^(([a-z])+.)+[A-Z]$"]
    subject = "a" * chance.choice([30, 40, 200])
    chosen = chance.choice(expressions)
    yield f"MatchPattern {chosen}", template({"Fn::MatchPattern": [chosen, subject]})
    parameters = {"P": {"Type": "String", "AllowedPattern": chance.choice(expressions), "Default": subject}}
    yield "AllowedPattern", template("x", Parameters=parameters)
    yield (
        "Replace doubled",
        template(nested(lambda each: {"Fn::Replace": [{"a": "aaaaaaaaaa"}, each]}, chance.randrange(8, 30), "aaaa")),
    )
    yield (
        "Sub doubled",
        template(nested(lambda each: {"Fn::Sub": ["${a}" * 10, {"a": each}]}, chance.randrange(7, 20), "aaaa")),
    )
    yield (
        "Join doubled",
        template(nested(lambda each: {"Fn::Join": [each, ["", "", "", "", ""]]}, chance.randrange(12, 20), "aaaa")),
    )
    yield "Base64 nested", template(nested(lambda each: {"Fn::Base64Encode": each}, chance.randrange(60, 100), "aaaa"))
    yield "Split", template({"Fn::Split": ["a", "a" * 500_000]})
    yield "Str and Select", template(nested(lambda each: {"Fn::Select": ["0", [each]]}, 300, "a"))
    depth = chance.choice([200, 1_000, 5_000, 50_000])
    head = '{"ROSTemplateFormatVersion": "2015-09-01", "Outputs": {"O": {"Value": '
    yield f"JSON {depth} lists deep", deep_text(head, "[", "]", depth) + "}}}"
    yield f"JSON {depth} maps deep", head + '{"a":' * depth + "1" + "}" * depth + "}}}"
    yaml = "ROSTemplateFormatVersion: '2015-09-01'\n"
    yield f"YAML {depth} lists deep", f"{yaml}Outputs:\n  O:\n    Value: {deep_text('', '[', ']', depth)}\n"
    yield (
        "YAML aliases",
        yaml + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]\n" for n in range(9)),
    )
    yield "YAML of 510 KB", yaml + "Outputs:\n" + "".join(f"  O{n}:\n    Value: [1, {{a: b}}]\n" for n in range(14_000))
    yield "YAML anchors on itself", f"{yaml}Outputs: &a\n  O: *a\n"
    yield "YAML of an object", f"{yaml}Outputs: !!python/object/apply:os.system ['true']\n"
    yield "YAML numbers", f"{yaml}Outputs:\n  O:\n    Value: {DIGITS}\n"
    yield "YAML sexagesimals", f"{yaml}Outputs:\n  O:\n    Value: {':'.join(['59'] * 20_000)}\n"
    yield "a long number", template("x").replace('"x"', DIGITS)
    for bound in ("inf", "nan", "1e999", "-inf", DIGITS):
        parameters = {"P": {"Type": "String", chance.choice(["MinLength", "MaxLength"]): bound, "Default": "a"}}
        yield f"a length of {bound[:5]}", template("x", Parameters=parameters)
        parameters = {"P": {"Type": "Number", "MinValue": bound, "Default": chance.choice(["1", bound])}}
        yield f"a value of {bound[:5]}", template("x", Parameters=parameters)
    kinds: list[Any] = [
        None,
        True,
        1,
        1.5,
        "x",
        [],
        {},
        [[]],
        {"Ref": "x"},
        {"Ref": ["x"]},
        {"Fn::If": []},
        float("inf"),
    ]
    for name in ("Parameters", "Outputs", "Resources", "Conditions", "Mappings", "Rules", "Metadata"):
        yield f"{name} of another kind", template("x", **{name: chance.choice(kinds)})
        yield f"{name} with an entry of another kind", template("x", **{name: {"A": chance.choice(kinds)}})
    for name in FUNCTIONS:
        yield f"{name} of another kind", template({name: chance.choice([*kinds, [1, 2, 3], ["a", "b"], {"a": "b"}])})
    resource = {"Type": "ALIYUN::OSS::Bucket", "Properties": chance.choice(kinds), "DependsOn": chance.choice(kinds)}
    yield "a resource of other kinds", template("x", Resources={"R": resource})
    chain = {f"R{n}": {"Type": "ALIYUN::OSS::Bucket", "DependsOn": f"R{(n + 1) % 400}"} for n in range(400)}
    yield "a cycle of 400", template("x", Resources=chain)
    conditions = {f"C{n}": {"Fn::And": [f"C{n + 1}", f"C{n + 1}"]} for n in range(40)} | {
        "C40": {"Fn::Equals": ["a", "a"]}
    }
    yield "conditions doubled", template({"Fn::If": ["C0", "a", "b"]}, Conditions=conditions)


FUNCTIONS = """Ref Fn::Add Fn::And Fn::Any Fn::Avg Fn::Base64Decode Fn::Base64Encode Fn::Calculate Fn::Cidr Fn::Contains
    Fn::EachMemberIn Fn::Equals Fn::FindInMap Fn::GetAtt Fn::GetJsonValue Fn::If Fn::Index Fn::Join Fn::Jq Fn::Length Fn::ListMerge
    Fn::MatchPattern Fn::Max Fn::MergeMapToList Fn::Min Fn::Not Fn::Or Fn::Replace Fn::Select Fn::SelectMapList Fn::Split Fn::Str
    Fn::Sub""".split()  # noqa: SIM905 - one a line would fill a page


def by_template(chance: random.Random) -> list[Attack]:
    found = []
    for number, (name, text) in enumerate(templates(chance)):
        if chance.random() < 0.3:
            text = "@Base64Encoded: " + base64.b64encode(text.encode()).decode()
        action = chance.choice(["CreateStack", "CreateStack", "ValidateTemplate", "PreviewStack", "CreateChangeSet"])
        given = {"TemplateBody": text}
        if action != "ValidateTemplate":
            given["StackName"] = f"hostile-{number}-{chance.randrange(10**9)}"
        if action == "CreateChangeSet":
            given |= {"ChangeSetName": "c", "ChangeSetType": "CREATE"}
        found.append(Attack(f"template: {name}", call("ros", action, ROS, **given), True, settles))
    return found


def settles(cloud: Cloud, answer: Answer) -> str | None:
    """A stack that was accepted may fail, but not go on for ever."""
    stack_id = json.loads(answer.body).get("StackId") if answer.status == 200 else None
    if stack_id and Api(cloud).settled(stack_id, 25.0) is None:
        return "a stack that never settles"
    return None
