"""Row checks of a build: each ledger row explains itself, each shard row is where the ledger says.

Reads doc_id, partner, language, kept, stage, reason, duplicate_of, similarity, tokens, shard, shard_row of
the ledger, and all columns of the shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.lineage.finding import Finding
from schemas.manifest import Manifest, ShardFacts, TokenizerFacts
from schemas.reasons import Reason, Stage
from schemas.shards import NO_LANGUAGE, SHARD, TOKENS_AT, code_of

_COLUMNS = [
    *("doc_id", "partner", "drop", "data_set", "language", "kept", "stage", "reason", "duplicate_of"),
    *("similarity", "tokens", "shard", "shard_row"),
]
_SHOWN = 3  # examples in one message
_REPEATED = Reason.REPEATED_KEY.value
# Kept by deduplication: one of which passages left nothing was kept when its copies lost to it.
WAS_KEPT = pl.col("kept") | (pl.col("reason") == Reason.REPEATED_PASSAGES.value).fill_null(value=False)
_ALIKE = [Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value]


def ledger_places(paths: Sequence[Path]) -> pl.DataFrame:
    """The columns that the checks need, of all ledger files together; `paths` are one at least.

    Raises OSError, ArrowException or ValueError for a file that is damaged.
    """
    parts = []
    for path in paths:
        table = pq.read_table(path)
        table.validate(full=True)  # of all columns: polars, which counts them later, would panic
        parts.append(pl.DataFrame(table.select(_COLUMNS)))
    return pl.concat(parts)


def check_ledger_rows(ledger: pl.DataFrame, manifest: Manifest) -> Iterator[Finding]:
    """Each row is decided and explained, and every duplicate names the kept document it lost to."""
    kept, lost = pl.col("kept"), ~pl.col("kept")
    reason, winner = pl.col("reason"), pl.col("duplicate_of")
    duplicate = reason.is_in([_REPEATED, *_ALIKE]).fill_null(value=False)
    near = reason == Reason.NEAR_DUPLICATE.value
    placed = pl.col("shard").is_not_null() | pl.col("shard_row").is_not_null()
    rules = (
        ("kept and yet with a stage, reason or winner", kept & _any_of("stage", "reason", "duplicate_of")),
        ("kept and without a place in a shard", kept & ~_all_of("shard", "shard_row")),
        ("kept and without tokens", kept & (pl.col("tokens") < 1)),
        ("dropped and without a known stage", lost & ~_known("stage", Stage)),
        ("dropped and without a known reason", lost & ~_known("reason", Reason)),
        ("dropped and yet with tokens or a place in a shard", lost & (placed | (pl.col("tokens") != 0))),
        ("a duplicate that names no winner", lost & duplicate & winner.is_null()),
        ("no duplicate, and yet it names a winner", lost & ~duplicate & winner.is_not_null()),
        ("a near duplicate without a similarity from 0 to 1", lost & near & ~_share("similarity")),
        ("a duplicate of itself", lost & reason.is_in(_ALIKE) & (winner == pl.col("doc_id"))),
        ("kept more than once", kept & pl.col("doc_id").is_in(_repeated_ids(ledger).implode())),
        (
            "in a shard that the manifest does not name",
            ~pl.col("shard").is_in([shard.name for shard in manifest.shards]),
        ),
    )
    for message, broken in rules:
        yield from _examples("ledger", message, ledger.filter(broken.fill_null(value=False)))
    yield from _check_winners(ledger)


def _check_winners(ledger: pl.DataFrame) -> Iterator[Finding]:
    """A winner is a document that was kept; that of a repeated key may have lost to one itself."""
    kept = ledger.filter(WAS_KEPT).select("doc_id").unique()
    alike = ledger.filter(~pl.col("kept") & pl.col("reason").is_in(_ALIKE)).select("doc_id")
    named = ledger.filter(~pl.col("kept") & pl.col("duplicate_of").is_not_null())
    repeated = named.filter(pl.col("reason") == _REPEATED)
    others = named.filter(pl.col("reason") != _REPEATED)
    survivors = pl.concat([kept, alike]).unique()
    for rows, winners in ((others, kept), (repeated, survivors)):
        orphans = rows.join(winners, left_on="duplicate_of", right_on="doc_id", how="anti")
        yield from _examples("duplicates", "names a winner that was not kept", orphans)


def check_shard(
    build: Path, shard: ShardFacts, ledger: pl.DataFrame, tokenizer: TokenizerFacts
) -> Iterator[Finding]:
    """The shard is read from its bytes: its form, its counts, and each row against the ledger's.

    `ledger` holds the rows that the ledger places in this shard.
    """
    try:
        with pa.memory_map(str(build / shard.path)) as source:
            reader = pa.ipc.open_stream(source)
            if not reader.schema.equals(SHARD):
                yield Finding("shards", shard.path, "has other columns than a shard")
                return
            batch = reader.read_next_batch()
            batch.validate(full=True)
            if next(iter(reader), None) is not None:
                yield Finding("shards", shard.path, "has more than one record batch")
            yield from _check_batch(build, shard, batch, ledger, tokenizer)
    except (OSError, StopIteration, ValueError, pa.ArrowException) as error:
        yield Finding("shards", shard.path, f"is no readable Arrow stream ({type(error).__name__})")


def _check_batch(
    build: Path, shard: ShardFacts, batch: pa.RecordBatch, ledger: pl.DataFrame, tokenizer: TokenizerFacts
) -> Iterator[Finding]:
    where = shard.path
    lists = batch["input_ids"]
    if any(column.null_count for column in batch.columns) or lists.values.null_count:
        yield Finding("shards", where, "holds nulls")
        return
    offsets, tokens = lists.offsets.to_numpy(), lists.values.to_numpy()
    counted = int(offsets[-1] - offsets[0])
    if (len(batch), counted, len(tokens)) != (shard.rows, shard.tokens, shard.tokens):
        message = (
            f"has {len(batch)} rows of {counted} tokens, the manifest says {shard.rows} of {shard.tokens}"
        )
        yield Finding("shards", where, message)
    if len(tokens):
        page = np.memmap(build / where, dtype=np.uint8, mode="r")[TOKENS_AT : TOKENS_AT + tokens.nbytes]
        if not np.array_equal(page, tokens.view(np.uint8)):
            yield Finding("shards", where, f"its tokens do not begin at byte {TOKENS_AT}")
        if tokens.min() < 0 or tokens.max() >= tokenizer.vocabulary:
            yield Finding("shards", where, f"has a token outside the vocabulary of {tokenizer.vocabulary}")
    lengths = np.diff(offsets)
    if not lengths.all() or (tokens[offsets[1:] - 1] != tokenizer.end_of_document).any():
        yield Finding(
            "shards", where, f"has a document that does not end in token {tokenizer.end_of_document}"
        )
    rows = ledger.sort("shard_row")
    if rows["shard_row"].to_list() != list(range(len(batch))):
        message = (
            f"has {len(batch)} rows, the ledger places {len(rows)} documents in it, or not one in each row"
        )
        yield Finding("shards", where, message)
        return
    expected = pa.table({name: rows[name].to_arrow() for name in ("doc_id", "partner", "language", "tokens")})
    ids = expected["doc_id"].combine_chunks().cast(batch["doc_id"].type)
    for name, differs in (
        ("document id", ~_equal(ids, batch["doc_id"])),
        ("number of tokens", expected["tokens"].to_numpy() != lengths),
        ("contract code", _codes(rows["partner"]) != batch["contract"].to_numpy()),
        ("language code", _codes(rows["language"].fill_null(NO_LANGUAGE)) != batch["language"].to_numpy()),
    ):
        if differs.any():
            first = int(np.flatnonzero(differs)[0])
            message = f"{name} of {int(differs.sum())} rows is not the ledger's, first in row {first}"
            yield Finding("shards", where, message)


def check_splits(build: Path, manifest: Manifest, damaged: set[str]) -> Iterator[Finding]:
    """No document id of a validation shard stands in a training shard, by the shards' own columns."""
    sides = []
    for split in ("train", "validation"):
        shards = [shard for segment in manifest.segments for shard in getattr(segment, split)]
        ids = [_doc_ids(build / shard.path) for shard in shards if shard.path not in damaged]
        sides.append(pl.concat([pl.DataFrame({"doc_id": []}, schema={"doc_id": pl.Binary}), *ids]))
    train, validation = sides
    both = validation.join(train, on="doc_id", how="semi")
    yield from _examples("splits", "stands in a validation shard and in a training shard", both)


