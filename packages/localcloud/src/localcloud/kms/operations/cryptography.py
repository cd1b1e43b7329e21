"""Encipher, decipher, and make data keys.

Sources: KMS API reference, "Encrypt", "Decrypt", "GenerateDataKey"; "EncryptionContext".
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field

from localcloud.kms.cipher import Blob, read_blob, seal, unseal
from localcloud.kms.errors import KmsError
from localcloud.kms.model import EncryptionContext, Key
from localcloud.kms.operations.aliases import Aliases

MAX_PLAINTEXT = 6 * 1024  # bytes (Encrypt)


@dataclass(frozen=True, kw_only=True, slots=True)
class DataKey:
    """A data key: in the clear, and enciphered with a key of the account."""

    key: Key
    plaintext: str = field(repr=False)  # base64
    blob: str


class Cryptography(Aliases):
    """The account's keys, and what they encipher."""

    def encrypt(self, key_id: str, plaintext: str, context: EncryptionContext) -> tuple[Key, str]:
        """Encipher a text; return the key and the CiphertextBlob.

        Raises:
            KmsError: InvalidParameter (too long a text), or the key is not usable.
        """
        if len(plaintext.encode()) > MAX_PLAINTEXT:
            raise KmsError(
                "InvalidParameter", f"The specified parameter Plaintext is not valid: more than {MAX_PLAINTEXT} bytes."
            )
        key = self.usable(key_id)
        return key, seal(key, plaintext, context)

    def read(self, blob: str) -> Blob:
        """Read a CiphertextBlob.

        Raises:
            KmsError: InvalidParameter.
        """
        try:
            return read_blob(blob)
        except ValueError as error:
            raise _not_valid(error) from error

    def decrypt(self, blob: Blob, context: EncryptionContext) -> tuple[Key, str]:
        """Decipher a blob; return the key and the text.

        Raises:
            KmsError: InvalidParameter (changed, or another context), or the key is not usable.
        """
        key = self.usable(blob.key_id)
        try:
            return key, unseal(key, blob, context)
        except ValueError as error:
            raise _not_valid(error) from error

    def generate(self, key_id: str, size: int, context: EncryptionContext) -> DataKey:
        """Make a data key of so many bytes.

        Raises:
            KmsError: the key is not usable.
        """
        key = self.usable(key_id)
        plaintext = base64.b64encode(os.urandom(size)).decode()
        return DataKey(key=key, plaintext=plaintext, blob=seal(key, plaintext, context))


def _not_valid(error: ValueError) -> KmsError:
    return KmsError("InvalidParameter", f"The specified parameter CiphertextBlob is not valid: {error}.")
