"""The partner's secret of 32 bytes that columns are keyed with: a file of 64 hexadecimal digits.

It never leaves the partner. Whoever loses it can find nobody's documents any more; whoever has it can.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from pipelines.intake.column_policy import SECRET_BYTES
from pipelines.intake.new_files import write_secret
from schemas.errors import UsageError

_SECRET = re.compile(rb"[0-9a-f]{64}\n?")


def create_subject_key(path: Path) -> bytes:
    """A new secret in a new file of mode 600. Raises UsageError where something lies there already."""
    secret = secrets.token_bytes(SECRET_BYTES)
    write_secret(path, secret.hex().encode() + b"\n")
    return secret


def read_subject_key(path: Path) -> tuple[bytes, bool]:
    """The secret, and whether others on this machine may read its file. Raises UsageError."""
    try:
        with path.open("rb") as file:
            exposed = bool(stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077)
            content = file.read(100)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read (errno {error.errno}): "
            f"make a key with 'malmoi prepare --new-subject-key {path}'"
        ) from None
    if not _SECRET.fullmatch(content):
        raise UsageError(
            f"{path}: is no subject key (64 hexadecimal digits): "
            "name a file made by 'malmoi prepare --new-subject-key'"
        )
    return bytes.fromhex(content.decode()), exposed
