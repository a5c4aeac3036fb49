"""Row checks of a build: each ledger row explains itself, each shard row is where the ledger says.

Reads doc_id, partner, language, kept, stage, reason, duplicate_of, similarity, tokens, shard, shard_row of
the ledger, and all columns of the shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lineage.finding import Finding
from pipelines.lineage.ledger import DataSetBalance
from pipelines.lineage.verify_pieces import PREFIX
from schemas.id_columns import id_bytes
from schemas.manifest import Manifest, ShardFacts, TokenizerFacts
from schemas.reasons import Reason, Stage
from schemas.shards import NO_LANGUAGE, SHARD, TOKENS_AT, code_of

_SHOWN = 3  # examples in one message
_REPEATED = Reason.REPEATED_KEY.value
# Kept by deduplication: one of which passages left nothing was kept when its copies lost to it.
WAS_KEPT = pl.col("kept") | (pl.col("reason") == Reason.REPEATED_PASSAGES.value).fill_null(value=False)
_ALIKE = [Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value]


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
    broken = [expression.fill_null(value=False) for _, expression in rules]
    seen = ledger.select(one.any().alias(str(number)) for number, one in enumerate(broken)).row(0)
    for (message, _), one, any_ in zip(rules, broken, seen, strict=True):
        if any_:
            yield from _examples("ledger", message, ledger.filter(one))
    yield from _check_winners(ledger)


def _check_winners(ledger: pl.DataFrame) -> Iterator[Finding]:
    """A winner is a document that was kept; that of a repeated key may have lost to one itself."""
    named = ledger.filter(~pl.col("kept") & pl.col("duplicate_of").is_not_null())
    repeated = named.filter(pl.col("reason") == _REPEATED)
    others = named.filter(pl.col("reason") != _REPEATED)
    lost = ~pl.col("kept") & pl.col("reason").is_in(_ALIKE).fill_null(value=False)
    for rows, survives in ((others, WAS_KEPT), (repeated, WAS_KEPT | lost)):
        winners = those_of(rows["duplicate_of"], ledger, survives)
        orphans = rows.join(winners, left_on="duplicate_of", right_on="doc_id", how="anti")
        yield from _examples("duplicates", "names a winner that was not kept", orphans)


def those_of(ids: pl.Series, ledger: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    """The ids (as column doc_id) that the ledger has in rows of a kind.

    Few ids are looked for among many rows: 8 bytes of each are compared first, as numbers.
    """
    if not len(ids):
        return ledger.select("doc_id").clear()
    wanted = pl.DataFrame({"doc_id": ids.unique()})
    first = wanted.select(pl.col("doc_id").bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big"))
    near = ledger.filter(pl.col(PREFIX).is_in(first["doc_id"].implode())).filter(where).select("doc_id")
    return near.join(wanted, on="doc_id", how="semi").unique()


class ShardRows(NamedTuple):
    """What the ledger says of the rows of a shard, in its order."""

    doc_id: pa.Array
    tokens: npt.NDArray[np.integer]
    contract: npt.NDArray[np.integer]  # codes
    language: npt.NDArray[np.integer]
    shard_row: npt.NDArray[np.integer]


def shard_rows(kept: pl.DataFrame) -> ShardRows:
    """The same of rows of the ledger that it places in a shard."""
    return ShardRows(
        kept["doc_id"].to_arrow(),
        kept["tokens"].to_numpy(),
        _codes(kept["partner"]),
        _codes(kept["language"].fill_null(NO_LANGUAGE)),
        kept["shard_row"].to_numpy(),
    )


def check_shard(
    build: Path, shard: ShardFacts, ledger: ShardRows, tokenizer: TokenizerFacts
) -> Iterator[Finding]:
    """The shard is read from its bytes: its form, its counts, and each row against the ledger's."""
    try:
        with pa.memory_map(str(build / shard.path)) as source:
            begin = source.read_buffer(1).address  # of the mapping
            source.seek(0)
            reader = pa.ipc.open_stream(source)
            if not reader.schema.equals(SHARD):
                yield Finding("shards", shard.path, "has other columns than a shard")
                return
            batch = reader.read_next_batch()
            batch.validate(full=True)
            if next(iter(reader), None) is not None:
                yield Finding("shards", shard.path, "has more than one record batch")
            yield from _check_batch(begin, shard, batch, ledger, tokenizer)
    except (OSError, StopIteration, ValueError, pa.ArrowException) as error:
        yield Finding("shards", shard.path, f"is no readable Arrow stream ({type(error).__name__})")


