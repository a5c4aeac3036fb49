"""Ed25519 keys (RFC 8032): PEM files (PKCS#8). Signatures are checked by `schemas.signatures`."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from pipelines.intake.new_files import write_secret
from schemas.errors import UsageError

_MAX_BYTES = 1 << 16  # a PEM file of an Ed25519 key has 119 bytes


@dataclass(frozen=True)
class SigningKey:
    """A private key. `public` is its 64 hexadecimal digits; the private half is in no repr."""

    public: str
    exposed: bool  # others on this machine may read the file: say so to the user
    _private: Ed25519PrivateKey = field(repr=False, compare=False)

    @classmethod
    def read(cls, path: Path) -> SigningKey:
        """The key of a PEM file. Raises UsageError: no such file, encrypted, or no Ed25519 key."""
        try:
            with path.open("rb") as file:
                exposed = bool(stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077)
                content = file.read(_MAX_BYTES)
        except FileNotFoundError:
            raise UsageError(f"{path}: no such file: make a key with 'malmoi key create {path}'") from None
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be read (errno {error.errno}): check the path and its rights"
            ) from None
        remedy = f"name a key made by 'malmoi key create', not {path.name}"
        try:
            private = load_pem_private_key(content, password=None)
        except TypeError:
            raise UsageError(f"{path}: the key is encrypted: name a file without a password") from None
        except (ValueError, UnsupportedAlgorithm):
            raise UsageError(f"{path}: is no private key in PEM (PKCS#8): {remedy}") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise UsageError(f"{path}: is a private key, but not of Ed25519: {remedy}")
        return cls(_hexadecimal(private), exposed, private)

    @classmethod
    def create(cls, path: Path) -> SigningKey:
        """A new key in a new file of mode 600. Raises UsageError where something lies there already."""
        private = Ed25519PrivateKey.generate()
        content = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_secret(path, content)
        return cls(_hexadecimal(private), False, private)

    def sign(self, message: bytes) -> str:
        """The signature, 128 hexadecimal digits; the same message gives the same signature."""
        return self._private.sign(message).hex()


def _hexadecimal(private: Ed25519PrivateKey) -> str:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
