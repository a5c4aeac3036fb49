"""The laws over rows, asked of all at once: whether they hold, and not what breaks them.

A build is nearly always whole. So its ledger is read a piece at a time with its names left as codes, and each
law is one comparison of arrays; of a piece no more is held than ids and digests. Whatever does not hold here,
or cannot be read, is looked at again by verify_pieces, verify_rows and verify_index, which say what it is: a
True here is a claim that they find nothing (tests/lineage/test_verify_quick.py).

Reads all columns of the ledger, the shards, index/edges, index/copies, index/fingerprints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lineage.duplicates import copies_among, copies_path
from pipelines.lineage.fingerprints import FINGERPRINTS, read_fingerprints
from pipelines.lineage.ledger import balance_of
from pipelines.lineage.quick_columns import (
    NO_IDS,
    Coded,
    Flags,
    Ids,
    Known,
    coded,
    equal,
    flags,
    measures,
    numbers_or,
    order_of,
    origins,
    those,
    words_in,
)
from pipelines.lineage.records import Records, records
from pipelines.lineage.verify_fingerprints import check_ways, order_problem
from pipelines.lineage.verify_pieces import check_piece
from pipelines.lineage.verify_rights import check_rights_of_documents
from pipelines.lineage.verify_rows import ShardRows, check_balance_of, check_shard
from pipelines.lineage.ways import WAYS_JSON
from schemas.content import Place, places
from schemas.documents import COPIES, EDGES, LEDGER
from schemas.errors import MalmoiError
from schemas.identity import DIGEST_SIZE
from schemas.manifest import LedgerFacts, Manifest
from schemas.reasons import Reason, Stage
from schemas.shards import NO_LANGUAGE, code_of

EDGES_HOME = "index/edges/"
_NAMES = ["partner", "data_set", "kind", "drop", "file", "language", "stage", "reason", "detail", "shard"]
_STAGES, _REASONS = tuple(Stage), tuple(Reason)
_COPIES_READ = pa.schema([LEDGER.field(name) for name in ("duplicate_of", "partner", "reason")])
_EXACT, _NEAR = _REASONS.index(Reason.EXACT_DUPLICATE), _REASONS.index(Reason.NEAR_DUPLICATE)
_AGAIN, _CUT = _REASONS.index(Reason.REPEATED_KEY), _REASONS.index(Reason.REPEATED_PASSAGES)


class _Broken(Exception):
    """A law does not hold."""


_NOT_HELD = (
    *(_Broken, MalmoiError, OSError, ValueError, TypeError, LookupError),
    *(pa.ArrowException, pl.exceptions.PolarsError),
)


class _Seen(NamedTuple):
    """What the laws over all pieces ask of one."""

    were_kept: Ids  # by deduplication; ids are words (rows, 2)
    digests: Ids  # of their canonical texts; zeros where the build has no index of fingerprints
    lost: Ids  # copies of a kept document
    named: Ids  # winners of copies, and what edges lead to
    named_again: Ids  # winners of repeated keys
    equal: tuple[Ids, Ids]  # winners of exact duplicates, digests of these
    copies: pl.DataFrame  # partner, reason, duplicate_of of `lost`
    origins: set[tuple[str, str, str]]  # partner, drop, data set of kept documents
    counts: pa.RecordBatch
    in_shard: Future[bool]


def holds(build: Path, manifest: Manifest, pool: Executor) -> bool:
    """Whether all laws over rows hold, in a build whose files are all whole and stand in their places."""
    try:
        wanted = [_Part(place, place.ledger) for place in places(manifest.segments) if place.ledger]
        listed = {file.path for file in manifest.other_files}
        _must(len(wanted) == len(manifest.shards) and all(one.shards for one in manifest.segments))
        _check_listed(build, manifest, listed, wanted)
        looks = pool.map(partial(_look, build, manifest, listed, pool), wanted)
        orders = pool.map(partial(_in_order, build), [o for o in wanted if o.fingerprints in listed])
        seen = list(looks)
        _check_over_all(build, manifest, listed, wanted, seen)
        return all(orders) and all(one.in_shard.result() for one in seen)
    except _NOT_HELD:
        return False


class _Part(NamedTuple):
    """A ledger piece and what lies beside it."""

    place: Place
    ledger: LedgerFacts

    @property
    def edges(self) -> str:
        return self.ledger.path.replace("ledger/", EDGES_HOME)

    @property
    def fingerprints(self) -> str:
        return self.ledger.path.replace("ledger/", FINGERPRINTS).replace(".parquet", ".arrow")


def _must(law: bool | np.bool_) -> None:
    if not law:
        raise _Broken


def _none(findings: Iterable[object]) -> None:
    _must(next(iter(findings), None) is None)


def _check_listed(build: Path, manifest: Manifest, listed: set[str], parts: Sequence[_Part]) -> None:
    """Edges and fingerprints lie beside the pieces, of all of them or of none; the ways are told."""
    for home, beside in (
        (EDGES_HOME, [o.edges for o in parts]),
        (FINGERPRINTS, [o.fingerprints for o in parts]),
    ):
        there = {path for path in listed if path.startswith(home)}
        _must(there in (set(), set(beside)))
    if WAYS_JSON in listed:
        _none(check_ways(build, manifest))


def _in_order(build: Path, part: _Part) -> bool:
    """Whether a search finds every document in the fingerprints of a part."""
    with pa.memory_map(str(build / part.fingerprints)) as source:
        return order_problem(read_fingerprints(source)) is None


class _Codes(NamedTuple):
    """A piece's columns, a row a document."""

    ids: Ids
    kept: Flags
    stage: Coded  # place in Stage, -2: unknown, -1: null
    reason: Coded
    winner: Ids
    has_winner: Flags
    tokens: Coded

    @property
    def copy(self) -> Flags:
        """Lost to a document of the same or nearly the same text."""
        copy: Flags = (self.reason == _EXACT) | (self.reason == _NEAR)
        return copy