def _check_batch(
    begin: int, shard: ShardFacts, batch: pa.RecordBatch, ledger: ShardRows, tokenizer: TokenizerFacts
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
        if tokens.ctypes.data - begin != TOKENS_AT:  # both in one mapping of the file
            yield Finding("shards", where, f"its tokens do not begin at byte {TOKENS_AT}")
        if tokens.view(np.uint32).max() >= tokenizer.vocabulary:  # a negative one is past 2^31
            yield Finding("shards", where, f"has a token outside the vocabulary of {tokenizer.vocabulary}")
    lengths = np.diff(offsets)
    if not lengths.all() or (tokens[offsets[1:] - 1] != tokenizer.end_of_document).any():
        yield Finding(
            "shards", where, f"has a document that does not end in token {tokenizer.end_of_document}"
        )
    if not np.array_equal(ledger.shard_row, np.arange(len(batch))):
        told = len(ledger.doc_id)
        message = f"has {len(batch)} rows, the ledger places {told} documents in it, or not one in each row"
        yield Finding("shards", where, message)
        return
    ids = ledger.doc_id.cast(batch["doc_id"].type)
    for name, differs in (
        ("document id", ~_equal(ids, batch["doc_id"])),
        ("number of tokens", ledger.tokens != lengths),
        ("contract code", ledger.contract != batch["contract"].to_numpy()),
        ("language code", ledger.language != batch["language"].to_numpy()),
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
        whole = np.concatenate([np.zeros((0, 16), np.uint8), *ids])
        sides.append((whole, whole[:, :8].copy().view(np.uint64).ravel()))
    (train, first), (validation, other) = sides
    near = np.asarray(pl.Series(first).is_in(pl.Series(other).implode()))
    here = pl.DataFrame({"doc_id": [one.tobytes() for one in train[near]]}, schema={"doc_id": pl.Binary})
    aside = pl.DataFrame({"doc_id": [one.tobytes() for one in validation]}, schema={"doc_id": pl.Binary})
    both = aside.join(here, on="doc_id", how="semi")
    yield from _examples("splits", "stands in a validation shard and in a training shard", both)


def _doc_ids(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The ids of a shard, (documents, 16); none of a file that `check_shard` has found unreadable."""
    try:
        with pa.memory_map(str(path)) as source:
            column = pa.ipc.open_stream(source).read_next_batch()["doc_id"]
            return id_bytes(column).copy()
    except (OSError, StopIteration, KeyError, ValueError, pa.ArrowException):
        return np.zeros((0, 16), np.uint8)


def _repeated_ids(ledger: pl.DataFrame) -> pl.Series:
    kept = ledger.lazy().filter("kept").select("doc_id", PREFIX)
    near = kept.filter(pl.col(PREFIX).is_duplicated()).collect()["doc_id"]
    return near.filter(near.is_duplicated()).unique()


def _codes(names: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """The code of each name; a table of the few different ones, taken from by position."""
    encoded = names.to_arrow().dictionary_encode()
    table = np.array([code_of(name) for name in encoded.dictionary.to_pylist()] or [0], np.int32)
    found: np.ndarray[tuple[int], np.dtype[np.int32]] = table[encoded.indices.to_numpy()]
    return found


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


def check_balance_of(manifest: Manifest, found: Iterable[DataSetBalance]) -> Iterator[Finding]:
    """The manifest's counts of each data set are those of the ledger's rows."""
    counted = {(one.partner, one.data_set): one for one in found}
    said = {(facts.partner, facts.data_set): facts for facts in manifest.data_sets}
    for partner, data_set in sorted(said.keys() | counted.keys()):
        where = f"{partner}/{data_set}"
        facts = said.get((partner, data_set))
        if facts is None:
            yield Finding("conservation", where, "is in the ledger and not in the manifest")
            continue
        rows = counted.get((partner, data_set), DataSetBalance(partner, data_set))
        for name in ("documents", "kept", "tokens", "dropped", "pii"):
            in_manifest, in_ledger = getattr(facts, name), getattr(rows, name)
            if in_manifest != in_ledger:
                message = f"{name}: the manifest says {in_manifest}, the ledger {in_ledger}"
                yield Finding("conservation", where, message)
