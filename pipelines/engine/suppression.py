"""Content that was taken down, by keyed fingerprints: who of a staged batch is (nearly) it.

REGISTRY/suppressed/<request>.arrow holds exact, bands, shingles of the documents that were asked about, each
a 64-bit SipHash under the registry's key. Equal values stay equal, so the exact Jaccard similarity of two
documents is that of their keyed shingles; without the key nothing can be guessed from them. The file says by
which settings its texts were cleaned (`Way`), so that admission, which knows no recipe, goes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from pipelines.dedup.candidates import bucket_keys
from pipelines.intake.checks.siphash import siphash_128
from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json, fingerprint
from schemas.recipe import ExtractSettings, FingerprintSettings, NormaliseSettings, PiiSettings, Recipe

SUPPRESSED = pa.schema(
    [
        pa.field("exact", pa.uint64(), nullable=False),
        pa.field("bands", pa.list_(pa.uint64()), nullable=False),
        pa.field("shingles", pa.large_list(pa.uint64()), nullable=False),  # sorted
    ]
)
Shingles = Callable[[pa.RecordBatch], pa.Array]
_SHAPE = b"fingerprints"  # in the schema's metadata: by which settings they were taken
_WAY = b"way"  # and by which their texts were cleaned


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Way:
    """What makes a text's fingerprints, and from which similarity on it is the same content."""

    extract: ExtractSettings = ExtractSettings()
    normalise: NormaliseSettings = NormaliseSettings()
    pii: PiiSettings = PiiSettings()
    fingerprint: FingerprintSettings = FingerprintSettings()
    threshold: float = 0.8

    @classmethod
    def of(cls, recipe: Recipe) -> Way:
        """The way of a recipe's documents."""
        settings = recipe.extract, recipe.normalise, recipe.pii, recipe.fingerprint
        return cls(*settings, recipe.dedup.threshold)


@dataclass(frozen=True)
class Suppressed:
    """All that is kept out of a build."""

    digests: tuple[str, ...]  # of the files, sorted: part of a build's identity
    key: bytes
    exact: NDArray[np.uint64]
    bands: NDArray[np.uint64]  # sorted
    shingles: tuple[NDArray[np.uint64], ...]

    def __bool__(self) -> bool:
        return bool(self.digests)


NOTHING = Suppressed((), b"", np.empty(0, np.uint64), np.empty(0, np.uint64), ())


def suppression_bytes(
    batches: Sequence[pa.RecordBatch], *, key: bytes, way: Way, shingles: Shingles
) -> bytes:
    """The file of the documents in some batches of STAGED."""
    sink = pa.BufferOutputStream()
    shape = fingerprint(way.fingerprint).encode()
    schema = SUPPRESSED.with_metadata({_SHAPE: shape, _WAY: canonical_json(way)})
    with pa.ipc.new_file(sink, schema) as writer:
        for batch in _keyed_batches(batches, key, shingles):
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))
    return bytes(sink.getvalue())


def suppressed_now(batches: Sequence[pa.RecordBatch], *, key: bytes, shingles: Shingles) -> Suppressed:
    """The documents in some batches of STAGED as if they were kept out: nothing is written."""
    table = pa.Table.from_batches(_keyed_batches(batches, key, shingles), SUPPRESSED)
    return _together([table], digests=("",), key=key)


def read_suppressed(
    files: Sequence[tuple[str, Path]], *, key: bytes, settings: FingerprintSettings
) -> Suppressed:
    """The files of `suppression_bytes`, together.

    Raises BuildInconsistent for one that was made with other settings than the recipe's: near copies of it
    could not be told.
    """
    if not files:
        return NOTHING
    tables = []
    for _, path in files:
        table = pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all()
        if (table.schema.metadata or {}).get(_SHAPE) != fingerprint(settings).encode():
            raise BuildInconsistent(
                f"{path.name}: its fingerprints were taken with other settings than this recipe's "
                "(fingerprint): build with those, or record the takedown's text again"
            )
        tables.append(table.replace_schema_metadata(None))
    return _together(tables, digests=tuple(sorted(digest for digest, _ in files)), key=key)


def way_of(path: Path) -> Way | None:
    """The way that a file's texts went; None of an older file whose settings are not the usual ones."""
    metadata = pa.ipc.open_file(pa.BufferReader(path.read_bytes())).schema.metadata or {}
    if _WAY in metadata:
        return TypeAdapter(Way).validate_json(metadata[_WAY])
    usual = fingerprint(FingerprintSettings()).encode() == metadata.get(_SHAPE)
    return Way() if usual else None


def _keyed_batches(
    batches: Iterable[pa.RecordBatch], key: bytes, shingles: Shingles
) -> Iterator[pa.RecordBatch]:
    """SUPPRESSED of each batch of STAGED."""
    for batch in batches:
        exact, bands = _keyed_buckets(batch, key)
        keyed = [np.sort(_keyed(np.asarray(one.values, np.uint64), key)) for one in shingles(batch)]
        columns = [
            pa.array(exact),
            pa.array(list(bands), SUPPRESSED.field("bands").type),
            pa.array(keyed, SUPPRESSED.field("shingles").type),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=SUPPRESSED)


def _together(tables: Sequence[pa.Table], *, digests: tuple[str, ...], key: bytes) -> Suppressed:
    whole = pa.concat_tables(tables)
    return Suppressed(
        digests=digests,
        key=key,
        exact=np.unique(whole["exact"].to_numpy()),
        bands=np.unique(whole["bands"].combine_chunks().flatten().to_numpy()),
        shingles=tuple(np.asarray(one.values, np.uint64) for one in whole["shingles"]),
    )


def suppressed_rows(
    batch: pa.RecordBatch, suppressed: Suppressed, *, shingles: Shingles, threshold: float
) -> NDArray[np.bool_]:
    """Who of a batch of STAGED is equal, or similar to the threshold, to anything that is kept out.

    As in deduplication a document is compared with those it shares a band with.
    """
    if not suppressed or not len(batch):
        return np.zeros(len(batch), np.bool_)
    exact, bands = _keyed_buckets(batch, suppressed.key)
    out = np.isin(exact, suppressed.exact)
    near = np.flatnonzero(~out & np.isin(bands, suppressed.bands).any(axis=1))
    if len(near):
        for row, own in zip(near.tolist(), shingles(batch.take(pa.array(near))), strict=True):
            keyed = np.sort(_keyed(np.asarray(own.values, np.uint64), suppressed.key))
            out[row] = any(_jaccard(keyed, other) >= threshold for other in suppressed.shingles)
    return out


def _keyed_buckets(batch: pa.RecordBatch, key: bytes) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The keyed exact digest of each row, and its keyed bands, shape (rows, bands)."""
    keys = bucket_keys(batch)  # exact, id, bands; what each stands for is mixed into it
    return _keyed(keys[:, 0], key), _keyed(keys[:, 2:].reshape(-1), key).reshape(len(keys), keys.shape[1] - 2)


def _keyed(values: NDArray[np.uint64], key: bytes) -> NDArray[np.uint64]:
    numbers = np.ascontiguousarray(values, "<u8")
    return siphash_128(numbers.view(np.uint8), np.arange(len(numbers) + 1, dtype=np.int64) * 8, key)[0]


def _jaccard(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> float:
    common = len(np.intersect1d(first, second, assume_unique=True))
    whole = len(first) + len(second) - common
    return common / whole if whole else 1.0
