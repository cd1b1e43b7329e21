"""The bucket, and the deployment of the archives into it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from ros_cdk_core import AssetHashType, Construct, RemovalPolicy, Resource
from ros_cdk_fc import RosFunction
from ros_cdk_oss import Bucket, BucketProps, RosBucket
from ros_cdk_ossassets import Asset, AssetOptions
from ros_cdk_ossdeployment import BucketDeployment, BucketDeploymentProps, ISource, Source
from ros_cdk_ram import Role
from ros_cdk_ros import CustomResource, CustomResourceProps

from heavylift.cdk.handler_package import write_handler_package
from heavylift.cdk.settings import Settings
from heavylift.contracts.manifest import Archive, Build

HANDLER_TIMEOUT = 900  # seconds; a copy within a region takes some seconds for each GB
CALLBACK_MARGIN = 60  # seconds that ROS waits longer than the handler may run
HANDLER_MEMORY = 512  # MB
UNFINISHED = 1  # days after which an upload that nobody finished is dropped


def make_bucket(scope: Construct, *, settings: Settings, name: str) -> Bucket:
    """Return the private bucket of archives and pictures.

    Its life-cycle rule drops unfinished uploads. Archives that are superseded cannot be told from live ones by their age:
    `sweep` removes these.
    """
    rule = RosBucket.RuleProperty(
        id="unfinished-uploads",
        prefix="",
        status="Enabled",
        abort_multipart_upload=RosBucket.AbortMultipartUploadProperty(days=UNFINISHED),
    )
    props = BucketProps(
        bucket_name=name,
        access_control="private",
        block_public_access=True,
        server_side_encryption_configuration=RosBucket.ServerSideEncryptionConfigurationProperty(
            sse_algorithm="AES256"
        ),
        lifecycle_configuration=RosBucket.LifecycleConfigurationProperty(rule=[rule]),
        deletion_force=not settings.retain_bucket,
    )
    bucket = Bucket(scope, "Bucket", props)
    if settings.retain_bucket:
        bucket.apply_removal_policy(RemovalPolicy.RETAIN)
    return bucket


def code_asset(scope: Construct, build: Build) -> Asset:
    """Return the function's code package, named by the build's digest of it."""
    return Asset(
        scope, "Code", path=str(build.code.path), asset_hash=build.code.digest, asset_hash_type=AssetHashType.CUSTOM
    )


class ArchiveDeployment(Construct):
    """Copies the archives into the bucket before the function needs them; removes them with the stack.

    It is the vendor's `BucketDeployment`, one for all archives (two in a stack would collide), with our role and our handler.

    Args:
        scope: the stack.
        settings: say where the archives come from.
        build: the archives.
        bucket: where they go.
        role: with which the handler works.
    """

    def __init__(self, scope: Construct, *, settings: Settings, build: Build, bucket: Bucket, role: Role) -> None:
        super().__init__(scope, "Deployment")
        self._bucket = bucket
        self._keys = [archive.key for archive in build.archives]
        props = BucketDeploymentProps(
            destination_bucket=bucket,
            sources=[_source(archive, settings.artifacts_bucket) for archive in build.archives],
            role_arn=role.attr_arn,
            timeout=HANDLER_TIMEOUT,
            retain_on_create=True,  # a rolled back update needs the sources once more
        )
        self.deployment = BucketDeployment(self, "Archives", props)
        self.deployment.cr.timeout = HANDLER_TIMEOUT + CALLBACK_MARGIN
        self._replace_handler()

    def _replace_handler(self) -> None:
        with TemporaryDirectory() as folder:  # the CDK copies an asset's files when it is made
            write_handler_package(Path(folder))
            handler = Asset(self, "Handler", path=folder)
        # `code_from_asset` refuses a function that has code already, as this one has.
        function = self.deployment.fc_function.node.find_child(self.deployment.fc_function.node.id)
        assert isinstance(function, RosFunction)
        function.code = RosFunction.CodeProperty(
            oss_bucket_name=handler.bucket_name, oss_object_name=handler.object_key
        )
        function.memory_size = HANDLER_MEMORY

    def sweep(self, *, after: Resource) -> None:
        """Remove what earlier deployments of this stack left, once `after` uses the new archives."""
        props = CustomResourceProps(
            service_token=self.deployment.fc_function.attr_arn,
            timeout=HANDLER_TIMEOUT + CALLBACK_MARGIN,
            parameters={"destinationBucket": self._bucket.attr_name, "keep": self._keys},
        )
        CustomResource(self, "Superseded", props).add_dependency(after)


def _source(archive: Archive, artifacts_bucket: str) -> ISource:
    if artifacts_bucket:
        return Source.bucket(artifacts_bucket, archive.key)
    # The object is named by its file's name, which is the key's.
    options = AssetOptions(asset_hash=archive.digest, asset_hash_type=AssetHashType.CUSTOM)
    return Source.asset(str(archive.path), options, f"{archive.key.rpartition('/')[0]}/")
