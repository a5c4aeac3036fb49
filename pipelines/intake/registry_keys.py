"""A registry's key directory, apart from its log: what signs events, and the secret of keyed digests."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path

from pipelines.intake.new_files import sync_directory, write_secret
from pipelines.intake.signatures import SigningKey
from schemas.errors import UsageError

SECRET_SIZE = 32  # bytes


def make_keys(directory: Path) -> None:
    """A key directory with both keys, whole, unless one is there."""
    if directory.exists():
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))  # mode 700
    try:
        SigningKey.create(temporary / "signing.pem")
        write_secret(temporary / "secret", secrets.token_bytes(SECRET_SIZE))
        sync_directory(temporary)
        try:
            temporary.rename(directory)  # fails where another process was first: its directory is not empty
        except OSError:
            if not directory.is_dir():
                raise
        sync_directory(directory.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def signing_key(directory: Path) -> SigningKey:
    """The private key that is there; UsageError where none is."""
    path = directory / "signing.pem"
    if not path.exists():
        raise UsageError(
            f"{path}: no such file: restore the registry's key, or name its directory with --key"
        )
    return SigningKey.read(path)


def secret(directory: Path) -> bytes:
    """SECRET_SIZE bytes for keyed digests; UsageError where they cannot be read or are not so many."""
    path = directory / "secret"
    try:
        found = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read (errno {error.errno}): restore the registry's key, or name its "
            "directory with --key"
        ) from None
    if len(found) != SECRET_SIZE:
        raise UsageError(f"{path}: is not {SECRET_SIZE} bytes long: restore the registry's key")
    return found
