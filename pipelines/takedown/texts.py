"""A text that was asked about, with the fingerprints that the build would give it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import pyarrow as pa

from pipelines.stages.fingerprint import fingerprint
from pipelines.stages.normalise import normalise
from pipelines.stages.pii.find import find_pii
from schemas.contract import Contract, DataSet
from schemas.documents import DOCUMENT
from schemas.recipe import Recipe


def fingerprints_of(
    texts: Sequence[str], recipe: Recipe, contracts: Iterable[Contract]
) -> tuple[pa.RecordBatch, ...]:
    """The texts as they stand, once for each way in which a contract has personal data looked for.

    What is found stands as its class in the canonical text, so the same text of two partners may have two
    fingerprints.
    """
    rows = pa.RecordBatch.from_arrays(
        [
            pa.array(
                [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts], pa.binary(16)
            ),
            pa.array(range(len(texts)), pa.int64()),
            pa.array(texts, pa.string()),
            pa.nulls(len(texts), pa.string()),
        ],
        schema=DOCUMENT,
    )
    found: dict[bytes, pa.RecordBatch] = {}
    for contract in contracts:
        for data_set in contract.data_sets:
            batch = _through(rows, recipe, data_set)
            found.setdefault(b"".join(batch["exact"].to_pylist()), batch)
    return tuple(found[key] for key in sorted(found))


def _through(rows: pa.RecordBatch, recipe: Recipe, data_set: DataSet) -> pa.RecordBatch:
    batch = normalise(rows, settings=recipe.normalise, data_set=data_set).kept
    batch = find_pii(batch, settings=recipe.pii, data_set=data_set).kept
    return fingerprint(batch, settings=recipe.fingerprint, data_set=data_set).kept
