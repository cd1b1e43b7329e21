"""Enciphered data: AES-256-GCM, bound to its key and to the context that it was enciphered with. Pure.

A blob is a byte that names its form, the key's id (16 bytes), a nonce (12 bytes), and the ciphertext with its tag.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import uuid
from dataclasses import dataclass

from localcloud.kms.model import EncryptionContext, Key

_FORM = b"\x01"
_NONCE = 12  # bytes (NIST SP 800-38D, section 5.2.1.1)
_TAG = 16
_HEAD = len(_FORM) + 16
MAX_BLOB = 16 * 1024  # characters; of the longest text that is enciphered there are some 8,300


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """An enciphered text."""

    key_id: str
    nonce: bytes
    sealed: bytes


def seal(key: Key, text: str, context: EncryptionContext) -> str:
    """Encipher a text; return it as a CiphertextBlob."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    sealed = AESGCM(base64.b64decode(key.material)).encrypt(nonce, text.encode(), _bound(key.key_id, context))
    return base64.b64encode(_FORM + uuid.UUID(key.key_id).bytes + nonce + sealed).decode()


def read_blob(text: str) -> Blob:
    """Read a CiphertextBlob.

    Raises:
        ValueError: it is none.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base64") from error
    if not content.startswith(_FORM) or len(content) < _HEAD + _NONCE + _TAG:
        raise ValueError("KMS has not made it")
    body = content[_HEAD:]
    return Blob(key_id=str(uuid.UUID(bytes=content[len(_FORM) : _HEAD])), nonce=body[:_NONCE], sealed=body[_NONCE:])


def unseal(key: Key, blob: Blob, context: EncryptionContext) -> str:
    """Decipher a blob.

    Raises:
        ValueError: it was changed, or enciphered with another key or context.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        opened = AESGCM(base64.b64decode(key.material)).decrypt(blob.nonce, blob.sealed, _bound(key.key_id, context))
    except InvalidTag as error:
        raise ValueError("it was changed, or enciphered with another EncryptionContext") from error
    return opened.decode()


def _bound(key_id: str, context: EncryptionContext) -> bytes:
    return json.dumps([key_id, context], sort_keys=True).encode()
