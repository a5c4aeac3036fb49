"""FindPassages: what a kept text shares with kept ones of earlier rank, and what is left without it.

STAGING/dedup/<corpus>/passages-<digest>/ holds <split>.arrow (PASSAGES of the kept documents) and
repeats-<partition>.arrow (REPEATS). A recipe that looks for none has none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.dedup.candidates import binary_words
from pipelines.dedup.passages import PASSAGES_VERSION, REPEATS, Ranks, find_repeats, left_of, write_passages
from pipelines.dedup.ranked import split_ranks
from pipelines.engine.clean import StagedSplit
from pipelines.engine.duplicates import Decided, decisions
from pipelines.engine.files import whole_file
from pipelines.engine.plan import Site
from pipelines.engine.runner import SpreadOverWorkers
from pipelines.engine.runs import task
from pipelines.stages.passages import Tokens, passage_tokens
from pipelines.stages.turns import marks_of, moved_by_cut, with_marks
from schemas.documents import SPANS, with_column
from schemas.identity import fingerprint
from schemas.reasons import Reason, Stage
from schemas.recipe import Passages

_PARTITION_BYTES = 256 << 20  # of text; its keys take some times as much. Changes no result.


@dataclass(frozen=True)
class _Work:
    """A split, where its decisions lie, and the directory and number of partitions of its passages."""

    split: StagedSplit
    decisions: Path
    directory: Path
    partitions: int

    @property
    def file(self) -> Path:
        return self.directory / f"{self.split.index}.arrow"


class FindPassages(beam.PTransform):
    """Decided in, the same out with the files of passages that go."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def expand(self, decided: beam.PCollection) -> beam.PCollection:
        """Keys of all splits, then what stands twice partition by partition; no text is shuffled."""
        if not self.site.recipe.passages.wanted:
            return decided
        found = (
            decided
            | "PerSplit" >> beam.FlatMap(_per_split, self.site)
            | "Spread" >> SpreadOverWorkers(lanes=self.site.lanes)
            | "Write" >> beam.Map(_write, self.site)
            | "ToPartitions" >> beam.FlatMap(_to_partitions).with_output_types(tuple[int, _Work])
            | "ByPartition" >> beam.GroupByKey()
            | "FindRepeats" >> beam.Map(_find, self.site)
        )
        return decided | "WithRepeats" >> beam.Map(_with_repeats, beam.pvalue.AsList(found))


