"""Places in OSS for code packages that are too large for a request: a client uploads one, then makes a function of it.

They are in one bucket of Function Compute's, each under an unguessable key, for a day. On the platform that bucket is in nobody's
account; here it is one of the account's. Its name and the life of a credential are assumed.

Sources: what @alicloud/fc2 and fc-go-sdk send and read, and with them Serverless Devs.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Protocol

from localcloud.fc.model import Settings
from localcloud.kernel.identity import Credential
from localcloud.oss.model import Bucket

LIFE = 3600  # seconds of a credential
_DAY = (
    "<LifecycleConfiguration><Rule><ID>uploaded</ID><Prefix></Prefix><Status>Enabled</Status>"
    "<Expiration><Days>1</Days></Expiration><AbortMultipartUpload><Days>1</Days></AbortMultipartUpload>"
    "</Rule></LifecycleConfiguration>"
)
_ACCELERATED = "<TransferAccelerationConfiguration><Enabled>true</Enabled></TransferAccelerationConfiguration>"


class Buckets(Protocol):
    """The buckets of an account. A method raises `ApiError` with OSS's code."""

    def find(self, name: str) -> Bucket | None:
        """Return a bucket, or None."""

    def create(self, name: str) -> object:
        """Create a bucket, or return the one that there is."""

    def set_setting(self, name: str, setting: str, document: str | None) -> None:
        """Keep the document of a subresource."""


class Lender(Protocol):
    """Lends a part of what the account may do."""

    def lend(self, policy: str, *, session_name: str, duration: int) -> Credential:
        """Return a credential for what a policy says, and nothing else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeUpload:
    """A place for one code package, and the credential that puts it there."""

    bucket: str
    name: str  # the last part of the key
    credential: Credential


class CodeUploads:
    """The places for code packages.

    Args:
        buckets: where their bucket is made.
        lender: gives credentials.
        settings: the region and the account.
    """

    def __init__(self, buckets: Buckets, lender: Lender, settings: Settings) -> None:
        self._buckets = buckets
        self._lender = lender
        self._account_id = settings.account_id
        self.bucket = f"fc-code-{settings.region}-{settings.account_id}"

    def place(self, folder: str = "") -> CodeUpload:
        """Return a new place, whose key is ACCOUNT/NAME, or ACCOUNT/FOLDER/NAME."""
        if self._buckets.find(self.bucket) is None:
            self._buckets.create(self.bucket)
            self._buckets.set_setting(self.bucket, "lifecycle", _DAY)
            self._buckets.set_setting(self.bucket, "transferAcceleration", _ACCELERATED)  # where @alicloud/fc2 uploads
        name = secrets.token_hex(16)
        key = "/".join(filter(None, (self._account_id, folder, name)))
        statement = {
            "Effect": "Allow",
            "Action": ["oss:PutObject", "oss:AbortMultipartUpload", "oss:ListParts"],
            "Resource": f"acs:oss:*:*:{self.bucket}/{key}",
        }
        policy = json.dumps({"Version": "1", "Statement": [statement]})
        credential = self._lender.lend(policy, session_name=f"fc-code-{name}", duration=LIFE)
        return CodeUpload(bucket=self.bucket, name=name, credential=credential)
