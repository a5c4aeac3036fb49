"""Megatron's index over a shard: where each document's tokens lie in the Arrow file.

An `.idx` file of Megatron-core (datasets/indexed_dataset.py, `_IndexWriter`): "MMIDIDX" and two NUL, u64
version 1, u8 code of the token type (4: int32), u64 number of sequences, u64 number of document indices; then
the lengths of all sequences (int32), the bytes of the `.bin` file where they begin (int64), and the document
indices (int64). The places are those in the `.bin` file, whatever lies between: the file can be a shard.
"""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa

from schemas.shards import TOKENS_AT

_HEAD = struct.Struct("<9sQBQQ")
_INT32 = 4  # DType.int32


def index_of(lists: pa.ListArray, *, documents: bool) -> bytes:
    """The `.idx` of the documents of a shard, one sequence each.

    Megatron's data sets for decoders (GPTDataset) go by sequences; only those for BERT and T5 ask which
    sequences make up a document. 12 bytes a document, and `documents` adds 8 for them; without it all
    sequences stand as one document.
    """
    offsets = lists.offsets.to_numpy().astype(np.int64)
    offsets -= offsets[0]
    count = len(lists)
    indices = np.arange(count + 1) if documents else np.array([0, count])
    return b"".join(
        [
            _HEAD.pack(b"MMIDIDX\0\0", 1, _INT32, count, len(indices)),
            np.diff(offsets).astype("<i4").tobytes(),
            (TOKENS_AT + 4 * offsets[:-1]).astype("<i8").tobytes(),
            indices.astype("<i8").tobytes(),
        ]
    )
