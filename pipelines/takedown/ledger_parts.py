"""The parts of a build's ledger, each read once: where an id may stand is known from the id alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.engine.partition import Layout
from pipelines.lineage.duplicates import edges_path
from pipelines.lineage.fingerprints import fingerprints_path
from schemas.documents import LEDGER
from schemas.errors import BuildInconsistent
from schemas.manifest import LedgerFacts, Manifest, ShardFacts

COLUMNS = ["doc_id", "partner", "data_set", "drop", "file", "row", "kept", "stage", "reason"]
COLUMNS += ["duplicate_of", "tokens", "shard", "shard_row"]


@dataclass(frozen=True)
class Part:
    """A partition of an epoch: a shard, its ledger part, its edges."""

    epoch: int
    partition: int
    shard: ShardFacts
    ledger: LedgerFacts

    @property
    def edges(self) -> str:
        """Where its edges lie."""
        return edges_path(epoch=self.epoch, partition=self.partition)

    @property
    def fingerprints(self) -> str:
        """Where those of its documents lie that came to deduplication."""
        return fingerprints_path(epoch=self.epoch, partition=self.partition)


@dataclass(frozen=True)
class LedgerParts:
    """The parts of a build, by epoch and partition; train before validation."""

    build: Path
    manifest: Manifest
    validation_share: float
    read: dict[str, pa.Table] = field(default_factory=dict)

    @cached_property
    def parts(self) -> dict[tuple[int, int], Part]:
        """All of them."""
        found = {}
        for segment in self.manifest.segments:
            shards = segment.shards
            if len(shards) != len(segment.ledger):
                raise BuildInconsistent(
                    f"{self.build.name}: epoch {segment.epoch} has not a ledger piece for each shard in its "
                    f"manifest: run `malmoi verify {self.build.name}`"
                )
            for partition, (shard, piece) in enumerate(zip(shards, segment.ledger, strict=True)):
                found[segment.epoch, partition] = Part(segment.epoch, partition, shard, piece)
        return found

    def partitions(self, epoch: int, ids: Collection[bytes]) -> list[int]:
        """The partition of each id, were it of an epoch."""
        segment = next(one for one in self.manifest.segments if one.epoch == epoch)
        layout = Layout(len(segment.train), len(segment.validation))
        order, begins = layout.order(pa.array(list(ids), pa.binary(16)), self.validation_share)
        found = np.empty(len(order), np.int64)
        found[order] = np.searchsorted(begins, np.arange(len(order)), side="right") - 1
        return [int(one) for one in found]

    def table(self, part: Part) -> pa.Table:
        """LEDGER of a part."""
        if part.ledger.path not in self.read:
            self.read[part.ledger.path] = pq.read_table(self.build / part.ledger.path).cast(LEDGER)
        return self.read[part.ledger.path]

    def rows(self, ids: Collection[bytes]) -> pl.DataFrame:
        """COLUMNS of the rows of some ids, in whatever epoch they came."""
        wanted = sorted(set(ids))
        found = [LEDGER.empty_table().select(COLUMNS)]
        for segment in self.manifest.segments if wanted else ():
            at: dict[int, list[bytes]] = {}
            for doc_id, partition in zip(wanted, self.partitions(segment.epoch, wanted), strict=True):
                at.setdefault(partition, []).append(doc_id)
            for partition, own in sorted(at.items()):
                table = self.table(self.parts[segment.epoch, partition])
                there = pc.is_in(table["doc_id"], pa.array(own, pa.binary(16)))
                found.append(table.select(COLUMNS).filter(there))
        return pl.DataFrame(pa.concat_tables(found))
