"""The data folder's private keys in a backup: encrypted under a passphrase, or not there at all.

AES-256-GCM (NIST SP 800-38D) under a key that scrypt (RFC 7914; n = 2^15, r = 8, p = 1) makes of the passphrase.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from infra.errors import PlatformError

_WORK, _BLOCK, _LANES, _KEY_BYTES, _NONCE_BYTES = 2**15, 8, 1, 32, 12


class _Box(msgspec.Struct, frozen=True):
    salt: bytes
    nonce: bytes
    sealed: bytes


def encrypt_keys(keys: Mapping[str, str], passphrase: str) -> bytes:
    """What `decrypt_keys` reads, other bytes each time: salt and nonce are drawn anew."""
    salt, nonce = os.urandom(16), os.urandom(_NONCE_BYTES)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, msgspec.json.encode(dict(keys)), None)
    return msgspec.json.encode(_Box(salt, nonce, sealed))


def decrypt_keys(content: bytes, passphrase: str) -> dict[str, str]:
    """Raises PlatformError for another passphrase, and for bytes that were changed."""
    try:
        box = msgspec.json.decode(content, type=_Box)
        opened = AESGCM(_key(passphrase, box.salt)).decrypt(box.nonce, box.sealed, None)
    except (msgspec.MsgspecError, InvalidTag, ValueError) as error:
        raise PlatformError(
            "The keys in the backup cannot be opened: it is another passphrase, or they were changed.",
            "Set CARBON254_BACKUP_PASSPHRASE to the one of the backup, or give copies of the keys with --keys.",
        ) from error
    return msgspec.json.decode(opened, type=dict[str, str])


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=_WORK, r=_BLOCK, p=_LANES).derive(passphrase.encode())
