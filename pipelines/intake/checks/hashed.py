"""A file whose bytes are digested as they are read, each once, whatever the order of reading."""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from schemas.errors import InputUnreadable

_PIECE = 1 << 20


class HashedFile:
    """Reads like a binary file; `digest` reads what nobody has asked for.

    A thread of its own digests the last piece while the next is read. To be used in a `with`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._place = 0
        self._seen = 0  # bytes from the start that are in the digest, or on their way there
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._digesting: Future[None] | None = None

    def __enter__(self) -> HashedFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`."""
        data = self._file.read(size)
        if self._place <= self._seen < self._place + len(data):
            self._wait()
            new = memoryview(data)[self._seen - self._place :]
            self._digesting = self._thread.submit(self._sha256.update, new)
            self._seen = self._place + len(data)
        self._place += len(data)
        return data

    def seek(self, place: int) -> int:
        """Go to a byte that is not behind those read so far."""
        self._place = self._file.seek(place)
        return self._place

    def tell(self) -> int:
        """The byte that is read next."""
        return self._place

    def digest(self) -> str:
        """SHA-256 of the whole file, hexadecimal."""
        self.seek(self._seen)
        while self.read(_PIECE):
            pass
        self._wait()
        return self._sha256.hexdigest()

    def _wait(self) -> None:
        if self._digesting is not None:
            self._digesting.result()

    def as_binary(self) -> BinaryIO:
        """Itself, for readers that only read, seek and tell."""
        return cast("BinaryIO", self)


def sha256_unchanged(path: Path, before: os.stat_result) -> str:
    """SHA-256 of a file that was read out of order.

    Raises InputUnreadable where it changed since `before`.
    """
    with path.open("rb", buffering=0) as file:
        digest = hashlib.file_digest(cast("io.BufferedReader", file), "sha256").hexdigest()
    after = path.stat()
    if (after.st_ino, after.st_size, after.st_mtime_ns) != (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    ):
        raise InputUnreadable(f"{path.name}: changed while it was read: admit the drop when it is complete")
    return digest
