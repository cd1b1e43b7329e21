"""The declarations of a template's text, and the refusal of a text that is no template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.bounds import MAX_SIZE
from localcloud.ros.template.document import parse_template

YAML = """
ROSTemplateFormatVersion: 2015-09-01
Description: {zh-cn: 桶, en: A bucket}
Parameters:
  Name: {Type: String, Default: pictures, NoEcho: true, MinLength: "3", AllowedPattern: "[a-z]+"}
Mappings:
  Sizes: {small: {32: 1}}
Conditions:
  Wanted: !Equals [!Ref Name, pictures]
Resources:
  Bucket:
    Type: ALIYUN::OSS::Bucket
    Condition: Wanted
    DeletionPolicy: Retain
    DependsOn: Role
    Properties:
      BucketName: !Sub "${Name}-x"
      Created: 2026-01-31
      Joined: !Join ["-", [!Ref Name, !GetAtt Role.RoleName]]
  Role: {Type: ALIYUN::RAM::Role}
Outputs:
  Id: {Value: !GetAtt [Bucket, DomainName], Description: where, Condition: Wanted}
"""


def minimal(**sections: Any) -> dict[str, Any]:
    return {"ROSTemplateFormatVersion": "2015-09-01", **sections}


def refuse(template: object) -> TemplateError:
    """Return the error that a template is refused with; what is not text is written as JSON."""
    with pytest.raises(TemplateError) as refused:
        parse_template(template if isinstance(template, str) else json.dumps(template))
    return refused.value


def test_yaml_with_short_forms_is_read() -> None:
    template = parse_template(YAML)
    assert template.description == "A bucket"
    name = template.parameters["Name"]
    assert (name.type, name.default, name.no_echo, name.min_length) == ("String", "pictures", True, 3)
    assert template.mappings == {"Sizes": {"small": {"32": 1}}}
    assert template.conditions == {"Wanted": {"Fn::Equals": [{"Ref": "Name"}, "pictures"]}}
    bucket = template.resources["Bucket"]
    assert (bucket.type, bucket.condition, bucket.deletion_policy) == ("ALIYUN::OSS::Bucket", "Wanted", "Retain")
    assert bucket.depends_on == ("Role",)
    assert bucket.properties == {
        "BucketName": {"Fn::Sub": "${Name}-x"},
        "Created": "2026-01-31",  # not a date
        "Joined": {"Fn::Join": ["-", [{"Ref": "Name"}, {"Fn::GetAtt": ["Role", "RoleName"]}]]},
    }
    assert template.resources["Role"].deletion_policy == "Delete"
    output = template.outputs["Id"]
    assert (output.value, output.description) == ({"Fn::GetAtt": ["Bucket", "DomainName"]}, "where")


def test_a_template_without_resources_is_one() -> None:
    """The documentation of CreateStack shows it."""
    assert parse_template('{"ROSTemplateFormatVersion":"2015-09-01"}').resources == {}


def test_the_size_limit_counts_bytes() -> None:
    text = json.dumps(minimal(Description="é"), ensure_ascii=False)
    room = MAX_SIZE - len(text.encode())
    assert parse_template(text + " " * room).description == "é"
    assert "524,289 bytes, at most 524,288" in refuse(text + " " * (room + 1)).message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1,}', "not JSON: Expecting property name enclosed in double quotes (line 1, column 9)"),
        ("a: [1\nb: 2", "not YAML: "),
        ("a: 1\n---\nb: 1", "not YAML: "),
        ("? [a]\n: 1", "a key is text, not a list or a mapping (line 1, column 3)"),
        ("a: !!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system is not allowed"),
        ("a: !!binary eA==", "the tag tag:yaml.org,2002:binary is not allowed"),
        ("a: {<<: {b: 1}}", "not implemented: merge keys (<<)"),
        ("a: &a [*a]", "not YAML: "),
        ('{"a": {"b": 1, "b": 2}}', "a: the key b stands there twice"),
        ("a:\n  - {b: 1, b: 2}", "a[0]: the key b stands there twice"),
        ('{"a": [1, NaN]}', "NaN is not a value of JSON"),
        ('{"a": [1, 1e999]}', "a[1]: inf is not a number that a template can hold"),
        ("a: .nan", "a: nan is not a number that a template can hold"),
        ('{"a": "\\ud83d"}', "a: the text holds half a character"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON: "),
        ('{"a": ' + "[" * 101 + "]" * 101 + "}", "nested too deeply: 100 levels are allowed"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ("a: " + "[" * 2_000, "nested too deeply"),
        ("[]", "the template: must be an object, not list"),
        ("", "the template: must be an object, not NoneType"),
    ],
    ids=range(20),
)
def test_a_text_that_is_no_document_is_refused_with_its_place(text: str, words: str) -> None:
    assert words in refuse(text).message


def test_aliases_cannot_multiply_a_template_without_bounds() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]  # a billion values
    assert "the template holds more than 300000 values" in refuse("\n".join(rows)).message


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"Resource": {}}, "Resource;"),
        ({"Transform": "Aliyun::Serverless-2018-04-03"}, "not implemented: the section Transform"),
        ({"Workspace": {"main.tf": ""}}, "not implemented: the section Workspace"),
        ({"Locals": {"a": {"Type": "DATASOURCE::VPC::Vpcs"}}}, "Locals.a.Type: not implemented: DATASOURCE::VPC::Vpcs"),
        ({"Locals": {"a": {"Type": "Constant", "Value": 1}}}, "Locals.a.Type: must be Macro or Eval"),
        ({"Locals": {"a": {}}}, "Locals.a: Value is required"),
        ({"Resources": []}, "Resources: must be an object, not list"),
        ({"Resources": {"a b": {"Type": "T"}}}, "Resources: `a b` is not a name"),
        ({"Outputs": {"a\nb": {"Value": 1}}}, r"Outputs: 'a\nb' is not a name"),
        ({"Outputs": {"a" * 256: {"Value": 1}}}, "is not a name: up to 255 characters"),
        ({"Resources": {"A": {}}}, "Resources.A: Type is required"),
        ({"Resources": {"A": {"Type": "T", "Propertys": {}}}}, "Resources.A: unknown key Propertys"),
        ({"Resources": {"A": {"Type": "T", "Properties": ["a"]}}}, "Resources.A.Properties: must be an object"),
        ({"Resources": {"A": {"Type": "T", "DependsOn": [1]}}}, "Resources.A.DependsOn: "),
        ({"Resources": {"A": {"Type": "T", "DeletionPolicy": "Keep"}}}, "Resources.A.DeletionPolicy: "),
        ({"Resources": {"A": {"Type": "T", "DeletionPolicy": ["Retain"]}}}, "Resources.A.DeletionPolicy: "),
        ({"Resources": {"A": {"Type": "T", "Condition": {}}}}, "Resources.A.Condition: must be a text"),
        ({"Resources": {"A": {"Type": "T", "Condition": "C"}}}, "Resources.A.Condition: there is no condition C"),
        ({"Outputs": {"O": {}}}, "Outputs.O: Value is required"),
        ({"Outputs": {"O": {"Value": 1, "Condition": "C"}}}, "Outputs.O.Condition: there is no condition C"),
        ({"Outputs": {"O": {"Value": 1, "Export": {"Name": "x"}}}}, "Outputs.O: unknown key Export"),
        ({"Mappings": {"M": {"a": 1}}}, "Mappings.M.a: must be an object"),
        ({"Parameters": {"P": {}}}, "Parameters.P.Type: must be one of"),
        ({"Parameters": {"P": {"Type": ["String"]}}}, "Parameters.P.Type: must be one of"),
        (
            {"Parameters": {"P": {"Type": "ALIYUN::OOS::Parameter::Value"}}},
            "Parameters.P.Type: not implemented: ALIYUN::OOS",
        ),
        ({"Parameters": {"P": {"Type": "String", "Defualt": 1}}}, "Parameters.P: unknown key Defualt"),
        (
            {"Parameters": {"P": {"Type": "String", "AllowedPattern": "("}}},
            "Parameters.P.AllowedPattern: not a regular",
        ),
        ({"Parameters": {"P": {"Type": "String", "AllowedValues": "a"}}}, "Parameters.P.AllowedValues: must be a list"),
        ({"Parameters": {"P": {"Type": "String", "MinLength": "x"}}}, "Parameters.P.MinLength: `x` is not a number"),
        (
            {"Parameters": {"A": {"Type": "String"}}, "Resources": {"A": {"Type": "T"}}},
            "Resources.A: a parameter has the same name",
        ),
        ({"Rules": {"R": {}}}, "Rules.R.Assertions: must be a list"),
        ({"Rules": {"R": {"Assertions": [{}]}}}, "Rules.R.Assertions[0]: Assert is required"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(sections: dict[str, Any], words: str) -> None:
    assert words in refuse(minimal(**sections)).message


@pytest.mark.parametrize("version", [None, "2010-09-09", ["2015-09-01"]])
def test_another_format_version_is_refused(version: object) -> None:
    error = refuse({"ROSTemplateFormatVersion": version})
    assert "ROSTemplateFormatVersion" in error.message
    assert "2015-09-01" in error.message
    assert error.code == "InvalidTemplateVersion"


def test_an_unknown_section_has_a_code_of_its_own() -> None:
    assert refuse(minimal(Resource={})).code == "InvalidTemplateSection"


def test_rules_are_read() -> None:
    rule = {"RuleCondition": {"Ref": "P"}, "Assertions": [{"Assert": True, "AssertDescription": "because"}]}
    rules = parse_template(json.dumps(minimal(Rules={"R": rule}))).rules
    assert rules["R"].condition == {"Ref": "P"}
    assert [(each.assertion, each.description) for each in rules["R"].assertions] == [(True, "because")]


@pytest.mark.parametrize(
    ("written", "hidden"), [(True, True), ("true", True), (False, False), ("no", False), ([], False)]
)
def test_a_parameter_is_hidden_when_it_says_so(written: object, hidden: bool) -> None:
    template = parse_template(json.dumps(minimal(Parameters={"P": {"Type": "String", "NoEcho": written}})))
    assert template.parameters["P"].no_echo is hidden


@pytest.mark.parametrize("name", ["Console@Url", "Master Public IP", "RDS的用户名称"])
def test_parameters_and_outputs_have_names_as_the_vendors_templates_give_them(name: str) -> None:
    sections = {"Parameters": {name: {"Type": "String", "ReadOnly": True}}, "Outputs": {name: {"Value": {"Ref": name}}}}
    template = parse_template(json.dumps(minimal(**sections)))
    assert (list(template.parameters), list(template.outputs)) == ([name], [name])


def test_a_template_has_at_most_300_resources() -> None:
    resources = {f"A{number}": {"Type": "T"} for number in range(300)}
    assert len(parse_template(json.dumps(minimal(Resources=resources))).resources) == 300
    with pytest.raises(TemplateError, match="301 are declared, at most 300 are allowed"):
        parse_template(json.dumps(minimal(Resources={**resources, "B": {"Type": "T"}})))
