"""A function set up by single API calls, without a stack: for measurements and tests that change one thing at a time."""

from __future__ import annotations

import oss2

from bench.functions import FunctionSettings
from heavylift.clouds.assets import zip_code
from heavylift.clouds.embedded import Endpoints
from heavylift.contracts.manifest import Archive, Build

BUCKET = "heavylift-direct"
SERVICE = "heavylift"


def make_bucket(endpoints: Endpoints) -> oss2.Bucket:
    """Create the bucket; requests are signed with V4."""
    auth = oss2.AuthV4(endpoints.access_key_id, endpoints.access_key_secret)
    bucket = oss2.Bucket(auth, endpoints.oss, BUCKET, region=endpoints.region)
    bucket.create_bucket(oss2.BUCKET_ACL_PRIVATE)
    return bucket


def function_settings(build: Build, endpoints: Endpoints) -> FunctionSettings:
    """Return the function of a build as a stack declares it, with OSS at its plain endpoint."""
    return FunctionSettings(
        name="rotate",
        code=zip_code(build.code.path),
        runtime="python3.10",
        environment={
            **archive_variables("AppLib", build.applib),
            **archive_variables("Model", build.model),
            "Bucket": BUCKET,
            "Endpoint": endpoints.oss,
            "Region": endpoints.region,
        },
    )


def archive_variables(kind: str, archive: Archive | None) -> dict[str, str]:
    """Return the variables that tell a function of an archive.

    Args:
        kind: `AppLib` or `Model`.
        archive: None: there is none, and no variables.
    """
    if archive is None:
        return {}
    folder = f"/tmp/{kind.lower()}"  # noqa: S108 - an instance's /tmp is its own
    return {f"{kind}Object": archive.key, f"{kind}Dir": folder, f"{kind}Digest": archive.digest}
