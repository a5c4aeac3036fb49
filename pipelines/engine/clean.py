"""CleanSplits: one task per split reads a piece of a file and writes one staged directory.

STAGING/splits/<digest>/ holds
    documents.arrow    STAGED, Arrow IPC file: what the stages kept, in the order of the rows (STAGED_TURNS of
                       data sets with turns)
    dropped.arrow      DROPPED: what they did not, and why
    quarantine.arrow   QUARANTINE: the rows the contract refuses, by the reader or at admission
    rights.arrow       ROW_RIGHTS of all documents that were read, the dropped ones too
    keys.arrow         bucket keys of the documents, one batch a dedup partition
    counts.json        the balance of the split
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.candidates import write_bucket_keys
from pipelines.engine.admissions import refused_between, refused_in
from pipelines.engine.files import whole_directory
from pipelines.engine.made import split_name
from pipelines.engine.plan import PlannedSplit, Site, Stages
from pipelines.engine.runner import SpreadOverWorkers
from pipelines.engine.runs import task
from pipelines.intake.readers import ReadBatch, read_split
from pipelines.stages.pii.find import entity_counts
from pipelines.stages.pii.policy import counted
from schemas.contract import DataSet
from schemas.documents import DROPPED, QUARANTINE, ROW_RIGHTS, STAGED, STAGED_TURNS
from schemas.reasons import Stage

DEDUP_PARTITIONS = 16  # of the bucket keys; changes no result


@dataclass(frozen=True)
class StagedSplit:
    """A reference to a staged directory, with its balance; small enough to cross a shuffle."""

    index: int
    partner: str
    data_set: str
    path: str
    first_row: int
    drop: str  # its name
    epoch: int
    period: str
    digest: str
    counts: dict[str, Any]
    lost: str = ""  # where the documents stand that rights take out, in STAGING; "": none
    corpus: str = ""  # digest of all that is deduplicated together, once it is selected
    base: str = ""  # the corpus of the epochs before the last, where that is resolved already
    settled: bool = False  # of an epoch in the base

    @property
    def name(self) -> str:
        """The split in the run log, and what breaks the last tie between two rows of one document id."""
        return split_name(self.partner, self.path, self.first_row, self.drop)


class CleanSplits(beam.PTransform):
    """PlannedSplit in, StagedSplit out: read → … → replace pii, fused in one process."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Deal the splits to the workers by their estimated size and clean each."""
        return (
            splits
            | "Weigh" >> beam.Map(_weigh)
            | "Spread" >> SpreadOverWorkers(lanes=self.site.lanes)
            | "Clean" >> beam.ParDo(CleanFn(self.site))
        )


def _weigh(planned: PlannedSplit) -> tuple[float, PlannedSplit]:
    return float(planned.split.cost), planned


