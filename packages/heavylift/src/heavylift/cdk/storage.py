"""Buckets, and the deployment of archives into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from weakref import WeakKeyDictionary

from ros_cdk_core import AssetHashType, Construct, RemovalPolicy, Resource, Stack
from ros_cdk_fc import RosFunction
from ros_cdk_oss import Bucket, BucketProps, RosBucket
from ros_cdk_ossassets import Asset
from ros_cdk_ossdeployment import BucketDeployment, BucketDeploymentProps
from ros_cdk_ros import CustomResource, CustomResourceProps, RosCustomResource

from heavylift.cdk.handler_package import write_handler_package
from heavylift.cdk.identity import FUNCTION_COMPUTE, LeastRole, objects
from heavylift.cdk.names import bucket_name
from heavylift.cdk.values import shown
from heavylift.contracts.manifest import Archive, Build

HANDLER_TIMEOUT = 900  # seconds; a copy within a region takes some seconds for each GB
CALLBACK_MARGIN = 60  # seconds that ROS waits longer than the handler may run
HANDLER_MEMORY = 512  # MB
UNFINISHED = 1  # days after which an upload that nobody finished is dropped
ARCHIVES = ("applib/", "model/")  # prefixes of the keys that the build gives to archives


class PrivateBucket(Bucket):
    """A private, encrypted bucket without public access; it goes with its stack, and all that is in it.

    Its life-cycle rule drops unfinished uploads. Archives that are superseded cannot be told from live ones by their age: the
    deployment removes these.

    Args:
        scope: the stack.
        id_: its logical id.
        name: of the bucket; empty: `STACK-ACCOUNT-REGION`.
        retain: it and its objects stay when the stack is destroyed.
    """

    def __init__(self, scope: Construct, id_: str = "Bucket", *, name: str = "", retain: bool = False) -> None:
        rule = RosBucket.RuleProperty(
            id="unfinished-uploads",
            prefix="",
            status="Enabled",
            abort_multipart_upload=RosBucket.AbortMultipartUploadProperty(days=UNFINISHED),
        )
        props = BucketProps(
            bucket_name=name or bucket_name(Stack.of(scope).stack_name),
            access_control="private",
            block_public_access=True,
            server_side_encryption_configuration=RosBucket.ServerSideEncryptionConfigurationProperty(
                sse_algorithm="AES256"
            ),
            lifecycle_configuration=RosBucket.LifecycleConfigurationProperty(rule=[rule]),
            deletion_force=not retain,
        )
        super().__init__(scope, id_, props)
        if retain:
            self.apply_removal_policy(RemovalPolicy.RETAIN)


def code_asset(scope: Construct, build: Build) -> Asset:
    """Return the function's code package, named by the build's digest of it."""
    return Asset(
        scope, "Code", path=str(build.code.path), asset_hash=build.code.digest, asset_hash_type=AssetHashType.CUSTOM
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Destination:
    """A bucket, the archives that are copied into it, and their removal once they are not used any longer."""

    copies: Resource
    superseded: Resource
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)  # by the key of the copy


class ArchiveDeployment(Construct):
    """Copies archives into buckets before functions need them; removes superseded ones, and all with the stack.

    It is the vendor's `BucketDeployment` with a role and a handler of ours, one for all functions of a stack: two in a stack would
    collide. The first function's bucket is served by the vendor's custom resource, each further one by a resource of its own.

    Args:
        stack: the stack.
    """

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack, "Deployment")
        self._destinations: dict[str, _Destination] = {}
        self._handler: BucketDeployment | None = None
        self._bucket: Bucket | None = None
        self._readable: set[str] = set()
        self._assets: dict[str, Asset] = {}
        self._role = LeastRole(
            self,
            "DeploymentRole",
            owner=stack.stack_name,
            purpose="deployment",
            description=f"The deployment of the stack {stack.stack_name}",
            service=FUNCTION_COMPUTE,
        )

    @staticmethod
    def of(stack: Stack) -> ArchiveDeployment:
        """Return the deployment of a stack."""
        if stack not in _DEPLOYMENTS:
            _DEPLOYMENTS[stack] = ArchiveDeployment(stack)
        return _DEPLOYMENTS[stack]

    @property
    def bucket(self) -> Bucket:
        """The bucket of all functions that have none of their own."""
        if self._bucket is None:
            self._bucket = PrivateBucket(Stack.of(self))
        return self._bucket

    def read_bucket(self, given: object) -> tuple[Bucket, list[str]]:
        """Return the bucket that a function was given, else the stack's, and a sentence where it was given something else."""
        if isinstance(given, Bucket):
            return given, []
        wrong = f"bucket: {shown(given)} is no bucket of the CDK; set one, such as PrivateBucket(stack)"
        return self.bucket, [] if given is None else [wrong]

    def add(self, build: Build, *, bucket: Bucket, code: Asset, artifacts_bucket: str) -> Resource:
        """Copy the archives of a build into a bucket, and return the resource that a function that loads them depends on.

        Args:
            build: the archives.
            bucket: where they go.
            code: the code package; the archives are uploaded beside it.
            artifacts_bucket: where they come from instead; empty: they are uploaded.
        """
        source = artifacts_bucket or code.bucket_name
        if source not in self._readable:
            self._readable.add(source)
            self._role.allow(["oss:GetObject"], objects(source, ("",)))
        destination = self._destination(bucket)
        for archive in build.archives:
            if archive.key not in destination.sources:
                destination.sources[archive.key] = self._source(archive, artifacts_bucket)
        _custom(destination.copies).parameters = {
            "sources": list(destination.sources.values()),
            "destinationBucket": bucket.attr_name,
            "retainOnCreate": True,  # a rolled back update needs the sources once more
        }
        _custom(destination.superseded).parameters = {
            "destinationBucket": bucket.attr_name,
            "keep": _kept(destination.sources),
        }
        return destination.copies

    def sweep(self, bucket: Bucket, *, after: Resource) -> None:
        """Remove the archives of earlier deployments of this stack from a bucket, once `after` uses the new ones."""
        self._destinations[bucket.node.path].superseded.add_dependency(after)

    def _destination(self, bucket: Bucket) -> _Destination:
        path = bucket.node.path
        if path not in self._destinations:
            name = bucket.props.bucket_name
            self._role.allow(
                ["oss:GetObject", "oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload"],
                objects(str(name), ARCHIVES),
            )
            self._role.allow(["oss:ListObjects"], [f"acs:oss:*:*:{name}"])
            self._destinations[path] = self._make_destination(bucket)
        return self._destinations[path]

    def _make_destination(self, bucket: Bucket) -> _Destination:
        prefix = ""
        if self._handler is None:
            self._handler = self._make_handler(bucket)
            copies: Resource = self._handler
            self._handler.cr.timeout = HANDLER_TIMEOUT + CALLBACK_MARGIN
        else:
            prefix = "".join(filter(str.isalnum, bucket.node.id))
            copies = self._custom_resource(f"{prefix}Archives")
        return _Destination(copies=copies, superseded=self._custom_resource(f"{prefix}Superseded"))

    def _make_handler(self, bucket: Bucket) -> BucketDeployment:
        props = BucketDeploymentProps(
            destination_bucket=bucket, sources=[], role_arn=self._role.attr_arn, timeout=HANDLER_TIMEOUT
        )
        deployment = BucketDeployment(self, "Archives", props)
        with TemporaryDirectory() as folder:  # the CDK copies an asset's files when it is made
            write_handler_package(Path(folder))
            handler = Asset(self, "Handler", path=folder)
        # `code_from_asset` refuses a function that has code already, as this one has.
        function = deployment.fc_function.node.find_child(deployment.fc_function.node.id)
        assert isinstance(function, RosFunction)
        function.code = RosFunction.CodeProperty(
            oss_bucket_name=handler.bucket_name, oss_object_name=handler.object_key
        )
        function.memory_size = HANDLER_MEMORY
        return deployment

    def _custom_resource(self, id_: str) -> CustomResource:
        assert self._handler is not None
        props = CustomResourceProps(
            service_token=self._handler.fc_function.attr_arn, timeout=HANDLER_TIMEOUT + CALLBACK_MARGIN
        )
        return CustomResource(self, id_, props)

    def _source(self, archive: Archive, artifacts_bucket: str) -> dict[str, Any]:
        if artifacts_bucket:
            return {"bucket": artifacts_bucket, "objectKey": archive.key}
        if archive.key not in self._assets:
            self._assets[archive.key] = self._asset(archive)
        asset = self._assets[archive.key]
        return {"bucket": asset.bucket_name, "objectKey": asset.object_key, "fileName": archive.key}

    def _asset(self, archive: Archive) -> Asset:
        return Asset(
            self,
            archive.key.replace("/", "-"),
            path=str(archive.path),
            asset_hash=archive.digest,
            asset_hash_type=AssetHashType.CUSTOM,
        )


def _custom(resource: Resource) -> RosCustomResource:
    found = resource.node.find_child(resource.node.id)
    assert isinstance(found, RosCustomResource)
    return found


def _kept(keys: dict[str, dict[str, Any]]) -> list[str]:
    """Return the keys, and for a kind of archive that is not among them a key that none has: the handler looks there as well."""
    return [*keys, *(prefix for prefix in ARCHIVES if not any(key.startswith(prefix) for key in keys))]


_DEPLOYMENTS: WeakKeyDictionary[Stack, ArchiveDeployment] = WeakKeyDictionary()
