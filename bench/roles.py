"""The role whose credentials a function gets, created with the least policy that works."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client
from alibabacloud_tea_openapi.models import Config

from heavylift.clouds.embedded import Endpoints

ROLE = "heavylift-function"
TRUST = {
    "Version": "1",
    "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
}


def create_function_role(endpoints: Endpoints, *, bucket: str) -> str:
    """Create the role and its policy; return the role's ARN.

    The function may read the archives, read what is uploaded under `incoming/`, and write the pictures that it makes.
    """
    resource = f"acs:oss:*:*:{bucket}"
    policy = {
        "Version": "1",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "oss:GetObject",
                "Resource": [f"{resource}/applib/*", f"{resource}/model/*", f"{resource}/incoming/*"],
            },
            {
                "Effect": "Allow",
                "Action": "oss:PutObject",
                "Resource": [f"{resource}/picture", f"{resource}/rotated/*"],
            },
        ],
    }
    url = urlsplit(endpoints.ram)
    client = Client(
        Config(
            access_key_id=endpoints.access_key_id,
            access_key_secret=endpoints.access_key_secret,
            region_id=endpoints.region,
            protocol=url.scheme,
            endpoint=url.netloc,
        )
    )
    role = client.create_role(
        models.CreateRoleRequest(role_name=ROLE, assume_role_policy_document=json.dumps(TRUST))
    ).body.role
    client.create_policy(models.CreatePolicyRequest(policy_name=ROLE, policy_document=json.dumps(policy)))
    client.attach_policy_to_role(
        models.AttachPolicyToRoleRequest(policy_type="Custom", policy_name=ROLE, role_name=ROLE)
    )
    return str(role.arn)
