"""Ranges of document ids: what has to bring ids of several files together does it range by range.

Ids are digests, so ranges of equal width hold about equally many; memory follows a range, not the corpus.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from schemas.documents import DOC_ID

_IN_A_RANGE = 4_000_000  # documents, about; 16 bytes of id each and as much again to bring them together


def id_ranges(documents: int, column: str) -> list[ds.Expression]:
    """Conditions on a column of ids, of which each id meets exactly one; one for a small corpus."""
    count = min(-(-max(documents, 1) // _IN_A_RANGE), 1 << 16)
    bounds = [(at << 32) // count for at in range(1, count)]
    edges = [pa.scalar(bound.to_bytes(4, "big") + bytes(12), DOC_ID) for bound in bounds]
    field = pc.field(column)
    found = []
    for low, high in zip([None, *edges], [*edges, None], strict=True):
        condition = field.is_valid()
        if low is not None:
            condition &= field >= low
        if high is not None:
            condition &= field < high
        found.append(condition)
    return found
