"""Tokenise and WriteShards: kept texts become tokens, every document gets its ledger row.

A document belongs to one of N train or M validation partitions by its id alone. Tokenise writes, per
split, STAGING/tokens/<digest>/<split>.arrow (`pipelines.engine.partition`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.clean import StagedSplit
from pipelines.engine.duplicates import Decided, decisions
from pipelines.engine.files import facts_of, whole_file, write_index
from pipelines.engine.partition import (
    TOKENISED,
    Layout,
    Tokenised,
    fingerprinted,
    gather,
    ledger_rows,
    shard_rows,
)
from pipelines.engine.passages import WithoutPassages, repeats_of, with_details, without_passages
from pipelines.engine.plan import SHAPING_TOKENS, Site, versions
from pipelines.engine.runner import SpreadOverWorkers
from pipelines.engine.runs import task
from pipelines.lineage.duplicates import edges_of, edges_path
from pipelines.lineage.fingerprints import fingerprints_path, key_of, write_fingerprints
from pipelines.lineage.ledger import ledger_path, write_ledger
from pipelines.stages.pii.policy import counted
from pipelines.tokens.shards import shard_count, write_shard
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer
from schemas.contract import DataSet
from schemas.documents import LEDGER
from schemas.identity import fingerprint
from schemas.manifest import FileFacts, LedgerFacts, ShardFacts
from schemas.shards import shard_name, shard_path

# 3: edges beside the decisions. 4: begin and end of documents and turns. 5: fingerprints for the index.
# 6: rounds of more than one staged batch.
TOKENS_VERSION = 6
_ROUND_BYTES = 64 << 20  # of staged batches: most splits are one round, so a partition gets one batch of each


@dataclass(frozen=True)
class WrittenPartition:
    """A shard and its part of the ledger, as they lie in the build."""

    epoch: int
    part: str
    index: int
    directory: str
    file: str
    shard: ShardFacts
    ledger: LedgerFacts
    edges: FileFacts  # of its documents that were dropped as copies
    fingerprints: FileFacts  # of its documents that came to deduplication


def layout_of(admitted_bytes: int, site: Site) -> Layout:
    """The number of shards, from the receipts' bytes."""
    settings = site.recipe.tokens
    validation = int(admitted_bytes * settings.validation_share)
    return Layout(
        train=shard_count(admitted_bytes, settings.shard_mib),
        validation=shard_count(validation, settings.shard_mib),
    )


class Tokenise(beam.PTransform):
    """Decided in, one Tokenised per split out."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def expand(self, decided: beam.PCollection) -> beam.PCollection:
        """Spread the splits by their kept bytes; tokenise what is kept."""
        return (
            decided
            | "PerSplit" >> beam.FlatMap(_per_split, self.site)
            | "Spread" >> SpreadOverWorkers(lanes=self.site.lanes)
            | "Encode" >> beam.Map(_tokenise, self.site)
        )


class WriteShards(beam.PTransform):
    """Tokenised in, one WrittenPartition per shard out."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def expand(self, tokenised: beam.PCollection) -> beam.PCollection:
        """References go to every partition; its task gathers, sorts and writes."""
        return (
            tokenised
            | "ToPartitions" >> beam.FlatMap(_to_partitions).with_output_types(tuple[str, Tokenised])
            | "ByPartition" >> beam.GroupByKey()
            | "Write" >> beam.Map(_write_partition, self.site)
        )


Work = tuple[StagedSplit, Decided, Layout]


def _per_split(decided: Decided, site: Site) -> Iterator[tuple[float, Work]]:
    admitted: Counter[int] = Counter()
    for split in decided.splits:
        admitted[split.epoch] += split.counts["bytes"]
    layouts = {epoch: layout_of(size, site) for epoch, size in admitted.items()}
    for split in decided.splits:
        yield float(split.counts["text_bytes"]), (split, replace(decided, splits=()), layouts[split.epoch])


