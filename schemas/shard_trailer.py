"""The trailer of a shard: a digest of each of its parts, behind the end of the Arrow stream.

Readers of the stream stop at its end marker and never see it. Last in the file are the length of the trailer
(8 bytes, little-endian) and MAGIC, so that it is found from the end; before them lies canonical JSON, padded
with blanks until the file is a multiple of 8 bytes long (numpy maps it as int32 to its end).

The manifest's SHA-256 is what a shard is held against. The trailer tells which part differs, and lets the
lineage columns be checked without reading the tokens, which are 99 % of the file.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import orjson
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json

MAGIC = b"malmoi.1"
_TAIL = struct.Struct("<Q8s")
_LONGEST = 1 << 16  # bytes of a trailer


@dataclass(frozen=True, config=ConfigDict(extra="forbid", defer_build=True))
class Part:
    """Bytes `begin` to `end` (exclusive) of the file and their SHA-256.

    The part "input_ids" begins at byte 0: with the tokens it holds the messages before them.
    """

    name: str
    begin: int
    end: int
    sha256: str


def trailer_bytes(parts: tuple[Part, ...], *, at: int) -> bytes:
    """The trailer of a file whose stream ends at byte `at`."""
    content = canonical_json({"parts": parts})
    content += b" " * (-(at + len(content) + _TAIL.size) % 8)
    return content + _TAIL.pack(len(content), MAGIC)


def read_trailer(path: Path) -> tuple[Part, ...]:
    """The parts of a shard; BuildInconsistent where its end is no trailer, OSError where it is no file."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL.size))
        tail = file.read()
        length, magic = _TAIL.unpack(tail) if len(tail) == _TAIL.size else (0, b"")
        if magic == MAGIC and 0 < length <= min(_LONGEST, size - _TAIL.size):
            file.seek(size - _TAIL.size - length)
            try:
                said = orjson.loads(file.read(length))
                return TypeAdapter(tuple[Part, ...]).validate_python(said["parts"])
            except (KeyError, TypeError, ValueError):
                pass
    raise BuildInconsistent(f"{path.name} does not end in a shard's trailer: run `malmoi verify`")


def altered_parts(path: Path) -> tuple[str, ...]:
    """The names of the parts whose bytes are not those of the trailer."""
    found = []
    with path.open("rb") as file:
        for part in read_trailer(path):
            digest, left = hashlib.sha256(), part.end - part.begin
            file.seek(part.begin)
            while left > 0 and (piece := file.read(min(left, 1 << 20))):
                digest.update(piece)
                left -= len(piece)
            if left or digest.hexdigest() != part.sha256:
                found.append(part.name)
    return tuple(found)
