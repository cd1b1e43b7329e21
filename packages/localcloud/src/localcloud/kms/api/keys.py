"""The actions on keys.

Sources: KMS API reference 2016-01-20; the models of alibabacloud_kms20160120.
"""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.kms.api.calls import Calls, cut_page, reader
from localcloud.kms.errors import KmsError
from localcloud.kms.model import Key

MAX_DESCRIPTION = 8192  # characters (CreateKey)
DAYS = range(7, 366 + 1)  # PendingWindowInDays
# By parameter of CreateKey, the only value that is served: symmetric keys of KMS's own making.
SERVED = {
    "KeySpec": "Aliyun_AES_256",
    "KeyUsage": "ENCRYPT/DECRYPT",
    "Origin": "Aliyun_KMS",
    "ProtectionLevel": "SOFTWARE",
    "EnableAutomaticRotation": "false",
}


class KeyCalls(Calls):
    """The actions on keys."""

    def create(self, call: Call) -> Answer:
        """CreateKey."""
        self.allow(call, "key")
        for name, served in SERVED.items():
            value = call.parameters.get(name, served)
            if value.lower() != served.lower():
                raise KmsError("Rejected.UnsupportedOperation", f"not implemented: {name} {value[:80]}; use {served}.")
        return {"KeyMetadata": self._write(self._kms.create_key(description=_description(call)))}

    def describe(self, call: Call) -> Answer:
        """DescribeKey."""
        return {"KeyMetadata": self._write(self._kms.key(self.key_id(call)))}

    def list(self, call: Call) -> Answer:
        """ListKeys."""
        self.allow(call, "key")
        page, rest = cut_page(
            call, self._kms.keys(), lambda key: {"KeyId": key.key_id, "KeyArn": self.arn(f"key/{key.key_id}")}
        )
        return {"Keys": {"Key": page}, **rest}

    def update_description(self, call: Call) -> Answer:
        """UpdateKeyDescription."""
        self._kms.describe_as(self.key_id(call), _description(call))
        return {}

    def move(self, call: Call) -> Answer:
        """EnableKey, DisableKey, CancelKeyDeletion."""
        self._kms.move(self.key_id(call), call.action)
        return {}

    def schedule_deletion(self, call: Call) -> Answer:
        """ScheduleKeyDeletion."""
        key_id = self.key_id(call)
        reader.required(call, "PendingWindowInDays")
        self._kms.move(key_id, call.action, days=reader.whole(call, "PendingWindowInDays", DAYS.start, DAYS))
        return {}

    def _write(self, key: Key) -> Answer:
        return {
            "KeyId": key.key_id,
            "Arn": self.arn(f"key/{key.key_id}"),
            "KeySpec": "Aliyun_AES_256",
            "KeyState": str(key.state),
            "KeyUsage": "ENCRYPT/DECRYPT",
            "Description": key.description,
            "Creator": key.creator.upper(),
            "CreationDate": to_seconds(key.created),
            "DeleteDate": to_seconds(key.deleted_at) if key.deleted_at is not None else "",
            "Origin": "Aliyun_KMS",
            "MaterialExpireTime": "",
            "ProtectionLevel": "SOFTWARE",
            "PrimaryKeyVersion": key.version_id,
            "LastRotationDate": to_seconds(key.created),
            "AutomaticRotation": "Disabled",
            "DeletionProtection": "Disabled",
        }


def _description(call: Call) -> str:
    text = call.parameters.get("Description", "")
    if len(text) > MAX_DESCRIPTION:
        raise KmsError(
            "InvalidParameter",
            f"The specified parameter Description is not valid: more than {MAX_DESCRIPTION} characters.",
        )
    return text