def _doc_ids(path: Path) -> pl.DataFrame:
    """The ids of a shard; none of a file that `check_shard` has found unreadable."""
    try:
        with pa.memory_map(str(path)) as source:
            column = pa.ipc.open_stream(source).read_next_batch()["doc_id"]
            return pl.DataFrame(
                {"doc_id": column.cast(pa.binary()).to_pylist()}, schema={"doc_id": pl.Binary}
            )
    except (OSError, StopIteration, KeyError, pa.ArrowException):
        return pl.DataFrame(schema={"doc_id": pl.Binary})


def _repeated_ids(ledger: pl.DataFrame) -> pl.Series:
    kept = ledger.filter("kept")["doc_id"]
    return kept.filter(kept.is_duplicated()).unique()


def _codes(names: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    table = {name: code_of(name) for name in names.unique().to_list()}
    return np.array([table[name] for name in names.to_list()], dtype=np.int32)


def _equal(left: pa.Array, right: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(pc.equal(left, right).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _any_of(*columns: str) -> pl.Expr:
    return pl.any_horizontal(pl.col(column).is_not_null() for column in columns)


def _all_of(*columns: str) -> pl.Expr:
    return pl.all_horizontal(pl.col(column).is_not_null() for column in columns)


def _known(column: str, members: type[StrEnum]) -> pl.Expr:
    return pl.col(column).is_in([member.value for member in members]).fill_null(value=False)


def _share(column: str) -> pl.Expr:
    return pl.col(column).is_between(0, 1).fill_null(value=False)


def _examples(check: str, message: str, rows: pl.DataFrame) -> Iterator[Finding]:
    if len(rows):
        ids = ", ".join(doc_id.hex() for doc_id in rows["doc_id"].head(_SHOWN).to_list())
        yield Finding(check, ids + (", ..." if len(rows) > _SHOWN else ""), f"{message} ({len(rows)} in all)")