def _tokenise(work: Work, site: Site) -> Tokenised:
    split, decided, layout = work
    with task(site.log, "Tokenise", split.name) as progress:
        tokenizer = load_tokenizer(site.recipe.tokens, directory=site.home)
        digest = fingerprint(
            [
                TOKENS_VERSION,
                split.corpus,
                site.recipe.passages,
                [split.drop, split.lost],
                tokenizer.identity,
                versions(SHAPING_TOKENS),
                [layout.train, layout.validation],
                site.recipe.tokens.validation_share,
            ]
        )
        path = site.staging / "tokens" / digest / f"{split.index:05d}-{split.digest[:16]}.arrow"
        made = not path.is_file()
        if made:
            with (
                whole_file(path) as temporary,
                pa.ipc.new_file(str(temporary), TOKENISED) as writer,
            ):
                for rows, begins in _rows(split, decided, layout, site, tokenizer):
                    # One batch per partition, empty ones too: batch i of a round is partition i's.
                    for first, last in pairwise(begins.tolist()):
                        writer.write_batch(rows.slice(first, last - first))
        progress.facts.update(kept=split.counts["kept"], text_bytes=split.counts["text_bytes"], made=made)
    return Tokenised(split.index, path, split.epoch, layout)


def _rows(
    split: StagedSplit, decided: Decided, layout: Layout, site: Site, tokenizer: Tokenizer
) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """The split's documents as TOKENISED, a round at a time; first the kept, then the dropped.

    Of each round the rows by partition, and where each partition begins.
    """
    staged = site.staging / "splits" / split.digest
    out, repeats = decisions(decided.directory, split, site), repeats_of(split, decided.repeats)
    data_set = site.contract(split.partner).data_set(split.data_set)
    constant = {
        "partner": split.partner,
        "data_set": split.data_set,
        "kind": data_set.kind.value,
        "drop": split.drop,
        "file": split.path,
    }
    share, position = site.recipe.tokens.validation_share, 0
    with pa.memory_map(str(staged / "documents.arrow")) as source:
        for batches in _rounds(pa.ipc.open_file(source)):
            found = []
            for batch in batches:
                left = without_passages(batch, repeats, position, site.recipe.passages.action)
                found.append(_survivors(left, out, position, constant, tokenizer, data_set))
                position += len(batch)
            yield layout.ordered(found, share)
    with pa.memory_map(str(staged / "dropped.arrow")) as source:
        for batches in _rounds(pa.ipc.open_file(source)):
            yield layout.ordered([_lost(batch, constant) for batch in batches], share)


def _rounds(reader: pa.ipc.RecordBatchFileReader) -> Iterator[list[pa.RecordBatch]]:
    """The batches of a staged file, as many together as a round may hold."""
    batches: list[pa.RecordBatch] = []
    size = 0
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        if batches and size + batch.nbytes > _ROUND_BYTES:
            yield batches
            batches, size = [], 0
        batches.append(batch)
        size += batch.nbytes
    if batches:
        yield batches


def _lost(dropped: pa.RecordBatch, constant: dict[str, str]) -> pa.RecordBatch:
    """Documents that a stage dropped, as TOKENISED."""
    columns = {name: dropped[name] for name in dropped.schema.names} | {
        "kept": pa.repeat(False, len(dropped)),
        "tokens": pa.repeat(pa.scalar(0, pa.int32()), len(dropped)),
    }
    return _tokenised(len(dropped), constant, columns)


def _survivors(
    left: WithoutPassages,
    decided: pa.Table,
    position: int,
    constant: dict[str, str],
    tokenizer: Tokenizer,
    data_set: DataSet,
) -> pa.RecordBatch:
    """Documents of one staged batch, the duplicates among them marked and without tokens."""
    batch, count = left.batch, len(left.batch)
    positions = decided["position"].to_numpy()
    first, last = np.searchsorted(positions, [position, position + count])
    lost = decided.slice(int(first), int(last - first))
    if len(left.emptied):
        lost = pa.concat_tables([lost, left.emptied], promote_options="default").sort_by("position")
    at = lost["position"].to_numpy() - position
    kept = np.ones(count, dtype=bool)
    kept[at] = False
    place = np.full(count, -1, dtype=np.int64)
    place[at] = np.arange(len(at))
    take = pa.array(place, mask=kept)
    texts = batch.select(["text", "turns"] if data_set.has_turns else ["text"])
    if len(at):
        texts = texts.filter(pa.array(kept))
    encoded = tokenizer.encode(
        texts["text"],
        data_set=f"{constant['partner']}/{constant['data_set']}",
        join=data_set.join,
        turns=texts["turns"] if data_set.has_turns else None,
    )
    token_counts = np.zeros(count, dtype=np.int32)
    token_counts[kept] = np.diff(encoded.offsets.to_numpy())
    begins = np.concatenate([[0], np.cumsum(token_counts)]).astype(np.int32)
    bands = batch["bands"]
    given = {
        name: lost[name].combine_chunks().take(take)
        for name in ("stage", "reason", "detail", "duplicate_of", "similarity", "edges")
        if name in lost.column_names
    }
    return _tokenised(
        count,
        constant,
        {
            **{name: batch[name] for name in ("doc_id", "row", "language", "quality", "exact")},
            "keys": pa.ListArray.from_arrays(bands.offsets, pa.array(key_of(bands.values.to_numpy()))),
            "kept": pa.array(kept),
            **given,
            "detail": with_details(given.get("detail"), left.details),
            "pii": _entities(batch["spans"], data_set),
            "tokens": pa.array(token_counts),
            "input_ids": pa.ListArray.from_arrays(begins, encoded.values),
        },
    )


