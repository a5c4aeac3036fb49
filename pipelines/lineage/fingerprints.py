"""Which documents have a text: fingerprints of all that came to deduplication, to be searched in place.

Writes and reads BUILD/index/fingerprints/part-<epoch>-<partition>.arrow, an Arrow IPC file of one batch,
beside each part of the ledger. A row of its first two columns is a document, sorted by (exact, doc_id):

    exact      16 bytes  digest of the canonical text (`pipelines.stages.fingerprint`)
    doc_id     16 bytes
    key_<b>     4 bytes  upper 32 bits of the documents' values of MinHash band b, sorted
    row_<b>  1-4 bytes   big-endian: in which row the document of that key stands

Digests of short texts can be guessed, so these files stay in the build and nothing of them but ids is shown.
Documents that rights took out have none: a withdrawn text leaves no trace of itself here.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.documents import DOC_ID
from schemas.errors import BuildInconsistent
from schemas.id_columns import id_bytes, words_of
from schemas.identity import DIGEST_SIZE
from schemas.manifest import Manifest, read_manifest

FINGERPRINTS = "index/fingerprints/"
_KEY_BITS = 32
_LAST = (1 << 32) - 1  # row a file can have: see _narrow
_IDS = ("exact", "doc_id")
_MARGIN = 64  # rows around the place where an evenly spread key would lie; see `_at`


class Candidate(NamedTuple):
    """A document that a text meets in so many bands, and the digest of its canonical text."""

    doc_id: bytes
    bands: int
    exact: bytes


def fingerprints_path(*, epoch: int, partition: int) -> str:
    """Where a partition's fingerprints lie in the build; a document's partition is that of its ledger row."""
    return f"{FINGERPRINTS}part-{epoch}-{partition:05d}.arrow"


def key_of(bands: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """What the index knows of band values: their upper 32 bits, which are as well mixed as all 64."""
    return (bands >> np.uint64(64 - _KEY_BITS)).astype(np.uint32)


def fingerprint_rows(*, doc_id: pa.Array, exact: pa.Array, keys: NDArray[np.uint32]) -> pa.RecordBatch:
    """The batch of a file; `keys` is (documents, bands), of `key_of`. The same rows in any order give it."""
    rows = _by_digest(exact, doc_id)
    order = pa.array(rows)
    columns = [exact.take(order), doc_id.take(order)]
    for values in np.ascontiguousarray(keys[rows].T):
        # Key and row as one number: quicker sorted than argsorted, and no two are equal.
        both = np.sort((values.astype(np.uint64) << np.uint64(32)) | np.arange(len(rows), dtype=np.uint64))
        columns += [pa.array((both >> np.uint64(32)).astype(np.uint32)), _narrow(both & np.uint64(_LAST))]
    return pa.RecordBatch.from_arrays(columns, schema=fingerprints_schema(len(rows), keys.shape[1]))


def _by_digest(exact: pa.Array, doc_id: pa.Array) -> NDArray[np.int64]:
    """The order by digest and document id: by the digests as numbers, and both where digests are equal."""
    digests = words_of(id_bytes(exact))
    order = np.argsort(digests[:, 0].astype(np.uint64))
    same = digests[order[1:], 0] == digests[order[:-1], 0]
    if same.any():
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        equals = np.sort(order[tied])
        ids = words_of(id_bytes(doc_id))[equals]
        order[tied] = equals[np.lexsort([*ids.T[::-1], *digests[equals].T[::-1]])]
    return order


def without_documents(part: pa.RecordBatch, ids: pa.Array) -> pa.RecordBatch:
    """The batch of a file without some documents: what `fingerprint_rows` makes of the others."""
    stays = np.asarray(pc.invert(pc.is_in(part["doc_id"], ids)))
    moved = np.cumsum(stays) - 1
    columns = [part[name].filter(pa.array(stays)) for name in _IDS]
    for band in range(bands_of(part)):
        keys, rows = keys_and_rows(part, band)
        places = numbers(rows)
        left = stays[places]
        columns += [pa.array(keys[left]), _narrow(moved[places[left]])]
    return pa.RecordBatch.from_arrays(columns, schema=fingerprints_schema(len(columns[0]), bands_of(part)))


def fingerprints_schema(documents: int, bands: int) -> pa.Schema:
    """The columns of a file of so many documents."""
    fields = [
        pa.field("exact", pa.binary(DIGEST_SIZE), nullable=False),
        pa.field("doc_id", DOC_ID, nullable=False),
    ]
    for band in range(bands):
        fields.append(pa.field(f"key_{band:03d}", pa.uint32(), nullable=False))
        fields.append(pa.field(f"row_{band:03d}", pa.binary(_width(documents)), nullable=False))
    return pa.schema(fields)


def write_fingerprints(path: Path, rows: pa.RecordBatch) -> None:
    """Write a file; the caller sees to it that it is whole or not there."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_batch(rows)


def read_fingerprints(source: pa.NativeFile) -> pa.RecordBatch:
    """The batch of a file, mapped where its source is; ArrowInvalid where it is of another form."""
    reader = pa.ipc.open_file(source)
    if reader.num_record_batches != 1:
        raise pa.ArrowInvalid("batches")
    batch = reader.get_batch(0)
    batch.validate()
    if not batch.schema.equals(fingerprints_schema(len(batch), bands_of(batch))):
        raise pa.ArrowInvalid("columns")
    return batch


def bands_of(part: pa.RecordBatch) -> int:
    """How many bands a file has."""
    return (int(part.num_columns) - len(_IDS)) // 2


