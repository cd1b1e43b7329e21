"""The stack: bucket, roles, archives, function, trigger, logs, and what depends on what."""

from __future__ import annotations

from ros_cdk_core import Construct, DefaultStackSynthesizer, RosOutput, Stack

from heavylift.cdk.compute import make_function, make_trigger
from heavylift.cdk.identity import deployment_role, function_role, trigger_role
from heavylift.cdk.logs import FunctionLogs
from heavylift.cdk.names import bucket_name, region
from heavylift.cdk.settings import Settings, function_environment
from heavylift.cdk.storage import ArchiveDeployment, code_asset, make_bucket
from heavylift.contracts.manifest import Build

ASSET_BUCKET = "cdk-${Qualifier}-assets-${ALIYUN::Region}"  # the vendor's own scheme (default-synthesizer.js)


class FunctionStack(Stack):
    """A function that is larger than a code package may be, with all that it needs.

    Args:
        scope: the app.
        settings: what the user chose.
        build: what is deployed.
    """

    def __init__(self, scope: Construct, *, settings: Settings, build: Build) -> None:
        super().__init__(
            scope,
            settings.stack_name,
            stack_name=settings.stack_name,
            description="A function that loads its libraries and its model from OSS",
            # Else each synth would draw the name anew, or take it from the stack.info.json that ros-cdk leaves on one machine.
            synthesizer=DefaultStackSynthesizer(
                qualifier=settings.asset_qualifier, file_assets_bucket_name=ASSET_BUCKET
            ),
        )
        name = bucket_name(settings)
        bucket = make_bucket(self, settings=settings, name=name)
        code = code_asset(self, build)
        archives = ArchiveDeployment(
            self,
            settings=settings,
            build=build,
            bucket=bucket,
            role=deployment_role(
                self, settings=settings, bucket=name, source_bucket=settings.artifacts_bucket or code.bucket_name
            ),
        )
        logs = FunctionLogs(self, settings=settings) if settings.logs else None
        function = make_function(
            self,
            settings=settings,
            code=code,
            role=function_role(self, settings=settings, bucket=name, log_project=logs.project_name if logs else None),
            environment=function_environment(settings, build, bucket=name, region=region()),
            logs=logs,
        )
        function.add_dependency(archives.deployment)
        archives.sweep(after=function)
        if settings.trigger:
            make_trigger(
                self,
                settings=settings,
                function=function,
                bucket=bucket,
                role=trigger_role(self, settings=settings),
            )
        RosOutput(self, "BucketName", value=bucket.attr_name, description="Archives and pictures")
        RosOutput(self, "FunctionName", value=function.attr_function_name, description="The function")
        RosOutput(self, "FunctionArn", value=function.attr_arn, description="The function's ARN")
        RosOutput(
            self,
            "InvokeExample",
            value=f"heavylift invoke {settings.stack_name}",
            description="Invokes the function with an empty event",
        )
