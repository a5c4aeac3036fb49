"""The messages of a shard's Arrow stream: pyarrow's own, with our numbers and the tokens first.

pyarrow would put the list offsets before the tokens, and the place of the tokens would hang on the number of
rows; the stream format names the place of every buffer, so here the tokens come first and all readers follow.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pyarrow as pa

from schemas.errors import BuildInconsistent
from schemas.shards import SHARD, TOKENS_AT

ALIGNMENT = 64  # of every buffer, as the Arrow format recommends
END_OF_STREAM = struct.pack("<Ii", 0xFFFFFFFF, 0)


def padded_schema(size: int, metadata: dict[str, str]) -> bytes:
    """The stream's schema message, exactly `size` bytes long."""

    def message(padding: int) -> bytes:
        padded = SHARD.with_metadata({**metadata, "malmoi.padding": " " * padding})
        return bytes(padded.serialize())

    padding = size - len(message(0))
    for candidate in range(padding, max(padding - 64, -1), -1):  # the message grows in steps of 8 bytes
        if len(found := message(candidate)) == size:
            return found
    raise BuildInconsistent(
        f"the names of a shard's partners and languages do not fit before byte {TOKENS_AT}: shorten them"
    )


def batch_message(rows: int, tokens: int, sizes: Sequence[int]) -> bytes:
    """The record batch's message: pyarrow's own for one row, with our numbers, and the tokens first.

    `sizes` are the bytes of the buffers in the order in which they lie: tokens, list offsets, ids, contract
    codes, language codes. Layout of the tables: format/Message.fbs of Apache Arrow (Message: version,
    header_type, header, bodyLength; RecordBatch: length, nodes, buffers).
    """
    columns = [
        pa.array([value], field.type) for field, value in zip(SHARD, ([0], bytes(16), 0, 0), strict=True)
    ]
    template = pa.RecordBatch.from_arrays(columns, schema=SHARD).serialize().to_pybytes()
    (length,) = struct.unpack_from("<i", template, 4)
    message = bytearray(template[: 8 + length])
    places, end = [], 0
    for size in sizes:
        places.append((end, size))
        end += size + -size % ALIGNMENT
    table = 8 + _unsigned(message, 8)
    struct.pack_into("<q", message, _field(message, table, 3), end)
    header = _follow(message, _field(message, table, 2))
    struct.pack_into("<q", message, _field(message, header, 0), rows)
    nodes = _follow(message, _field(message, header, 1)) + 4
    for index, count in enumerate((rows, tokens, rows, rows, rows)):
        struct.pack_into("<qq", message, nodes + 16 * index, count, 0)
    buffers = _follow(message, _field(message, header, 2)) + 4
    ids, offsets, *others = places
    none = (0, 0)  # validity: nothing is null
    for index, place in enumerate(
        (none, offsets, none, ids, *(p for other in others for p in (none, other)))
    ):
        struct.pack_into("<qq", message, buffers + 16 * index, *place)
    return bytes(message)


def _unsigned(message: bytearray, at: int) -> int:
    return int.from_bytes(message[at : at + 4], "little")


def _follow(message: bytearray, at: int) -> int:
    return at + _unsigned(message, at)


def _field(message: bytearray, table: int, number: int) -> int:
    """Where a field of a flatbuffer table lies; its vtable holds a u16 for each field from byte 4 on."""
    (distance,) = struct.unpack_from("<i", message, table)
    (offset,) = struct.unpack_from("<H", message, table - distance + 4 + 2 * number)
    return table + int(offset)
