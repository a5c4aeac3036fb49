"""Ed25519 signatures (RFC 8032) as they are checked; keys and signatures are hexadecimal.

Keys are made and read by `pipelines.intake.signatures`.
"""

from __future__ import annotations

import re
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


class Signer(Protocol):
    """Who can sign: a private key."""

    @property
    def public(self) -> str:
        """The public key, 64 hexadecimal digits."""
        ...

    def sign(self, message: bytes) -> str:
        """The signature, 128 hexadecimal digits."""
        ...


def verify_signature(*, key: str, message: bytes, signature: str) -> bool:
    """Whether `signature` is of `key` over `message`; False too where either is malformed."""
    if not (_KEY.fullmatch(key) and _SIGNATURE.fullmatch(signature)):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True
