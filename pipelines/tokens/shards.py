"""Tokens to shards: which document lies where, and the Arrow file that holds it.

Reads input_ids, doc_id, partner, language. Writes input_ids, doc_id, contract, language (SHARD in
schemas.shards) as an Arrow IPC stream of one record batch whose token buffer begins at byte 4096 of the
file. pyarrow would put the list offsets first, and the place of the tokens would hang on the number of rows;
the stream format names the place of every buffer, so here the tokens come first and all readers follow.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
from collections.abc import Iterable, Sequence
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json
from schemas.shards import NO_LANGUAGE, SHARD, TOKENS_AT, code_of, code_table

SHARD_VERSION = 1
_ALIGNMENT = 64  # of every buffer, as the Arrow format recommends
_END_OF_STREAM = struct.pack("<Ii", 0xFFFFFFFF, 0)
_INT32_MAX = 2**31 - 1
_COLUMNS = ("input_ids", "doc_id", "partner", "language")


class WrittenShard(NamedTuple):
    """What the manifest says of a shard, but for its name and path."""

    bytes: int
    sha256: str
    rows: int
    tokens: int


def partition_of(doc_ids: pa.Array | pa.ChunkedArray, partitions: int) -> npt.NDArray[np.int64]:
    """The partition of each document: equal ranges of the id's first 32 bits, so ids rise from part to part.

    Ids are BLAKE2b digests, so the parts are of equal size but for chance.
    """
    first = _id_words(doc_ids)[:, 0] >> np.uint64(32)
    return ((first * np.uint64(partitions)) >> np.uint64(32)).astype(np.int64)


def is_validation(doc_ids: pa.Array | pa.ChunkedArray, share: float) -> npt.NDArray[np.bool_]:
    """Whether each document is set aside: its id's last 8 bytes, as a number in [0, 1), are below `share`.

    A larger share keeps all documents of a smaller one.
    """
    last = _id_words(doc_ids)[:, 1] >> np.uint64(11)  # 53 bits are exact in a float64
    return np.asarray(last.astype(np.float64) * 2.0**-53 < share)


def shard_count(admitted_bytes: int, shard_mib: int) -> int:
    """The number of shards of a segment, at least one.

    A function of the admitted bytes, never of what was kept, so that a takedown moves no document to
    another shard: a byte of admitted UTF-8 gives about a byte of int32 tokens (Korean: 5 bytes a token).
    """
    return max(1, ceil(admitted_bytes / (shard_mib << 20)))


def check_size(tokens: int) -> None:
    """Raises BuildInconsistent for more tokens than one shard holds."""
    if tokens > _INT32_MAX:
        raise BuildInconsistent(
            f"{tokens} tokens do not fit in one shard: lower tokens.shard_mib in the recipe"
        )


def write_shard(path: Path, rows: pa.Table) -> WrittenShard:
    """Write one shard, whole or not at all; the same rows give the same bytes.

    Columns: input_ids list<int32>, doc_id fixed_size_binary(16), partner and language strings (a language
    may be null); their order is the file's. Raises BuildInconsistent for anything else, and past 2^31 - 1
    tokens.
    """
    batch = _shard_batch(rows)
    lists, doc_ids = batch["input_ids"], batch["doc_id"]
    offsets = lists.offsets.to_numpy().astype(np.int64)
    tokens = lists.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0])).to_numpy()
    buffers = [
        pa.py_buffer(np.ascontiguousarray(tokens, dtype="<i4")),
        pa.py_buffer((offsets - offsets[0]).astype("<i4")),
        pa.py_buffer(_id_bytes(doc_ids)),
        pa.py_buffer(batch["contract"].to_numpy().astype("<i4", copy=False)),
        pa.py_buffer(batch["language"].to_numpy().astype("<i4", copy=False)),
    ]
    content = hashlib.blake2b(digest_size=16)
    for buffer in buffers:
        content.update(buffer)
    message = _batch_message(len(batch), len(tokens), [len(buffer) for buffer in buffers])
    head = _padded_schema(
        TOKENS_AT - len(message),
        {
            "malmoi.content": content.hexdigest(),
            "malmoi.languages": canonical_json(_names(rows["language"])).decode(),
            "malmoi.partners": canonical_json(_names(rows["partner"])).decode(),
            "malmoi.shard": str(SHARD_VERSION),
        },
    )
    padded = [part for buffer in buffers for part in (buffer, bytes(-len(buffer) % _ALIGNMENT))]
    size, sha256 = write_whole(path, [head, message, *padded, _END_OF_STREAM])
    _check_written(path, rows=len(batch), tokens=tokens)
    return WrittenShard(bytes=size, sha256=sha256, rows=len(batch), tokens=len(tokens))


def write_dataset_files(directory: Path, shard_names: Sequence[str], rows: Sequence[int]) -> None:
    """dataset_info.json and state.json, so that `datasets.load_from_disk` opens the directory of shards.

    `shard_names` are file names in it and `rows` their numbers of rows. The info also holds the tables of
    the codes in the shards' columns. The fingerprint, by which `datasets` names its caches, is a digest of
    the shards' content.
    """
    partners: set[str] = set()
    languages: set[str] = set()
    contents: list[str] = []
    for name in shard_names:
        metadata = read_shard_schema(directory / name).metadata
        contents.append(metadata[b"malmoi.content"].decode())
        partners.update(orjson.loads(metadata[b"malmoi.partners"]))
        languages.update(orjson.loads(metadata[b"malmoi.languages"]))
    info = {
        "builder_name": "malmoi",
        "citation": "",
        "description": "",
        "homepage": "",
        "license": "",
        "malmoi": {"contract": code_table(partners), "language": code_table(languages), "rows": list(rows)},
    }
    state: dict[str, object] = {
        "_data_files": [{"filename": name} for name in shard_names],
        "_fingerprint": hashlib.blake2b(canonical_json([SHARD_VERSION, contents]), digest_size=8).hexdigest(),
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    write_whole(directory / "dataset_info.json", [canonical_json(info) + b"\n"])
    write_whole(directory / "state.json", [canonical_json(state) + b"\n"])


def read_shard_schema(path: Path) -> pa.Schema:
    """The schema of a shard, with its metadata; nothing else is read."""
    with path.open("rb") as file:
        return pa.ipc.read_schema(pa.BufferReader(file.read(TOKENS_AT)))


def write_whole(path: Path, parts: Iterable[bytes | pa.Buffer]) -> tuple[int, str]:
    """Write a file whole or not at all: beside its place, synced, renamed. Returns (bytes, SHA-256)."""
    digest, size = hashlib.sha256(), 0
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            for part in parts:
                file.write(part)
                digest.update(part)
                size += len(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return size, digest.hexdigest()


def _id_bytes(doc_ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """The ids as bytes (documents, 16), not copied."""
    array = doc_ids.combine_chunks() if isinstance(doc_ids, pa.ChunkedArray) else doc_ids
    if array.null_count or array.type.byte_width != 16:
        raise BuildInconsistent(
            "a document without its 16-byte id reached the shards: please report this defect"
        )
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros((0, 16), dtype=np.uint8)
    return np.frombuffer(buffer, dtype=np.uint8, count=16 * len(array), offset=16 * array.offset).reshape(
        -1, 16
    )


def _id_words(doc_ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """The ids as two numbers each (documents, 2), the first bytes of an id the weightiest."""
    return _id_bytes(doc_ids).view(">u8").astype(np.uint64)


def _names(values: pa.ChunkedArray) -> list[str]:
    return sorted(NO_LANGUAGE if name is None else name for name in pc.unique(values).to_pylist())


def _codes(values: pa.ChunkedArray) -> pa.Array:
    """The code of each name; a table of the few different names, taken from by position."""
    encoded = values.combine_chunks().fill_null(NO_LANGUAGE).dictionary_encode()
    code_table(encoded.dictionary.to_pylist())  # two names of one code stop the build
    codes = pa.array([code_of(name) for name in encoded.dictionary.to_pylist()], pa.int32())
    return codes.take(encoded.indices)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array; of one piece, that piece (`combine_chunks` would copy it)."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _shard_batch(rows: pa.Table) -> pa.RecordBatch:
    """The rows as one batch of SHARD, nothing null."""
    missing = [name for name in _COLUMNS if name not in rows.column_names]
    if missing:
        raise BuildInconsistent(f"rows of a shard lack {', '.join(missing)}: please report this defect")
    for name in ("input_ids", "doc_id", "partner"):
        if rows[name].null_count:
            raise BuildInconsistent(f"rows of a shard have nulls in {name}: please report this defect")
    tokens = int(pc.sum(pc.list_value_length(rows["input_ids"])).as_py() or 0)
    check_size(tokens)
    lists = _whole(rows["input_ids"])
    if lists.type != SHARD.field("input_ids").type or lists.values.null_count:
        raise BuildInconsistent(
            "input_ids of a shard are no list<int32> without nulls: please report this defect"
        )
    columns = [lists, _whole(rows["doc_id"]), _codes(rows["partner"]), _codes(rows["language"])]
    return pa.RecordBatch.from_arrays(columns, schema=SHARD)


def _padded_schema(size: int, metadata: dict[str, str]) -> bytes:
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


def _batch_message(rows: int, tokens: int, sizes: Sequence[int]) -> bytes:
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
        end += size + -size % _ALIGNMENT
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


def _check_written(path: Path, *, rows: int, tokens: npt.NDArray[np.int32]) -> None:
    """Read the shard as its users will; raises BuildInconsistent where they would see anything else."""
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_stream(source)
        batch = reader.read_next_batch()
        values = batch["input_ids"].values
        same = (
            reader.schema.equals(SHARD)
            and len(batch) == rows
            and next(iter(reader), None) is None
            and np.array_equal(values.to_numpy(), tokens)
        )
    raw = (
        np.memmap(path, dtype="<i4", mode="r", offset=TOKENS_AT, shape=(len(tokens),))
        if len(tokens)
        else tokens
    )
    if not same or not np.array_equal(raw, tokens):
        raise BuildInconsistent(f"{path.name} does not read back as it was written: check pyarrow's version")
