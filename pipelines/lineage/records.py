"""A ledger piece as records under a Merkle root (schemas.content).

Reads doc_id, partner, kept, stage, reason, tokens, shard_row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.content import RECORD, RECORDS
from schemas.id_columns import id_bytes
from schemas.merkle import leaf_hash, root_of_hashes
from schemas.shards import code_of

RECORD_COLUMNS = ("doc_id", "partner", "kept", "stage", "reason", "tokens", "shard_row")
Records = npt.NDArray[np.uint8]  # (rows, RECORD.size)
_NONE = 0  # of a kept document


def records(rows: pa.Table) -> Records:
    """The records of ledger rows in their order; texts may be dictionary encoded."""
    found = np.empty((len(rows), RECORD.size), np.uint8)
    found[:, :16] = id_bytes(rows["doc_id"])
    numbers = found[:, 16:].view(">i4")
    numbers[:, 0] = pc.fill_null(rows["shard_row"], -1).to_numpy()
    numbers[:, 1] = rows["tokens"].to_numpy()
    numbers[:, 2] = _why(rows)
    numbers[:, 3] = _codes(rows["partner"])
    return found


def piece_leaves(found: Records) -> list[bytes]:
    """The leaf hashes of a ledger piece, RECORDS of its records each."""
    whole, size = found.tobytes(), RECORDS * RECORD.size
    return [leaf_hash(whole[at : at + size]) for at in range(0, len(whole), size)]


def piece_root(rows: pa.Table) -> str:
    """The Merkle root of a ledger piece, hexadecimal."""
    return root_of_hashes(piece_leaves(records(rows))).hex()


def _codes(names: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    indices, words = _encoded(names)
    return np.array([code_of(word) for word in words] or [0], np.int32)[indices]


def _why(rows: pa.Table) -> npt.NDArray[np.int32]:
    """The code of each dropped row's "stage/reason"."""
    stages, stage_names = _encoded(rows["stage"])
    reasons, reason_names = _encoded(rows["reason"])
    table = np.array(
        [[code_of(f"{stage}/{reason}") for reason in [*reason_names, ""]] for stage in [*stage_names, ""]],
        np.int32,
    )
    return np.where(rows["kept"].to_numpy(), np.int32(_NONE), table[stages, reasons])


def _encoded(names: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], list[str]]:
    """The index of each name (-1: null), and the names."""
    if not pa.types.is_dictionary(names.type):
        names = pc.dictionary_encode(names)
    whole = names.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # of no rows
        return np.zeros(0, np.int64), []
    indices = pc.fill_null(whole.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return indices, whole.dictionary.to_pylist()
