"""The Arrow schemas of what flows: documents, decisions, quarantine, ledger, shards."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from schemas.reasons import Reason, Stage

DOC_ID = pa.binary(16)
SPAN = pa.struct(
    [
        ("start", pa.int32()),  # code point where the span begins
        ("end", pa.int32()),  # exclusive
        ("label", pa.string()),  # entity name: KR_RRN, PHONE_NUMBER, ...
        ("score", pa.float32()),
    ]
)
SPANS = pa.list_(SPAN)

# A turn of a dialogue in its document's text: every stage that changes a text moves it along, so it always
# holds what is left of the turn, maybe nothing. Turns ascend and do not overlap; what joins them is in none.
TURN = pa.struct(
    [
        pa.field("start", pa.int32(), nullable=False),  # byte of UTF-8 where it begins
        pa.field("end", pa.int32(), nullable=False),  # exclusive
        pa.field("place", pa.int32(), nullable=False),  # among the turns delivered, from 0; empty ones count
        # Who speaks: one of the values that the contract lists; where it lists none, "#1" for who spoke first
        # in the document, "#2" for the next (a nickname is nobody's business); null where nothing is said.
        pa.field("speaker", pa.string()),
    ]
)
# Bump when a stage moves turns otherwise: it names the staged files of data sets that have some.
TURNS_VERSION = 1
# Stands behind the other columns of data sets with turns (`DataSet.has_turns`), and is absent elsewhere.
TURNS = pa.field("turns", pa.list_(TURN), nullable=False)

# What the intake hands to the first stage. Stages append or replace columns; none removes one.
DOCUMENT = pa.schema(
    [
        pa.field("doc_id", DOC_ID, nullable=False),
        pa.field("row", pa.int64(), nullable=False),  # row number in its file, from 0
        pa.field("text", pa.string(), nullable=False),
        pa.field("language", pa.string()),  # declared by the row, null where it is not
    ]
)
# What a split leaves in staging: the columns after the last stage.
STAGED = pa.schema(
    [
        *DOCUMENT,
        pa.field("language_score", pa.float32(), nullable=False),
        pa.field("quality", pa.float32(), nullable=False),  # 0..1, rounded to 1/1000
        pa.field("spans", SPANS, nullable=False),  # of the text as it stands
        pa.field("exact", pa.binary(16), nullable=False),
        pa.field("bands", pa.list_(pa.uint64()), nullable=False),  # as many as the recipe says
    ]
)
STAGED_TURNS = STAGED.append(TURNS)  # the same of a data set with turns
DROPPED = pa.schema(
    [
        pa.field("doc_id", DOC_ID, nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string()),  # the measurement that decided, or a benchmark item's id; never text
    ]
)
# What a row says about its rights: see pipelines.intake.readers.row_rights. No text.
ROW_RIGHTS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("key", pa.binary(16)),  # digest of partner and key, without the version; null without a key
        pa.field("version", pa.string()),
        pa.field("tombstone", pa.bool_(), nullable=False),
        pa.field("host", pa.string()),  # of the URL; null where there is none
        pa.field("crawled", pa.string()),  # ISO day; "" where none can be read, null where there is no column
        pa.field("licence", pa.string()),  # "" where the column is empty, null where there is no column
        pa.field("origin", pa.string()),  # people, machine, mixed; "" where nothing is said
        pa.field("seeds", pa.list_(pa.binary(16)), nullable=False),  # keys of the documents it was made from
    ]
)
QUARANTINE = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),  # -1: the file as a whole, or what is behind the break
        pa.field("offset", pa.int64(), nullable=False),  # byte in the uncompressed file; -1 where unknown
        pa.field("field", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
LEDGER = pa.schema(
    [
        pa.field("doc_id", DOC_ID, nullable=False),
        pa.field("partner", pa.string(), nullable=False),
        pa.field("data_set", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("drop", pa.string(), nullable=False),  # the first 16 digits of the drop's digest
        pa.field("file", pa.string(), nullable=False),  # path inside the drop
        pa.field("row", pa.int64(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("stage", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("duplicate_of", DOC_ID),
        pa.field("similarity", pa.float32()),
        pa.field("quality", pa.float32()),
        pa.field("pii", pa.map_(pa.string(), pa.int32())),  # spans by class; "CLASS:removed", "CLASS:kept"
        pa.field("tokens", pa.int32(), nullable=False),  # 0 unless kept
        pa.field("shard", pa.string()),  # NAME as in manifest and `trace --shard`
        pa.field("shard_row", pa.int32()),
    ]
)
EDGE = pa.struct([pa.field("doc_id", DOC_ID), pa.field("similarity", pa.float32())])
EDGES = pa.schema(
    [
        pa.field("doc_id", DOC_ID, nullable=False),  # of a dropped document
        pa.field("kept", DOC_ID, nullable=False),  # a kept one of earlier rank that is its duplicate
        pa.field("similarity", pa.float32(), nullable=False),
    ]
)
COPIES = pa.schema(
    [
        pa.field("doc_id", DOC_ID, nullable=False),  # of a kept document
        pa.field("partner", pa.string(), nullable=False),  # who delivered the copies
        pa.field("copies", pa.int64(), nullable=False),  # that were dropped for it
    ]
)


class Outcome(NamedTuple):
    """What every stage returns. len(kept) + len(dropped) == len(batch given)."""

    kept: pa.RecordBatch
    dropped: pa.RecordBatch  # DROPPED


def no_drops() -> pa.RecordBatch:
    """An empty DROPPED batch."""
    return pa.RecordBatch.from_pylist([], schema=DROPPED)


def split_outcome(
    batch: pa.RecordBatch,
    *,
    stage: Stage,
    reasons: list[Reason | None],
    details: list[str | None] | None = None,
) -> Outcome:
    """Divide a batch by one reason (or None: kept) per row; details say what decided."""
    drop = pa.array([reason is not None for reason in reasons], pa.bool_())
    if drop.true_count == 0:
        return Outcome(batch, no_drops())
    lost = batch.filter(drop)
    dropped = pa.RecordBatch.from_arrays(
        [
            lost["doc_id"],
            lost["row"],
            lost["language"],
            pa.array([stage.value] * len(lost), pa.string()),
            pa.array([reason.value for reason in reasons if reason is not None], pa.string()),
            pa.array(
                [d for d, reason in zip(details, reasons, strict=True) if reason is not None]
                if details is not None
                else [None] * len(lost),
                pa.string(),
            ),
        ],
        schema=DROPPED,
    )
    return Outcome(batch.filter(pa.compute.invert(drop)), dropped)


def with_column(batch: pa.RecordBatch, field: pa.Field, values: pa.Array) -> pa.RecordBatch:
    """The batch with a column replaced where it is there, appended where it is not."""
    index = batch.schema.get_field_index(field.name)
    if index < 0:
        return batch.append_column(field, values)
    return batch.set_column(index, field, values)