def _look(build: Path, manifest: Manifest, listed: set[str], pool: Executor, part: _Part) -> _Seen:
    """The laws over one piece, its edges and its fingerprints; its shard is looked at beside."""
    path = build / part.ledger.path
    schema = pq.read_schema(path)
    _must(schema.equals(LEDGER) and schema.metadata is None)
    table = pq.ParquetFile(path, read_dictionary=_NAMES, memory_map=True).read()
    table.validate(full=True)
    found = records(table)
    _none(check_piece(part.place, part.ledger, found))
    rows = _Codes(
        ids=words_in(table["doc_id"]),
        kept=flags(table["kept"]),
        stage=coded(table["stage"], partial(_place, _STAGES)),
        reason=coded(table["reason"], partial(_place, _REASONS)),
        winner=words_in(table["duplicate_of"]),
        has_winner=flags(table["duplicate_of"].is_valid()),
        tokens=table["tokens"].to_numpy(),
    )
    similarity = numbers_or(table["similarity"], -1)
    _must(_explained(rows, similarity, table))
    in_shard = pool.submit(_in_shard, build, manifest, part, table, found, rows)
    edges = _edges(build, part, rows, similarity) if part.edges in listed else NO_IDS
    digests = _digests_of(build, part, rows) if part.fingerprints in listed else np.zeros_like(rows.ids)
    were_kept = rows.kept | (rows.reason == _CUT)
    if part.fingerprints in listed:
        _must(_came(rows)[were_kept].all())  # their digests are known
    whose = origins(table)
    again, exact, copy = rows.reason == _AGAIN, rows.reason == _EXACT, rows.copy
    copies = table.select(["duplicate_of", "partner", "reason"]).filter(pa.array(copy))
    return _Seen(
        were_kept=those(rows.ids, were_kept),
        digests=those(digests, were_kept),
        lost=those(rows.ids, copy),
        named=np.concatenate([those(rows.winner, rows.has_winner & ~again), edges]),
        named_again=those(rows.winner, again),
        equal=(those(rows.winner, exact), those(digests, exact)),
        copies=pl.DataFrame(copies.cast(_COPIES_READ)),
        origins=whose.names(rows.kept),
        counts=measures(whose, rows.tokens, table["pii"], rows.kept, _dropped(rows)),
        in_shard=in_shard,
    )


def _place(members: tuple[str, ...], name: str) -> int:
    return members.index(name) if name in members else -2


def _explained(rows: _Codes, similarity: np.ndarray, table: pa.Table) -> bool:
    """The rules of `verify_rows.check_ledger_rows` that ask one row at a time."""
    kept, lost = rows.kept, ~rows.kept
    placed = flags(table["shard"].is_valid()), flags(table["shard_row"].is_valid())
    duplicate = rows.copy | (rows.reason == _AGAIN)
    near = lost & (rows.reason == _NEAR)
    return not (
        (kept & ((rows.stage != -1) | (rows.reason != -1) | rows.has_winner)).any()
        or (kept & ~(placed[0] & placed[1])).any()
        or (kept & (rows.tokens < 1)).any()
        or (lost & ((rows.stage < 0) | (rows.reason < 0))).any()
        or (lost & (placed[0] | placed[1] | (rows.tokens != 0))).any()
        or (lost & (duplicate != rows.has_winner)).any()
        or not ((similarity[near] >= 0) & (similarity[near] <= 1)).all()
        or (rows.copy & equal(rows.winner, rows.ids)).any()
    )