class FingerprintIndex:
    """The fingerprints of a build, mapped; a context manager. A search reads a page or two of each column.

    Raises BuildInconsistent where the build has none, or a file that is not one.
    """

    def __init__(self, build: Path, manifest: Manifest | None = None) -> None:
        self._build = build
        known = manifest or read_manifest(build)
        self._paths = sorted(f.path for f in known.other_files if f.path.startswith(FINGERPRINTS))
        if not self._paths:
            raise BuildInconsistent(
                f"{build.name} has no index of fingerprints: build it again with this version"
            )

    def __enter__(self) -> FingerprintIndex:
        self._parts = [self._opened(path) for path in self._paths]
        return self

    def __exit__(self, *_: object) -> None:
        self._parts = []  # the last reference to what is mapped

    def __len__(self) -> int:
        """Documents in the index."""
        return sum(len(part) for part in self._parts)

    def exact(self, digest: bytes) -> list[bytes]:
        """Ids of the documents whose canonical text has this digest, ascending."""
        found: set[bytes] = set()
        for part in self._parts:
            digests = words_of(id_bytes(part["exact"]))
            first, last = _span(digests[:, 0], int.from_bytes(digest[:8], "big"), bits=64)
            equal = digests[first:last, 1] == int.from_bytes(digest[8:], "big")
            found.update(part["doc_id"].slice(first, last - first).filter(pa.array(equal)).to_pylist())
        return sorted(found)

    def near(self, bands: NDArray[np.uint64]) -> list[Candidate]:
        """All documents that a text meets in one band or more: most bands first, then by id.

        `bands` are all its values, uint64. Texts that share nothing meet in a band once in 2^32.
        """
        return sorted(set(self._met(key_of(bands))), key=lambda one: (-one.bands, one.doc_id, one.exact))

    def _met(self, keys: NDArray[np.uint32]) -> Iterator[Candidate]:
        for part in self._parts:
            if bands_of(part) != len(keys):
                raise BuildInconsistent(
                    f"{self._build.name}: its index has {bands_of(part)} bands, not {len(keys)}: run "
                    f"`malmoi verify {self._build.name}`"
                )
            met = np.concatenate([_rows_of(part, band, key) for band, key in enumerate(keys.tolist())])
            rows, counts = np.unique(met, return_counts=True)
            found = [part[name].take(pa.array(rows)).to_pylist() for name in ("doc_id", "exact")]
            yield from map(Candidate, found[0], counts.tolist(), found[1])

    def _opened(self, path: str) -> pa.RecordBatch:
        try:
            with (self._build / path).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            mapped.madvise(mmap.MADV_RANDOM)  # or each page brings 31 that nobody asks for
            return read_fingerprints(pa.BufferReader(mapped))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise BuildInconsistent(
                f"{path} cannot be read ({type(error).__name__}): run `malmoi verify {self._build.name}`"
            ) from None


def keys_and_rows(part: pa.RecordBatch, band: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """A band's columns without a copy: keys, and the big-endian bytes (documents, width) of their rows."""
    keys, rows = part.column(len(_IDS) + 2 * band), part.column(len(_IDS) + 2 * band + 1)
    width = rows.type.byte_width
    data = rows.buffers()[1]
    flat = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return keys.to_numpy(), flat[: len(rows) * width].reshape(-1, width)


def numbers(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Big-endian bytes (count, width) as numbers; they lie one behind the other, at most 4 each."""
    count, width = rows.shape
    found = np.empty(count, np.int64)
    most = max(0, (count * width - 4) // width + 1)  # rows that 4 bytes can be read at
    if most:
        found[:most] = np.ndarray(most, ">u4", rows.reshape(-1), strides=(width,)) >> np.uint32(
            32 - 8 * width
        )
    whole = np.zeros((count - most, 4), np.uint8)
    whole[:, 4 - width :] = rows[most:]
    found[most:] = whole.view(">u4")[:, 0]
    return found


def _rows_of(part: pa.RecordBatch, band: int, key: int) -> NDArray[np.int64]:
    """The rows of the documents with a key in a band."""
    keys, rows = keys_and_rows(part, band)
    first, last = _span(keys, key, bits=_KEY_BITS)
    return numbers(rows[first:last])


def _span(values: NDArray[Any], wanted: int, *, bits: int) -> tuple[int, int]:
    """Where sorted values equal `wanted`: first place, and the one behind the last."""
    first = _at(values, wanted, bits=bits)
    last = first
    while last < len(values) and values[last] == wanted:
        step = values[last : last + _MARGIN]
        last += int(np.searchsorted(step, values.dtype.type(wanted), side="right"))
    return first, last


def _at(values: NDArray[Any], wanted: int, *, bits: int) -> int:
    """The first place of sorted values that is not below `wanted`.

    Digests are spread evenly, so the place is known to within two square roots of their number (four standard
    deviations): a page or two are read, where halving would read one each time. Else all are searched.
    """
    count = len(values)
    guess, reach = (wanted * count) >> bits, _MARGIN + 2 * int(count**0.5)
    first, last = max(0, guess - reach), min(count, guess + reach)
    if (first > 0 and values[first] >= wanted) or (last < count and values[last - 1] < wanted):
        first, last = 0, count
    return first + int(np.searchsorted(values[first:last], values.dtype.type(wanted)))


def _width(documents: int) -> int:
    """Bytes of a row number of a file of so many documents."""
    return max(1, (max(documents - 1, 0).bit_length() + 7) // 8)


def _narrow(rows: NDArray[np.int64] | NDArray[np.uint64]) -> pa.Array:
    """Row numbers as big-endian bytes, as few as their file needs."""
    width = _width(len(rows))
    narrow = np.ascontiguousarray(rows.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - width :])
    return pa.Array.from_buffers(pa.binary(width), len(rows), [None, pa.py_buffer(narrow)])