class CleanFn(beam.DoFn):
    """clean_split with the stages (models, benchmark index) made by a worker's first split to clean."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def setup(self) -> None:
        """Nothing is loaded where everything is staged already."""
        self.loaded: Stages | None = None

    def process(self, planned: PlannedSplit) -> Iterator[StagedSplit]:
        """One split."""
        yield clean_split(planned, self.site, self._stages)

    def _stages(self) -> Stages:
        if self.loaded is None:
            with task(self.site.log, "LoadModels", "stages"):
                self.loaded = self.site.pipeline.stages(self.site.recipe, self.site.benchmarks)
        return self.loaded


def is_staged(split: PlannedSplit, staging: Path) -> bool:
    """Whether the staged directory of a split is there; it is whole, or not there."""
    return (staging / "splits" / split.digest / "counts.json").is_file()


def clean_split(planned: PlannedSplit, site: Site, stages: Callable[[], Stages]) -> StagedSplit:
    """Make the staged directory of a split, unless it is there already."""
    directory = site.staging / "splits" / planned.digest
    split = planned.split
    with task(site.log, "CleanSplits", f"{split.partner}/{split.path}@{split.start}") as progress:
        made = not is_staged(planned, site.staging)
        if made:
            ready = stages()
            with whole_directory(directory) as temporary:
                _write_staged(planned, site, ready, temporary)
        counts = orjson.loads((directory / "counts.json").read_bytes())
        progress.facts.update(
            documents=counts["documents"],
            kept=counts["kept"],
            dropped=counts["dropped"],
            bytes=counts["bytes"],
            made=made,
        )
    return StagedSplit(
        index=planned.index,
        partner=split.partner,
        data_set=split.data_set,
        path=split.path,
        first_row=split.first_row,
        drop=planned.drop,
        epoch=planned.epoch,
        period=planned.period,
        digest=planned.digest,
        counts=counts,
    )


def run_stages(
    batch: pa.RecordBatch, stages: Stages, data_set: DataSet
) -> Iterator[tuple[Stage, pa.RecordBatch, pa.RecordBatch]]:
    """Send a batch through the stages in order: (stage, kept, dropped) after each."""
    for stage, apply in stages:
        batch, dropped = apply(batch, data_set=data_set)
        yield stage, batch, dropped


def without(read: ReadBatch, refused: pa.Table) -> ReadBatch:
    """A batch as read, the documents that admission refused in its quarantine; `refused` is QUARANTINE."""
    late = refused.filter(pc.is_in(refused["row"], read.documents["row"])) if len(refused) else refused
    if not len(late):
        return read
    stands = pc.invert(pc.is_in(read.documents["row"], late["row"]))
    return read._replace(
        documents=read.documents.filter(stands),
        rights=read.rights.filter(stands),
        quarantine=pa.concat_tables([pa.Table.from_batches([read.quarantine]), late])
        .combine_chunks()
        .to_batches()[0],
    )


def _write_staged(planned: PlannedSplit, site: Site, stages: Stages, directory: Path) -> None:
    split = planned.split
    data_set = site.data_set(split)
    schema = STAGED_TURNS if data_set.has_turns else STAGED
    counts: Counter[str] = Counter()
    dropped_by: Counter[str] = Counter()
    refused_by: Counter[str] = Counter()
    entities: Counter[str] = Counter()
    refused = refused_between(refused_in(planned.admission, split.path), split, planned.stop_row)
    with (
        pa.ipc.new_file(str(directory / "documents.arrow"), schema) as documents,
        pa.ipc.new_file(str(directory / "dropped.arrow"), DROPPED) as losses,
        pa.ipc.new_file(str(directory / "quarantine.arrow"), QUARANTINE) as quarantine,
        pa.ipc.new_file(str(directory / "rights.arrow"), ROW_RIGHTS) as rights,
    ):
        for found in read_split(
            site.directories[split.partner, planned.drop],
            split,
            data_set,
            max_row_bytes=site.recipe.max_row_mib << 20,
        ):
            read = without(found, refused)
            counts["rows"] += read.rows
            counts["bytes"] += read.bytes
            counts["documents"] += len(read.documents)
            refused_by.update(read.quarantine["reason"].to_pylist())
            if len(read.quarantine):
                quarantine.write_batch(read.quarantine)
            if len(read.rights):
                rights.write_batch(read.rights)
            kept = read.documents
            for stage, survivors, dropped in run_stages(read.documents, stages, data_set):
                kept = survivors
                if len(dropped):
                    losses.write_batch(dropped)
                    dropped_by.update(f"{stage}/{reason}" for reason in dropped["reason"].to_pylist())
            if len(kept):
                documents.write_batch(kept.select(schema.names).cast(schema))
                counts["kept"] += len(kept)
                counts["text_bytes"] += pa.compute.sum(pa.compute.binary_length(kept["text"])).as_py()
                entities.update(entity_counts(kept["spans"]))
            site.log.record(step="Read", name=split.path, documents=len(read.documents), bytes=read.bytes)
    with pa.memory_map(str(directory / "documents.arrow")) as source:
        reader = pa.ipc.open_file(source)
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        write_bucket_keys(batches, directory / "keys.arrow", partitions=DEDUP_PARTITIONS)
    facts = {
        "rows": counts["rows"],
        "bytes": counts["bytes"],
        "documents": counts["documents"],
        "kept": counts["kept"],
        "text_bytes": counts["text_bytes"],
        "dropped": dict(sorted(dropped_by.items())),
        "quarantined": dict(sorted(refused_by.items())),
        "pii": counted(entities, data_set),
    }
    (directory / "counts.json").write_bytes(orjson.dumps(facts))
