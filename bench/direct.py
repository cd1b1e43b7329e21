"""The example function set up by single API calls, without a stack: for measurements and tests that change one thing at a time."""

from __future__ import annotations

import oss2

from bench.archives import model_of
from bench.functions import FunctionSettings
from heavylift.clouds.assets import zip_code
from heavylift.clouds.embedded import Endpoints
from heavylift.contracts.manifest import Build

BUCKET = "heavylift-direct"
SERVICE = "heavylift"


def make_bucket(endpoints: Endpoints) -> oss2.Bucket:
    """Create the bucket; requests are signed with V4."""
    auth = oss2.AuthV4(endpoints.access_key_id, endpoints.access_key_secret)
    bucket = oss2.Bucket(auth, endpoints.oss, BUCKET, region=endpoints.region)
    bucket.create_bucket(oss2.BUCKET_ACL_PRIVATE)
    return bucket


def function_settings(build: Build, endpoints: Endpoints) -> FunctionSettings:
    """Return the example function as the stack declares it, with OSS at its plain endpoint."""
    model = model_of(build)
    return FunctionSettings(
        name="rotate",
        code=zip_code(build.code.path),
        runtime="python3.10",
        environment={
            "AppLibObject": build.applib.key,
            "AppLibDir": "/tmp/applib",  # noqa: S108 - an instance's /tmp is its own
            "AppLibDigest": build.applib.digest,
            "ModelObject": model.key,
            "ModelDir": "/tmp/model",  # noqa: S108 - an instance's /tmp is its own
            "ModelDigest": model.digest,
            "Bucket": BUCKET,
            "Endpoint": endpoints.oss,
            "Region": endpoints.region,
        },
    )
