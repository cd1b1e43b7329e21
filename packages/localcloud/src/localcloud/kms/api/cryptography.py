"""The actions that encipher and decipher.

Sources: KMS API reference 2016-01-20; the models of alibabacloud_kms20160120.
"""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kms.api.calls import Calls, read_context, reader
from localcloud.kms.cipher import MAX_BLOB
from localcloud.kms.model import Key
from localcloud.kms.operations.cryptography import DataKey

SIZES = {"AES_256": 32, "AES_128": 16}  # bytes of a data key, by its KeySpec
BYTES = range(1, 1024 + 1)  # NumberOfBytes


class CryptographyCalls(Calls):
    """The actions that encipher and decipher."""

    def encrypt(self, call: Call) -> Answer:
        """Encrypt."""
        key_id = self.key_id(call)
        key, blob = self._kms.encrypt(key_id, reader.required(call, "Plaintext"), read_context(call))
        return {"CiphertextBlob": blob, **_names(key)}

    def decrypt(self, call: Call) -> Answer:
        """Decrypt."""
        blob = self._kms.read(reader.name(call, "CiphertextBlob", MAX_BLOB))
        self.allow(call, f"key/{blob.key_id}")
        key, plaintext = self._kms.decrypt(blob, read_context(call))
        return {"Plaintext": plaintext, **_names(key)}

    def generate(self, call: Call) -> Answer:
        """GenerateDataKey."""
        made = self._generate(call)
        return {"Plaintext": made.plaintext, "CiphertextBlob": made.blob, **_names(made.key)}

    def generate_sealed(self, call: Call) -> Answer:
        """GenerateDataKeyWithoutPlaintext."""
        made = self._generate(call)
        return {"CiphertextBlob": made.blob, **_names(made.key)}

    def _generate(self, call: Call) -> DataKey:
        key_id = self.key_id(call)
        size = SIZES[reader.choice(call, "KeySpec", tuple(SIZES), "AES_256")]
        # given beside a KeySpec, the number of bytes counts (assumed)
        return self._kms.generate(key_id, reader.whole(call, "NumberOfBytes", size, BYTES), read_context(call))


def _names(key: Key) -> Answer:
    return {"KeyId": key.key_id, "KeyVersionId": key.version_id}
