"""Rounds of documents, and the partitions gathered out of them: held against sorting rows in Python."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.engine.partition import (
    TOKENISED,
    Layout,
    Tokenised,
    fingerprinted,
    gather,
    ledger_rows,
    shard_rows,
)
from pipelines.tokens.shards import is_validation, partition_of
from schemas.documents import LEDGER

BANDS, SHARE = 2, 0.5
Row = dict[str, Any]

# Few words, so that ids are equal in their first halves, in their second, and altogether.
WORD = st.sampled_from([0, 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1])
DOCUMENT = st.tuples(WORD, WORD, st.lists(st.integers(0, 9), max_size=5), st.booleans())
SPLIT = st.lists(st.lists(DOCUMENT, max_size=8), min_size=1, max_size=3)  # staged batches


def rows_of(split: int, batches: list[list[tuple]]) -> list[list[Row]]:
    """Whole rows: what was kept has tokens, of what was not every second came to deduplication."""
    found, number = [], 0
    for documents in batches:
        found.append([])
        for high, low, tokens, kept in documents:
            fingerprint = kept or number % 2
            found[-1].append(
                {
                    "doc_id": high.to_bytes(8, "big") + low.to_bytes(8, "big"),
                    **dict.fromkeys(("partner", "data_set", "kind"), "p"),
                    "drop": f"d{split % 2}",
                    "file": f"f{split}",
                    "row": number,
                    "kept": kept,
                    "tokens": len(tokens) if kept else 0,
                    "exact": bytes([number % 5]) * 16 if fingerprint else None,
                    "keys": [number % 3, split] if fingerprint else None,
                    "input_ids": tokens if kept else [],
                }
            )
            number += 1
    return found


@given(splits=st.lists(SPLIT, min_size=1, max_size=3), train=st.integers(1, 3), validation=st.integers(1, 2))
@settings(max_examples=60, deadline=None)
def test_partitions_hold_their_documents_in_order_with_their_tokens(
    tmp_path_factory, splits: list, train: int, validation: int
):
    home: Path = tmp_path_factory.mktemp("partitions")
    layout = Layout(train, validation)
    tokenised, every = [], []
    for number, batches in enumerate(splits):
        path = home / f"{number}.arrow"
        staged = rows_of(number, batches)
        with pa.ipc.new_file(str(path), TOKENISED) as writer:
            for round_ in (staged[:1], staged[1:]):
                if round_:
                    batch, begins = layout.ordered(
                        [pa.RecordBatch.from_pylist(rows, TOKENISED) for rows in round_], SHARE
                    )
                    for first, last in pairwise(begins.tolist()):
                        writer.write_batch(batch.slice(first, last - first))
        tokenised.append(Tokenised(number, path, 0, layout))
        every += [row for rows in staged for row in rows]
    for partition in range(layout.partitions):
        mine = sorted(
            (row for row in every if place_of(row, layout) == partition),
            key=lambda row: (row["doc_id"], row["drop"], row["file"], row["row"]),
        )
        rows = gather(tokenised, partition)
        assert rows.select(["doc_id", "drop", "file", "row", "kept", "tokens"]).to_pylist() == [
            {name: row[name] for name in ("doc_id", "drop", "file", "row", "kept", "tokens")} for row in mine
        ]
        shard = shard_rows(tokenised, partition, rows)
        kept = [row for row in mine if row["kept"]]
        assert shard["input_ids"].to_pylist() == [row["input_ids"] for row in kept]
        assert shard["doc_id"].to_pylist() == [row["doc_id"] for row in kept]
        ledger = ledger_rows(rows, "s")
        assert ledger.schema.equals(LEDGER)
        assert [row for row in ledger["shard_row"].to_pylist() if row is not None] == [*range(len(kept))]
        known = sorted((row["exact"], row["doc_id"]) for row in mine if row["exact"])
        index = fingerprinted(tokenised, partition, BANDS)
        assert list(zip(index["exact"].to_pylist(), index["doc_id"].to_pylist(), strict=True)) == known


def place_of(row: Row, layout: Layout) -> int:
    ids = pa.array([row["doc_id"]], pa.binary(16))
    if is_validation(ids, SHARE)[0]:
        return layout.train + int(partition_of(ids, layout.validation)[0])
    return int(partition_of(ids, layout.train)[0])
