"""Tokens to shards: which document lies where, and the Arrow file that holds it.

Reads input_ids, doc_id, partner, language. Writes input_ids, doc_id, contract, language (SHARD in
schemas.shards) as an Arrow IPC stream of one record batch whose token buffer begins at byte 4096 of the
file (`pipelines.tokens.stream`), and behind its end the digests of its parts (`schemas.shard_trailer`).
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tokens.stream import ALIGNMENT, END_OF_STREAM, batch_message, padded_schema
from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json
from schemas.shard_trailer import Part, read_trailer, trailer_bytes
from schemas.shards import NO_LANGUAGE, SHARD, TOKENS_AT, code_of, code_table

SHARD_VERSION = 2  # 2: languages in 16 bits, digests in a trailer
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
    another shard. A byte of admitted UTF-8 gives about a byte of int32 tokens (4 to 5 bytes a token), and
    never more than 4 where every token has a byte at least; a document is not cut, so one that is longer
    than a shard makes its shard longer.
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
    buffers = {
        "input_ids": pa.py_buffer(np.ascontiguousarray(tokens, dtype="<i4")),
        "offsets": pa.py_buffer((offsets - offsets[0]).astype("<i4")),
        "doc_id": pa.py_buffer(_id_bytes(doc_ids)),
        "contract": pa.py_buffer(batch["contract"].to_numpy().astype("<i4", copy=False)),
        "language": pa.py_buffer(batch["language"].to_numpy().astype("<i2", copy=False)),
    }
    message = batch_message(len(batch), len(tokens), [len(buffer) for buffer in buffers.values()])
    head = padded_schema(
        TOKENS_AT - len(message),
        {
            "malmoi.languages": canonical_json(_names(rows["language"])).decode(),
            "malmoi.partners": canonical_json(_names(rows["partner"])).decode(),
            "malmoi.shard": str(SHARD_VERSION),
        },
    )
    with whole_file(path) as file:
        file.write(head)
        file.write(message)
        parts = tuple(_write_part(file, name, buffer) for name, buffer in buffers.items())
        file.write(END_OF_STREAM)
        file.write(trailer_bytes(parts, at=file.size))
        file.flush()
        _check_written(file.path, rows=len(batch), tokens=len(tokens))
    return WrittenShard(bytes=file.size, sha256=file.sha256, rows=len(batch), tokens=len(tokens))


def write_dataset_files(directory: Path, shard_names: Sequence[str], rows: Sequence[int]) -> None:
    """dataset_info.json and state.json, so that `datasets.load_from_disk` opens the directory of shards.

    `shard_names` are file names in it and `rows` their numbers of rows. The info also holds the tables of
    the codes in the shards' columns. The fingerprint, by which `datasets` names its caches, is a digest of
    the digests in the shards' trailers.
    """
    partners: set[str] = set()
    languages: set[str] = set()
    contents: list[list[str]] = []
    for name in shard_names:
        metadata = read_shard_schema(directory / name).metadata
        contents.append([part.sha256 for part in read_trailer(directory / name)])
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


class HashedFile:
    """A file that is being written, with its size and SHA-256 so far."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.size = 0
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, part: bytes | pa.Buffer) -> None:
        """Append bytes."""
        self._file.write(part)
        self._digest.update(part)
        self.size += len(part)

    def flush(self) -> None:
        """Hand what was written to the system, so that a reader of `path` sees it."""
        self._file.flush()

    @property
    def sha256(self) -> str:
        """Of all that was written so far; asking for it reads nothing again."""
        return self._digest.hexdigest()


@contextmanager
def whole_file(path: Path) -> Iterator[HashedFile]:
    """A file that is there whole or not at all: written beside its place, synced, renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield HashedFile(temporary, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, parts: Iterable[bytes | pa.Buffer]) -> tuple[int, str]:
    """Write a file whole or not at all. Returns (bytes, SHA-256)."""
    with whole_file(path) as file:
        for part in parts:
            file.write(part)
    return file.size, file.sha256


def _write_part(file: HashedFile, name: str, buffer: pa.Buffer) -> Part:
    """Write a buffer up to the alignment of the next; what the trailer says of it.

    The tokens are the first and 99 % of the file: they are hashed once, with what lies before them, by the
    digest of the file. The other parts are hashed by themselves too.
    """
    begin = file.size
    file.write(buffer)
    first = name == "input_ids"
    sha256 = file.sha256 if first else hashlib.sha256(buffer).hexdigest()
    part = Part(name, 0 if first else begin, file.size, sha256)
    file.write(bytes(-len(buffer) % ALIGNMENT))
    return part


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


def _codes(values: pa.ChunkedArray, column: str) -> pa.Array:
    """The code of each name; a table of the few different names, taken from by position."""
    encoded = values.combine_chunks().fill_null(NO_LANGUAGE).dictionary_encode()
    code_table(encoded.dictionary.to_pylist())  # two names of one code stop the build
    names = {name: code_of(name) for name in encoded.dictionary.to_pylist()}
    code_type = SHARD.field(column).type
    for name, code in names.items():
        if code >> (code_type.bit_width - 1):
            raise BuildInconsistent(f"{column} {name!r} is no code of two or three letters: mend the recipe")
    codes = pa.array(names.values(), code_type)
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
    columns = [
        lists,
        _whole(rows["doc_id"]),
        _codes(rows["partner"], "contract"),
        _codes(rows["language"], "language"),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SHARD)


def _check_written(path: Path, *, rows: int, tokens: int) -> None:
    """Open the shard as its users will; BuildInconsistent where they would find anything elsewhere.

    That the bytes are those given is the digest's matter; here it is looked at where pyarrow finds them.
    """
    with pa.memory_map(str(path)) as source:
        begin = source.read_buffer().address
        source.seek(0)
        reader = pa.ipc.open_stream(source)
        batch = reader.read_next_batch()
        values = batch["input_ids"].values
        same = (
            reader.schema.equals(SHARD)
            and (len(batch), len(values)) == (rows, tokens)
            and (not tokens or values.buffers()[1].address - begin == TOKENS_AT)
            and next(iter(reader), None) is None
        )
        del batch, values
    if not same:
        raise BuildInconsistent(f"{path.name} does not read back as it was written: check pyarrow's version")
