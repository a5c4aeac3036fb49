"""FindCandidates and ResolveDuplicates: dedup over files, references through GroupByKey.

STAGING/dedup/<digest>/ holds shared-<partition>.arrow (buckets of two documents or more),
sketches-<split>.arrow (shingles of the documents in them), <split>.arrow (decisions) and facts.json.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import apache_beam as beam
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.dedup.candidates import find_shared_buckets
from pipelines.dedup.ranked import SplitRank
from pipelines.dedup.resolve import dropped_without, resolve
from pipelines.dedup.sketches import write_sketches
from pipelines.engine.clean import DEDUP_PARTITIONS, StagedSplit
from pipelines.engine.files import whole_directory, whole_file, write_whole
from pipelines.engine.plan import Site
from pipelines.engine.runner import SpreadOverWorkers
from pipelines.engine.runs import task
from pipelines.engine.select import read_lost
from pipelines.stages.fingerprint import shingle_sets
from schemas.reasons import Stage
from schemas.recipe import Recipe


@dataclass(frozen=True)
class Decided:
    """All splits and where their decisions lie."""

    splits: tuple[StagedSplit, ...]
    directory: Path
    shared: tuple[Path, ...]
    repeats: tuple[Path, ...] = ()  # of passages that stand in earlier documents; see engine.passages


@dataclass(frozen=True)
class KeptWithout:
    """How many documents, by whose they are, would have been kept had a partner never come."""

    partner: str
    documents: dict[str, int]
    resolved: dict[str, int]  # ResolveFacts of the build itself


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


class AttributeLosses(beam.PTransform):
    """Decided in, a KeptWithout for each partner out."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def expand(self, decided: beam.PCollection) -> beam.PCollection:
        """Resolve again without each partner; the sketches are there, so no text is read."""
        return (
            decided
            | "PerPartner" >> beam.FlatMap(_per_partner)
            | "Spread" >> SpreadOverWorkers(lanes=self.site.lanes)
            | "Without" >> beam.Map(_without, self.site)
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
            with whole_directory(directory) as temporary:
                facts = resolve(
                    sorted(shared),
                    [(split.index, _sketches(site, split)) for split in splits],
                    ranks=split_ranks(splits, site.recipe),
                    settings=site.recipe.dedup,
                    directory=temporary,
                )
                (temporary / "facts.json").write_bytes(orjson.dumps(dataclasses.asdict(facts)))
        progress.facts.update(orjson.loads((directory / "facts.json").read_bytes()))
    return Decided(splits, directory, tuple(sorted(shared)))


def split_ranks(splits: Sequence[StagedSplit], recipe: Recipe) -> list[SplitRank]:
    """Rank by epoch, then by the partners' order in the document's language."""
    default = {partner: place for place, partner in enumerate(recipe.partners)}
    orders = {
        language: {partner: place for place, partner in enumerate(dict.fromkeys((*first, *recipe.partners)))}
        for language, first in recipe.dedup.partners_by_language.items()
    }
    return [
        SplitRank(
            split.name,
            split.epoch * len(default) + default[split.partner],
            {
                language: split.epoch * len(default) + order[split.partner]
                for language, order in orders.items()
            },
        )
        for split in splits
    ]


def _per_partner(decided: Decided) -> Iterator[tuple[float, tuple[str, Decided]]]:
    """A task for each partner; without one, all others are resolved again."""
    documents: Counter[str] = Counter()
    for split in decided.splits:
        documents[split.partner] += split.counts["kept"]
    whole = documents.total()
    splits = tuple(replace(split, counts={}) for split in decided.splits)
    for partner, own in documents.items():
        yield float(whole - own), (partner, replace(decided, splits=splits))


def _without(work: tuple[str, Decided], site: Site) -> KeptWithout:
    partner, decided = work
    splits = decided.splits
    with task(site.log, "AttributeLosses", partner) as progress:
        path = decided.directory.with_name(f"without-{partner}.json")
        if not path.is_file():
            lost = {split.index: _dropped(decided, split) for split in splits if split.partner != partner}
            again = dropped_without(
                decided.shared,
                [(split.index, _sketches(site, split)) for split in splits],
                ranks=split_ranks(splits, site.recipe),
                settings=site.recipe.dedup,
                without={split.index for split in splits if split.partner == partner},
            )
            kept: Counter[str] = Counter()
            for split in splits:
                if split.partner != partner:
                    kept[split.partner] += len(np.setdiff1d(lost[split.index], again[split.index]))
            write_whole(path, orjson.dumps(+kept, option=orjson.OPT_SORT_KEYS))
        documents = orjson.loads(path.read_bytes())
        progress.facts.update(documents=sum(documents.values()))
    return KeptWithout(partner, documents, orjson.loads((decided.directory / "facts.json").read_bytes()))


def decisions(directory: Path, split: StagedSplit, site: Site) -> pa.Table:
    """Who of a split is out, by position: the duplicates and those that rights took out before."""
    with pa.memory_map(str(directory / f"{split.index}.arrow")) as source:
        duplicates = pa.ipc.open_file(source).read_all()
    duplicates = duplicates.append_column("stage", pa.repeat(Stage.DEDUP.value, len(duplicates)))
    withdrawn = read_lost(split, site)
    if not len(withdrawn):
        return duplicates
    withdrawn = withdrawn.append_column("stage", pa.repeat(Stage.RIGHTS.value, len(withdrawn)))
    return pa.concat_tables([duplicates, withdrawn], promote_options="default").sort_by("position")


def _dropped(decided: Decided, split: StagedSplit) -> NDArray[np.int32]:
    with pa.memory_map(str(decided.directory / f"{split.index}.arrow")) as source:
        return np.asarray(pa.ipc.open_file(source).read_all()["position"], np.int32)