def _in_shard(
    build: Path, manifest: Manifest, part: _Part, table: pa.Table, found: Records, rows: _Codes
) -> bool:
    """Whether the shard holds the kept documents, and no other shard does."""
    shard, kept = part.place.shard, rows.kept
    names = coded(table["shard"], lambda name: 1 if name == shard.name else 0)
    if (names[kept] != 1).any():
        return False
    own = found[kept]
    ids = np.ascontiguousarray(own[:, :DIGEST_SIZE])
    numbers = own[:, DIGEST_SIZE:].view(">i4")  # of a record: schemas.content
    told = ShardRows(
        doc_id=pa.Array.from_buffers(pa.binary(ids.shape[1]), len(ids), [None, pa.py_buffer(ids)]),
        tokens=numbers[:, 1],
        contract=numbers[:, 3],
        language=_languages(table["language"])[kept],
        shard_row=numbers[:, 0],
    )
    return next(iter(check_shard(build, shard, told, manifest.tokenizer)), None) is None


def _languages(column: pa.ChunkedArray) -> Coded:
    codes = coded(column, code_of)
    return np.where(codes == -1, code_of(NO_LANGUAGE), codes)


def _dropped(rows: _Codes) -> list[tuple[Flags, str]]:
    pairs = np.where(rows.kept, -1, rows.stage * len(_REASONS) + rows.reason)
    return [
        (pairs == pair, f"{_STAGES[pair // len(_REASONS)]}/{_REASONS[pair % len(_REASONS)]}")
        for pair in np.unique(pairs).tolist()
        if pair >= 0
    ]


def _edges(build: Path, part: _Part, rows: _Codes, similarity: np.ndarray) -> Ids:
    """What the edges of a part lead to: each copy has one to its winner, and copies alone have some."""
    table = pq.read_table(build / part.edges, use_threads=False)
    _must(table.schema.equals(EDGES))
    copy = rows.copy
    lost, winner, alike = those(rows.ids, copy), those(rows.winner, copy), similarity[copy]
    whose = Known(lost).places(words_in(table["doc_id"]))
    leads = words_in(table["kept"])
    same = equal(leads, winner.take(whose, axis=0)) & (table["similarity"].to_numpy() == alike[whose])
    told = np.zeros(len(lost), np.bool_)
    told[whose[same]] = True
    _must(told.all())
    return leads


def _came(rows: _Codes) -> Flags:
    """Whether each document came to deduplication."""
    came: Flags = (rows.stage == -1) | (rows.stage == _STAGES.index(Stage.DEDUP))
    return came


def _digests_of(build: Path, part: _Part, rows: _Codes) -> Ids:
    """The digest of each document that came to deduplication; they are those in the fingerprints."""
    came = _came(rows)
    with pa.memory_map(str(build / part.fingerprints)) as source:
        batch = read_fingerprints(source)
        ids, exact = words_in(batch["doc_id"]), words_in(batch["exact"])
    order = order_of(ids)
    _must(np.array_equal(ids.take(order, axis=0), those(rows.ids, came)))
    digests = np.zeros_like(rows.ids)
    digests[came] = exact.take(order, axis=0)
    return digests


def _check_over_all(
    build: Path, manifest: Manifest, listed: set[str], parts: Sequence[_Part], seen: Sequence[_Seen]
) -> None:
    """The laws that bring pieces together."""
    known = Known(np.concatenate([one.were_kept for one in seen]))  # nobody is kept twice
    known.places(np.concatenate([one.named for one in seen]))
    again = np.concatenate([one.named_again for one in seen])
    if len(again):
        others = np.concatenate([one.lost for one in seen])
        left = again[~known.has(again)]
        if len(left):
            Known(np.unique(others, axis=0)).places(left)
    if any(one.fingerprints in listed for one in parts):
        digests = np.concatenate([one.digests for one in seen])
        at = known.places(np.concatenate([one.equal[0] for one in seen]))
        _must(np.array_equal(digests[at], np.concatenate([one.equal[1] for one in seen])))
    for epoch in {one.place.epoch for one in parts}:
        path = copies_path(epoch)
        if path in listed:
            own = [a.copies for a, b in zip(seen, parts, strict=True) if b.place.epoch == epoch]
            table = pq.read_table(build / path, use_threads=False)
            _must(table.schema.equals(COPIES) and table.equals(copies_among(pl.concat(own))))
    _none(check_balance_of(manifest, balance_of(one.counts for one in seen)))
    kept = sorted(set().union(*(one.origins for one in seen)))
    if kept:
        few = pl.DataFrame(kept, ["partner", "drop", "data_set"], orient="row")
        _none(check_rights_of_documents(few.with_columns(kept=True, doc_id=pl.lit(b"")), manifest))
