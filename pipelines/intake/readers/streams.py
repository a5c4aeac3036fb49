"""The bytes of a file, decompressed in pieces, with bounded memory and an exact place for every break."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from schemas.errors import InputUnreadable, MalmoiError
from schemas.reasons import Refusal

PIECE = 1 << 20  # bytes handed on at once
GZIP_MAGIC = b"\x1f\x8b\x08"
# A zstd block of 4 bytes may hold 128 KiB (RFC 8878, 3.1.1.2): 2 KiB of input give 64 MiB at most.
ZSTD_FEED = 2 << 10


class StreamBroken(MalmoiError):
    """The compressed stream ends in the middle or cannot be decoded; the bytes before it were handed on."""

    def __init__(self, refusal: Refusal, resume: int) -> None:
        self.refusal = refusal
        self.resume = resume  # compressed byte behind which a later gzip member may start
        super().__init__(f"{refusal.value} near compressed byte {resume}: ask the partner for the file again")


def open_file(path: Path) -> BinaryIO:
    """Open for reading; a symbolic link in the last place is refused. Raises InputUnreadable."""
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise InputUnreadable(
            f"{path.name}: {error.strerror}: put the file back as it was planned, then run again"
        ) from None


def pieces(file: BinaryIO, path: str, *, start: int = 0, stop: int = -1) -> Iterator[bytes]:
    """Uncompressed pieces of about 1 MiB; start and stop are bytes of the file (stop -1: its end).

    The ending of the path tells the compression. Raises StreamBroken behind the last good byte.
    """
    file.seek(start)
    if path.endswith(".gz"):
        yield from _gzip(file, start)
    elif path.endswith(".zst"):
        yield from _zstd(file)
    else:
        left = stop - start if stop >= 0 else -1
        while piece := file.read(PIECE if left < 0 else min(PIECE, left)):
            left -= len(piece) if left > 0 else 0
            yield piece


def _gzip(file: BinaryIO, position: int) -> Iterator[bytes]:
    """All members of a gzip file; zero bytes behind the last one are padding, as in gzip(1)."""
    data = file.read(PIECE >> 3)
    while data:
        member = position  # where the member starts in the file
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while not inflate.eof:
            if not data:
                data = file.read(PIECE >> 3)
                if not data:
                    raise StreamBroken(Refusal.TRUNCATED, member + 1)
            try:
                piece = inflate.decompress(data, PIECE)
            except zlib.error:
                raise StreamBroken(Refusal.UNREADABLE, member + 1) from None
            position += len(data) - len(inflate.unconsumed_tail) - len(inflate.unused_data)
            data = inflate.unconsumed_tail or inflate.unused_data
            if piece:
                yield piece
        data = data or file.read(PIECE >> 3)
        while data and not data.strip(b"\0"):
            position += len(data)
            data = file.read(PIECE >> 3)


def _zstd(file: BinaryIO) -> Iterator[bytes]:
    """All frames of a zstd file."""
    window = zstandard.ZstdDecompressor()
    data = file.read(ZSTD_FEED)
    while data:
        frame = window.decompressobj()
        while not frame.eof:
            if not data:
                data = file.read(ZSTD_FEED)
                if not data:
                    raise StreamBroken(Refusal.TRUNCATED, file.tell())
            try:
                piece = frame.decompress(data)
            except zstandard.ZstdError:
                raise StreamBroken(Refusal.UNREADABLE, file.tell()) from None
            data = frame.unused_data
            if piece:
                yield piece
        data = data or file.read(ZSTD_FEED)


def next_member(file: BinaryIO, position: int) -> int:
    """The file position of the next gzip member's first bytes from `position` on, or -1."""
    file.seek(position)
    tail = b""
    while piece := file.read(PIECE):
        found = (tail + piece).find(GZIP_MAGIC)
        if found >= 0:
            return position - len(tail) + found
        position += len(piece)
        tail = (tail + piece)[-2:]
    return -1
