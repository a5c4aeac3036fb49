"""Files that are written once, whole, by whoever comes first; never over another."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_new(path: Path, content: bytes) -> bool:
    """Put a new file there, on disk when this returns; False where the name is taken already.

    The name appears with all of the bytes behind it or not at all, whatever is killed or full, and of any
    number of processes one gets it: a temporary file (its name starts with a dot) is linked to it. Its
    directory must be there, on a file system with hard links.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def sync_directory(directory: Path) -> None:
    """Make the names in a directory last through a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
