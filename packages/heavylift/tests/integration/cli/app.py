"""A small app: writes a cloud assembly as ros-cdk-core does, from its context, without jsii (which takes seconds).

One function whose code is an asset, and one bucket. Context: `stack`, `colour` (the function answers it), `bucket` (of the stack),
`qualifier` (of the asset bucket), `broken` (what is wrong with it: `app`, `type`, `cycle`, `silent`), `properties` (of the stack's
artifact, as JSON), `written` (the end of a file's name) and `text` (what that file holds instead), `logs` (a log project, which the
function logs to then).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

CODE = """import os


def handler(event, context):
    print("the log", os.environ["COLOUR"])
    if event.startswith(b"echo "):
        return event[5:]
    if event == b"fail":
        raise ValueError("on purpose")
    return os.environ["COLOUR"]
"""
context = json.loads(os.environ["CDK_CONTEXT_JSON"])
out = Path(os.environ["CDK_OUTDIR"])
stack, broken = context["stack"], context.get("broken")
if broken == "app":
    sys.exit("the app says why")
if broken == "silent":
    sys.exit(0)
out.mkdir(exist_ok=True)
digest = hashlib.sha256(CODE.encode()).hexdigest()
folder = out / f"asset.{digest}"
folder.mkdir(exist_ok=True)
(folder / "index.py").write_text(CODE)
assets = f"cdk-{context['qualifier']}-assets-${{ALIYUN::Region}}"
project = context.get("logs")
function = {
    "Type": "ALIYUN::FC3::Function",
    "Properties": {
        "FunctionName": f"{stack}-function",
        "Handler": "index.handler",
        "Runtime": "python3.10",
        "MemorySize": 256,
        "Cpu": 0.25,
        "Timeout": 30,
        "EnvironmentVariables": {"COLOUR": context.get("colour", "blue")},
        "Code": {"OssBucketName": {"Fn::Sub": assets}, "OssObjectName": f"{digest}.zip"},
        **({"LogConfig": {"Project": project, "Logstore": "function"}} if project else {}),
    },
}
resources = {
    "Bucket": {"Type": "ALIYUN::OSS::Bucket", "Properties": {"BucketName": context["bucket"], "DeletionForce": True}},
    "Function": function,
}
if project:
    place = {"ProjectName": project, "LogstoreName": "function"}
    resources["LogProject"] = {"Type": "ALIYUN::SLS::Project", "Properties": {"Name": project}}
    resources["Logstore"] = {"Type": "ALIYUN::SLS::Logstore", "Properties": place, "DependsOn": ["LogProject"]}
    index = {**place, "FullTextIndex": {"Enable": True}}
    resources["Index"] = {"Type": "ALIYUN::SLS::Index", "Properties": index, "DependsOn": ["Logstore"]}
    function["DependsOn"] = ["Index"]
if broken == "type":
    resources["Function"] = {"Type": "ALIYUN::ECS::Instance", "DependsOn": ["Bucket"]}
if broken == "cycle":
    resources["Bucket"]["DependsOn"] = ["Function"]
    function["DependsOn"] = ["Bucket"]
outputs: dict[str, object] = {"BucketName": {"Value": {"Ref": "Bucket"}}}
if broken is None:
    outputs["Arn"] = {"Value": {"Fn::GetAtt": ["Function", "ARN"]}}
template = {"ROSTemplateFormatVersion": "2015-09-01", "Resources": resources, "Outputs": outputs}
destination = {"current_account-current_region": {"bucketName": assets, "objectKey": f"{digest}.zip"}}
files = {digest: {"source": {"path": folder.name, "packaging": "zip"}, "destinations": destination}}
artifacts = {
    f"{stack}.assets": {"type": "cdk:asset-manifest", "properties": {"file": f"{stack}.assets.json"}},
    stack: {
        "type": "aliyun:ros:stack",
        "properties": {"templateFile": f"{stack}.template.json", **json.loads(context.get("properties", "{}"))},
        "dependencies": [f"{stack}.assets"],
    },
}
for name, record in {
    f"{stack}.template.json": template,
    f"{stack}.assets.json": {"version": "7.0.0", "files": files, "dockerImages": {}},
    "manifest.json": {"version": "7.0.0", "artifacts": artifacts},
}.items():
    replaced = name.endswith(context.get("written", "nothing"))
    (out / name).write_text(context["text"] if replaced else json.dumps(record))
