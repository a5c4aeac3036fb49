"""Files that are there whole or not at all: new ones, secret ones, and ones that take another's place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import UsageError


def write_new(path: Path, content: bytes) -> bool:
    """Put a new file there, on disk when this returns; False where the name is taken already.

    The name appears with all of the bytes behind it or not at all, whatever is killed or full, and of any
    number of processes one gets it: a temporary file (its name starts with a dot) is linked to it. Its
    directory must be there, on a file system with hard links.
    """
    with _temporary(path, content, mode=0o644) as temporary:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
    sync_directory(path.parent)
    return True


def replace_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all, over the one that is there."""
    with _temporary(path, content, mode=mode) as temporary:
        temporary.replace(path)


@contextmanager
def _temporary(path: Path, content: bytes, *, mode: int) -> Iterator[Path]:
    """The content on disk beside `path`, under a name that starts with a dot; gone at the end."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def write_secret(path: Path, content: bytes) -> None:
    """A new file of mode 600. Raises UsageError where something lies there already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{path}: exists already: keys are never written over, name another") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written (errno {error.errno}): check the directory") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink()
        raise


def sync_directory(directory: Path) -> None:
    """Make the names in a directory last through a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(directory: Path) -> None:
    """Make every file and name below a directory last through a power cut."""
    for folder, _, names in os.walk(directory):
        for name in names:
            with (Path(folder) / name).open("rb") as file:
                os.fsync(file.fileno())
        sync_directory(Path(folder))
