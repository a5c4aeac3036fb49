"""What a build's root is over: its shards and ledger pieces, so that each can be shown by itself.

The root is the Merkle tree hash (RFC 6962) of these leaves, canonical JSON each, in this order:

    1 leaf     how many shards every epoch has, so that nothing can be left out unseen
    2 leaves   of each shard, by epoch, train before validation: the shard, its ledger piece

A ledger piece's own root is over its records, RECORDS a leaf. A record is what a document became, RECORD
bytes: document id, row in the shard (-1: dropped), tokens, code of "stage/reason" (0: kept), code of the
partner; integers are big-endian. Records stand in the order of the ledger's rows, so by document id.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.identity import canonical_json
from schemas.manifest import LedgerFacts, Segment, ShardFacts
from schemas.merkle import root
from schemas.shards import SPLITS, partition_at, shard_name, shard_path

RECORDS = 32  # records a leaf of a ledger piece: a proof shows the neighbours in it
RECORD = struct.Struct(">16siiii")  # doc_id, shard_row, tokens, why, partner


@dataclass(frozen=True)
class Place:
    """Where a shard stands in its build, with its ledger piece; null where the manifest has none for it."""

    epoch: int
    split: str
    index: int
    of: int  # shards of its epoch and split
    shard: ShardFacts
    ledger: LedgerFacts | None

    @property
    def name(self) -> str:
        """The shard's name, by its place alone."""
        return shard_name(epoch=self.epoch, split=self.split, index=self.index)

    @property
    def path(self) -> str:
        """The shard's path, by its place alone."""
        return shard_path(epoch=self.epoch, split=self.split, index=self.index, count=self.of)


def places(segments: Sequence[Segment]) -> Iterator[Place]:
    """The place of every shard, by epoch, train before validation."""
    for segment in segments:
        ledger = iter(segment.ledger)
        for split, shards in zip(SPLITS, (segment.train, segment.validation), strict=True):
            for index, shard in enumerate(shards):
                yield Place(segment.epoch, split, index, len(shards), shard, next(ledger, None))


def content_root(segments: Sequence[Segment]) -> str:
    """The root of a build, hexadecimal; the same for any build of the same content."""
    return root(content_leaves(segments)).hex()


def content_leaves(segments: Sequence[Segment]) -> Iterator[bytes]:
    """The leaves in their order."""
    yield canonical_json(
        {
            "content": 1,
            "records": RECORDS,
            "epochs": [
                {"epoch": one.epoch, "train": len(one.train), "validation": len(one.validation)}
                for one in segments
            ],
        }
    )
    for place in places(segments):
        where = {"epoch": place.epoch, "split": place.split, "index": place.index, "of": place.of}
        yield canonical_json({**where, "shard": place.shard})
        yield canonical_json({**where, "ledger": place.ledger})


def piece_places(segments: Sequence[Segment], doc_id: bytes) -> Iterator[tuple[int, int, int]]:
    """Where a document's ledger rows can stand: (leaf, segment, piece) of each, train before validation."""
    leaf = 1
    for number, segment in enumerate(segments):
        train, validation = len(segment.train), len(segment.validation)
        if train:
            piece = partition_at(doc_id, train)
            yield leaf + 2 * piece + 1, number, piece
        if validation:
            piece = train + partition_at(doc_id, validation)
            yield leaf + 2 * piece + 1, number, piece
        leaf += 2 * (train + validation)
