"""Files that are whole or not there: temporary name, fsync, rename."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.identity import file_sha256
from schemas.manifest import FileFacts


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it when the block ends well, removed otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_directory(path: Path) -> Iterator[Path]:
    """A temporary directory beside `path`; renamed to it when the block ends well.

    Where another process has put `path` there meanwhile, that one stays: equal names hold equal bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        for file in temporary.iterdir():
            _sync(file)
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write bytes so that `path` holds all of them or is what it was."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def write_index(path: Path, table: pa.Table) -> None:
    """Write a side table of the build as Parquet, whole or not at all; equal rows give equal bytes."""
    with whole_file(path) as temporary:
        pq.write_table(table.combine_chunks(), temporary, compression="zstd", store_schema=True)


def facts_of(build: Path, path: str) -> FileFacts:
    """Path, size and digest of a file of the build."""
    return FileFacts(path, (build / path).stat().st_size, file_sha256(build / path))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
