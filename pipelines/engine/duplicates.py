"""FindCandidates and ResolveDuplicates: dedup over files, references through GroupByKey.

STAGING/dedup/<digest>/ holds shared-<partition>.arrow (buckets of two documents or more),
sketches-<split>.arrow (shingles of the documents in them), <split>.arrow (decisions) and facts.json.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import apache_beam as beam
import orjson

from pipelines.dedup.candidates import find_shared_buckets
from pipelines.dedup.resolve import resolve
from pipelines.dedup.sketches import write_sketches
from pipelines.engine.clean import DEDUP_PARTITIONS, StagedSplit
from pipelines.engine.files import whole_directory, whole_file
from pipelines.engine.plan import Site
from pipelines.engine.runner import SpreadOverWorkers
from pipelines.engine.runs import task
from pipelines.engine.select import read_lost
from pipelines.stages.fingerprint import shingle_sets


@dataclass(frozen=True)
class Decided:
    """All splits and where their decisions lie."""

    splits: tuple[StagedSplit, ...]
    directory: Path


class FindCandidates(beam.PTransform):
    """StagedSplit in, the path of each partition's shared buckets out."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def expand(self, staged: beam.PCollection) -> beam.PCollection:
        """Every split goes to every partition as a reference; the task reads one batch of its keys."""
        return (
            staged
            | "ToPartitions" >> beam.FlatMap(_to_partitions).with_output_types(tuple[int, StagedSplit])
            | "ByPartition" >> beam.GroupByKey()
            | "FindShared" >> beam.Map(_find_shared, self.site)
        )


class ResolveDuplicates(beam.PTransform):
    """StagedSplit and shared buckets in, one Decided out."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def expand(self, inputs: dict[str, beam.PCollection]) -> beam.PCollection:
        """Sketch the candidates of each split on all workers, then decide in rank order on one."""
        shared = beam.pvalue.AsList(inputs["shared"])
        return (
            inputs["staged"]
            | "Weigh" >> beam.Map(_weigh)
            | "Spread" >> SpreadOverWorkers(lanes=self.site.lanes)
            | "Sketch" >> beam.Map(_sketch, self.site, shared)
            | "Collect" >> beam.Map(_under_one_key).with_output_types(tuple[int, StagedSplit])
            | "All" >> beam.GroupByKey()
            | "Resolve" >> beam.Map(_resolve, self.site, shared)
        )


def _to_partitions(split: StagedSplit) -> Iterator[tuple[int, StagedSplit]]:
    for partition in range(DEDUP_PARTITIONS):
        yield partition, replace(split, counts={})  # sixteen times, so no more than has to be


def _directory(split: StagedSplit, site: Site) -> Path:
    return site.staging / "dedup" / split.corpus


def _find_shared(keyed: tuple[int, Iterable[StagedSplit]], site: Site) -> Path:
    partition, splits = keyed[0], sorted(keyed[1], key=lambda split: split.index)
    path = _directory(splits[0], site) / f"shared-{partition:02d}.arrow"
    with task(site.log, "FindCandidates", str(partition)):
        if not path.is_file():
            files = [(split.index, site.staging / "splits" / split.digest / "keys.arrow") for split in splits]
            lost = {
                split.index: read_lost(split, site)["position"].to_numpy() for split in splits if split.lost
            }
            with whole_file(path) as temporary:
                find_shared_buckets(files, partition=partition, path=temporary, without=lost)
    return path


def _weigh(split: StagedSplit) -> tuple[float, StagedSplit]:
    return float(split.counts["text_bytes"]), split


def _under_one_key(split: StagedSplit) -> tuple[int, StagedSplit]:
    return 0, split


def _sketch(split: StagedSplit, site: Site, shared: list[Path]) -> StagedSplit:
    path = _sketches(site, split)
    with task(site.log, "SketchCandidates", split.name):
        if not path.is_file():
            staged = site.staging / "splits" / split.digest / "documents.arrow"
            shingles = partial(shingle_sets, settings=site.recipe.fingerprint)
            with whole_file(path) as temporary:
                write_sketches(staged, sorted(shared), split=split.index, shingles=shingles, path=temporary)
    return split


def _sketches(site: Site, split: StagedSplit) -> Path:
    return _directory(split, site) / f"sketches-{split.index:05d}.arrow"


def _resolve(keyed: tuple[int, Iterable[StagedSplit]], site: Site, shared: list[Path]) -> Decided:
    splits = tuple(sorted(keyed[1], key=lambda split: split.index))
    directory = _directory(splits[0], site) / "decisions"
    with task(site.log, "ResolveDuplicates", "all") as progress:
        if not (directory / "facts.json").is_file():
            rank = {partner: place for place, partner in enumerate(site.recipe.partners)}
            with whole_directory(directory) as temporary:
                facts = resolve(
                    sorted(shared),
                    [(split.index, _sketches(site, split)) for split in splits],
                    priorities=[split.epoch * len(rank) + rank[split.partner] for split in splits],
                    order=[split.name for split in splits],
                    settings=site.recipe.dedup,
                    directory=temporary,
                )
                (temporary / "facts.json").write_bytes(orjson.dumps(dataclasses.asdict(facts)))
        progress.facts.update(orjson.loads((directory / "facts.json").read_bytes()))
    return Decided(splits, directory)