def _per_split(decided: Decided, site: Site) -> Iterator[tuple[float, _Work]]:
    size = sum(split.counts["text_bytes"] for split in decided.splits)
    partitions = max(16, -(-size // _PARTITION_BYTES))
    name = fingerprint([PASSAGES_VERSION, site.recipe.passages, partitions])[:16]
    directory = decided.directory.with_name(f"passages-{name}")
    for split in decided.splits:
        work = _Work(replace(split, counts={}), decided.directory, directory, partitions)
        yield float(split.counts["text_bytes"]), work


def _to_partitions(work: _Work) -> Iterator[tuple[int, _Work]]:
    for partition in range(work.partitions):
        yield partition, work


def _with_repeats(decided: Decided, found: list[Path]) -> Decided:
    return replace(decided, repeats=tuple(sorted(found)))


def _write(work: _Work, site: Site) -> _Work:
    with task(site.log, "FindPassages", work.split.name):
        if not work.file.is_file():
            with whole_file(work.file) as temporary:
                write_passages(
                    _kept_tokens(work, site), site.recipe.passages, partitions=work.partitions, path=temporary
                )
    return work


def _staged(split: StagedSplit, site: Site) -> Path:
    return site.staging / "splits" / split.digest / "documents.arrow"


def _kept_tokens(work: _Work, site: Site) -> Iterator[tuple[NDArray[np.int64], Tokens]]:
    out = decisions(work.decisions, work.split, site)["position"].to_numpy()
    first = 0
    with pa.memory_map(str(_staged(work.split, site))) as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            kept = np.setdiff1d(np.arange(first, first + len(batch)), out)
            yield kept, passage_tokens(batch.take(pa.array(kept - first)))
            first += len(batch)


def _find(keyed: tuple[int, Iterable[_Work]], site: Site) -> Path:
    partition, works = keyed[0], sorted(keyed[1], key=lambda work: work.split.index)
    splits = [work.split for work in works]
    path = works[0].directory / f"repeats-{partition:05d}.arrow"
    with task(site.log, "FindRepeats", str(partition)):
        if not path.is_file():
            with whole_file(path) as temporary:
                find_repeats(
                    [(work.split.index, work.file) for work in works],
                    partition=partition,
                    ranks=split_ranks(splits, site.recipe),
                    rank_columns=lambda split, positions: _ranks(splits[split], positions, site),
                    settings=site.recipe.passages,
                    path=temporary,
                )
    return path


def _ranks(split: StagedSplit, positions: NDArray[np.int32], site: Site) -> Ranks:
    """What ranks some documents of a split, out of its staged file."""
    with pa.memory_map(str(_staged(split, site))) as source:
        table = pa.ipc.open_file(source).read_all().select(["doc_id", "language", "quality"])
        chosen = table.take(pa.array(positions)).combine_chunks()
    return Ranks(
        binary_words(chosen["doc_id"].combine_chunks()),
        chosen["language"].combine_chunks(),
        chosen["quality"].to_numpy(),
    )


def repeats_of(split: StagedSplit, repeats: Sequence[Path]) -> pa.Table:
    """REPEATS of one split out of all partitions' files, by position and start."""
    parts = [REPEATS.empty_table()]
    for path in repeats:
        with pa.memory_map(str(path)) as source:
            batch = pa.ipc.open_file(source).get_batch(0)
            start, end = np.searchsorted(batch["split"].to_numpy(), [split.index, split.index + 1])
            parts.append(pa.Table.from_batches([batch.slice(start, end - start)]))
    return (
        pa.concat_tables(parts).sort_by([("position", "ascending"), ("start", "ascending")]).combine_chunks()
    )


@dataclass(frozen=True)
class WithoutPassages:
    """A staged batch without its repeated passages."""

    batch: pa.RecordBatch
    details: pa.Array  # what went, of each row that lost any
    emptied: pa.Table  # decisions on the rows of which nothing is left


def without_passages(
    batch: pa.RecordBatch, repeats: pa.Table, position: int, action: Passages
) -> WithoutPassages:
    """Take out (or only flag) the repeated passages of a batch whose first row has that position."""
    places = repeats["position"].to_numpy()
    start, end = np.searchsorted(places, [position, position + len(batch)])
    if start == end:
        return WithoutPassages(batch, pa.nulls(len(batch), pa.string()), _emptied([], []))
    details: list[str | None] = [None] * len(batch)
    emptied: list[int] = []
    marks = marks_of(batch)
    texts, spans = batch["text"].to_pylist(), batch["spans"].to_pylist()
    rows = repeats.slice(int(start), int(end - start)).to_pydict()
    by_row: dict[int, list[tuple[int, int]]] = {}
    for place, first, last in zip(rows["position"], rows["start"], rows["end"], strict=True):
        by_row.setdefault(place - position, []).append((first, last))
    for row, stretches in by_row.items():
        whole = texts[row].encode()
        gone = _merged(stretches)
        size = sum(last - first for first, last in gone)
        details[row] = f"{size} of {len(whole)} bytes stood in earlier documents"
        if action is Passages.FLAG:
            continue
        kept = left_of(whole, gone)
        texts[row] = b"".join(whole[first:last] for first, last in kept).decode()
        marks.of(row)[:] = moved_by_cut(marks.of(row), kept)
        # Tokens hold spans whole, so a span goes or stays; where it then stands, nobody asks any more.
        spans[row] = [span for span in spans[row] if not _inside(whole, span["start"], gone)]
        if not texts[row]:
            emptied.append(row)
    changed = with_column(batch, batch.schema.field("text"), pa.array(texts, pa.string()))
    changed = with_column(changed, batch.schema.field("spans"), pa.array(spans, SPANS))
    changed = with_marks(changed, marks.places)
    lost = _emptied([position + row for row in emptied], [details[row] for row in emptied])
    return WithoutPassages(changed, pa.array(details, pa.string()), lost)


def _merged(stretches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches, overlapping ones as one, in order."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(stretches):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def _inside(text: bytes, point: int, stretches: Sequence[tuple[int, int]]) -> bool:
    """Whether the code point of that number lies in one of the stretches of bytes."""
    at = len(text.decode()[:point].encode())
    return any(first <= at < last for first, last in stretches)


def _emptied(positions: list[int], details: list[str | None]) -> pa.Table:
    count = len(positions)
    return pa.table(
        {
            "position": pa.array(positions, pa.int32()),
            "reason": pa.repeat(Reason.REPEATED_PASSAGES.value, count),
            "detail": pa.array(details, pa.string()),
            "stage": pa.repeat(Stage.DEDUP.value, count),
        }
    )


def with_details(given: pa.Array | None, passages: pa.Array) -> pa.Array:
    """The details of a batch's decisions; where there is none, what its passages lost."""
    return passages if given is None else pc.coalesce(given, passages)