def _entities(spans: pa.ListArray, data_set: DataSet) -> pa.Array:
    """Spans by class and action of each document, as a map; empty where there is none."""
    lengths = pc.list_value_length(spans).to_numpy(zero_copy_only=False)
    if not lengths.any():
        kind = LEDGER.field("pii").type
        nothing = pa.array([], kind.key_type), pa.array([], kind.item_type)
        return pa.MapArray.from_arrays(pa.array(np.zeros(len(spans) + 1, np.int32)), *nothing)
    found = []
    for row in spans.to_pylist():
        counts: dict[str, int] = {}
        for span in row:
            counts[span["label"]] = counts.get(span["label"], 0) + 1
        found.append(list(counted(counts, data_set).items()))
    return pa.array(found, LEDGER.field("pii").type)


def _tokenised(count: int, constant: dict[str, str], columns: dict[str, pa.Array]) -> pa.RecordBatch:
    arrays = []
    for field in TOKENISED:
        if field.name in constant:
            arrays.append(pa.repeat(constant[field.name], count))
        elif field.name in columns:
            arrays.append(columns[field.name].cast(field.type))
        else:
            arrays.append(pa.nulls(count, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=TOKENISED)


def _to_partitions(tokenised: Tokenised) -> Iterator[tuple[str, Tokenised]]:
    for partition in range(tokenised.layout.partitions):
        yield f"{tokenised.epoch}/{partition}", tokenised


def _write_partition(keyed: tuple[str, Iterable[Tokenised]], site: Site) -> WrittenPartition:
    epoch, partition = map(int, keyed[0].split("/"))
    tokenised = sorted(keyed[1], key=lambda item: item.index)
    layout = tokenised[0].layout
    part, index, total = layout.name(partition)
    name = shard_name(epoch=epoch, split=part, index=index)
    path = shard_path(epoch=epoch, split=part, index=index, count=total)
    directory = str(PurePosixPath(path).parent)
    ledger = ledger_path(epoch=epoch, partition=partition)
    with task(site.log, "WriteShards", name) as progress:
        (site.build / directory).mkdir(parents=True, exist_ok=True)
        (site.build / "ledger").mkdir(exist_ok=True)
        rows = gather(tokenised, partition)
        written = write_shard(site.build / path, shard_rows(tokenised, partition, rows))
        facts = ShardFacts(
            name=name,
            path=path,
            bytes=written.bytes,
            sha256=written.sha256,
            rows=written.rows,
            tokens=written.tokens,
        )
        ledger_facts = write_ledger(site.build / ledger, ledger_rows(rows, name))
        edges = edges_path(epoch=epoch, partition=partition)
        write_index(site.build / edges, edges_of(rows))
        del rows
        fingerprints = fingerprints_path(epoch=epoch, partition=partition)
        with whole_file(site.build / fingerprints) as temporary:
            bands = site.recipe.fingerprint.bands
            write_fingerprints(temporary, fingerprinted(tokenised, partition, bands))
        progress.facts.update(kept=written.rows, tokens=written.tokens)
    return WrittenPartition(
        epoch=epoch,
        part=part,
        index=index,
        directory=directory,
        file=path,
        shard=facts,
        ledger=LedgerFacts(ledger, *ledger_facts),
        edges=facts_of(site.build, edges),
        fingerprints=facts_of(site.build, fingerprints),
    )
