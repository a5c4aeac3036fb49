"""FindCandidates and ResolveDuplicates: dedup over files, references through GroupByKey.

STAGING/dedup/<digest>/ holds shared-<partition>.arrow (buckets of two documents or more), parts/ (the same by
part; who is in which), sketches-<split>.arrow (shingles of the documents in them), part-<part>.arrow
(decisions) and decisions/ (the same by split).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import apache_beam as beam
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.candidates import find_shared_buckets
from pipelines.dedup.parts import Parts, divide
from pipelines.dedup.ranked import split_ranks
from pipelines.dedup.resolve import Settled, dropped_without, gather, resolve_part
from pipelines.dedup.sketches import write_sketches
from pipelines.engine.clean import DEDUP_PARTITIONS, StagedSplit
from pipelines.engine.files import whole_directory, whole_file, write_whole
from pipelines.engine.plan import Site
from pipelines.engine.runner import SpreadOverWorkers, under_one_key
from pipelines.engine.runs import task
from pipelines.engine.select import read_lost
from pipelines.stages.fingerprint import shingle_sets
from schemas.errors import BuildInconsistent
from schemas.reasons import Reason, Stage


@dataclass(frozen=True)
class Decided:
    """All splits and where their decisions lie."""

    splits: tuple[StagedSplit, ...]
    directory: Path
    parts: Parts
    repeats: tuple[Path, ...] = ()  # of passages that stand in earlier documents; see engine.passages


@dataclass(frozen=True)
class Resolved:
    """A part and where what it came to lies."""

    parts: Parts
    part: int

    @property
    def path(self) -> Path:
        """Its file of `resolve_part`."""
        return self.parts.directory.parent / f"part-{self.part:05d}.arrow"


@dataclass(frozen=True)
class KeptWithout:
    """How many documents, by whose they are, would have been kept had a partner never come."""

    partner: str
    documents: dict[str, int]
    resolved: dict[str, int]  # ResolveFacts of the build itself


class FindCandidates(beam.PTransform):
    """StagedSplit in, the Parts of the documents in shared buckets out."""

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
            | "Collect" >> beam.Map(under_one_key).with_output_types(tuple[int, Path])
            | "All" >> beam.GroupByKey()
            | "Divide" >> beam.Map(_divide, self.site)
        )


class ResolveDuplicates(beam.PTransform):
    """StagedSplit and Parts in, one Decided out."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def expand(self, inputs: dict[str, beam.PCollection]) -> beam.PCollection:
        """Sketch the candidates of each split, then decide each part in rank order, on all workers."""
        sketched = beam.pvalue.AsList(
            inputs["staged"]
            | "Weigh" >> beam.Map(_weigh)
            | "Spread" >> SpreadOverWorkers(lanes=self.site.lanes)
            | "Sketch" >> beam.Map(_sketch, self.site, beam.pvalue.AsSingleton(inputs["parts"]))
        )
        return (
            inputs["parts"]
            | "EachPart" >> beam.FlatMap(_each_part)
            | "SpreadParts" >> SpreadOverWorkers(lanes=self.site.lanes)
            | "Resolve" >> beam.Map(_resolve, self.site, sketched)
            | "Collect" >> beam.Map(under_one_key).with_output_types(tuple[int, Resolved])
            | "All" >> beam.GroupByKey()
            | "Gather" >> beam.Map(_gather, self.site, sketched)
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
                settled = {split.index for split in splits if split.settled}
                find_shared_buckets(files, partition=partition, path=temporary, without=lost, settled=settled)
    return path


def _divide(keyed: tuple[int, Iterable[Path]], site: Site) -> Parts:
    shared = sorted(keyed[1])
    parts = Parts(shared[0].parent / "parts")
    with task(site.log, "DivideCandidates", "all"):
        if not parts.directory.is_dir():
            with whole_directory(parts.directory) as temporary:
                divide(shared, directory=temporary)
    return parts


def _weigh(split: StagedSplit) -> tuple[float, StagedSplit]:
    return float(split.counts["text_bytes"]), split


def _sketch(split: StagedSplit, site: Site, parts: Parts) -> StagedSplit:
    path = _sketches(site, split)
    with task(site.log, "SketchCandidates", split.name):
        if not path.is_file():
            staged = site.staging / "splits" / split.digest / "documents.arrow"
            shingles = partial(shingle_sets, settings=site.recipe.fingerprint)
            with whole_file(path) as temporary:
                write_sketches(staged, parts, split=split.index, shingles=shingles, path=temporary)
    return split


def _sketches(site: Site, split: StagedSplit) -> Path:
    return _directory(split, site) / f"sketches-{split.index:05d}.arrow"


def _each_part(parts: Parts) -> Iterator[tuple[float, Resolved]]:
    for part in range(parts.count):
        yield 1.0, Resolved(parts, part)


def _resolve(resolved: Resolved, site: Site, sketched: list[StagedSplit]) -> Resolved:
    splits = sorted(sketched, key=lambda split: split.index)
    with task(site.log, "ResolvePart", str(resolved.part)):
        if not resolved.path.is_file():
            with whole_file(resolved.path) as temporary:
                resolve_part(
                    resolved.parts,
                    [(split.index, _sketches(site, split)) for split in splits],
                    part=resolved.part,
                    ranks=split_ranks(splits, site.recipe),
                    settings=site.recipe.dedup,
                    path=temporary,
                    settled=_settled_splits(splits, site),
                )
    return resolved


def _gather(keyed: tuple[int, Iterable[Resolved]], site: Site, sketched: list[StagedSplit]) -> Decided:
    splits = tuple(sorted(sketched, key=lambda split: split.index))
    resolved = sorted(keyed[1], key=lambda one: one.part)
    directory = _directory(splits[0], site) / "decisions"
    with task(site.log, "ResolveDuplicates", "all") as progress:
        if not (directory / "facts.json").is_file():
            with whole_directory(directory) as temporary:
                _write_decisions(splits, site, [one.path for one in resolved], temporary)
        progress.facts.update(orjson.loads((directory / "facts.json").read_bytes()))
        progress.facts.update(settled=sum(split.settled for split in splits))
    return Decided(splits, directory, resolved[0].parts)


def _write_decisions(
    splits: Sequence[StagedSplit], site: Site, files: Sequence[Path], directory: Path
) -> None:
    """Gather; what epochs before the last came to is taken over where it is known, and never changes."""
    base = site.staging / "dedup" / splits[0].base / "decisions"
    settled = [split.index for split in splits if split.settled]
    own = [split.index for split in splits if not split.settled]
    facts = dataclasses.asdict(gather(files, own, directory))
    for index in settled:
        (directory / f"{index}.arrow").hardlink_to(base / f"{index}.arrow")
    if settled:
        before = orjson.loads((base / "facts.json").read_bytes())
        facts = {name: count + before[name] for name, count in facts.items()}
    (directory / "facts.json").write_bytes(orjson.dumps(facts))


def _settled_splits(splits: Sequence[StagedSplit], site: Site) -> dict[int, Settled]:
    """Who of the splits that an earlier build decided is out."""
    base = site.staging / "dedup" / splits[0].base / "decisions"
    return {split.index: _settled(base, split) for split in splits if split.settled}


def _settled(directory: Path, split: StagedSplit) -> Settled:
    with pa.memory_map(str(directory / f"{split.index}.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    return Settled(
        np.asarray(table["position"], np.int32),
        np.asarray(pc.equal(table["reason"], Reason.REPEATED_KEY.value), np.bool_),
    )


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
    home = decided.directory.parent
    with task(site.log, "AttributeLosses", partner) as progress:
        path = home / f"without-{partner}.json"
        if not path.is_file():
            again = _resolved_without(partner, decided, site)
            kept: Counter[str] = Counter()
            for split in decided.splits:
                if split.partner != partner:
                    lost = _settled(decided.directory, split).dropped
                    kept[split.partner] += len(np.setdiff1d(lost, again[split.index].dropped))
            with whole_file(home / f"without-{partner}.arrow") as temporary:
                _write_settled(again, temporary)
            write_whole(path, orjson.dumps(+kept, option=orjson.OPT_SORT_KEYS))
        documents = orjson.loads(path.read_bytes())
        progress.facts.update(documents=sum(documents.values()))
    return KeptWithout(partner, documents, orjson.loads((decided.directory / "facts.json").read_bytes()))


def _resolved_without(partner: str, decided: Decided, site: Site) -> dict[int, Settled]:
    """Who would be out without the partner; of settled epochs, as it was found when they were resolved."""
    splits = decided.splits
    base = site.staging / "dedup" / splits[0].base
    settled = {split.index: split for split in splits if split.settled and split.partner != partner}
    known = base / f"without-{partner}.arrow"
    there = known.is_file() or not any(split.settled and split.partner == partner for split in splits)
    if settled and known.is_file():
        before = _read_settled(known, settled)
    else:  # the partner comes with the last epoch
        before = {index: _settled(base / "decisions", split) for index, split in settled.items()}
    if not there:
        raise BuildInconsistent(
            f"{known.name} of an earlier build is gone: remove STAGING/dedup/{splits[0].corpus} and "
            f"STAGING/dedup/{splits[0].base} and build again"
        )
    return dropped_without(
        decided.parts,
        [(split.index, _sketches(site, split)) for split in splits],
        ranks=split_ranks(splits, site.recipe),
        settings=site.recipe.dedup,
        without={split.index for split in splits if split.partner == partner},
        settled=before,
    )


_SETTLED = pa.schema([("split", pa.int32()), ("position", pa.int32()), ("repeated", pa.bool_())])


def _write_settled(settled: Mapping[int, Settled], path: Path) -> None:
    with pa.ipc.new_file(str(path), _SETTLED) as writer:
        for split, known in sorted(settled.items()):
            columns = [
                pa.array(np.full(len(known.dropped), split, np.int32)),
                pa.array(known.dropped),
                pa.array(known.repeated),
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SETTLED))


def _read_settled(path: Path, splits: Iterable[int]) -> dict[int, Settled]:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    split, position = np.asarray(table["split"], np.int32), np.asarray(table["position"], np.int32)
    repeated = np.asarray(table["repeated"], np.bool_)
    return {one: Settled(position[split == one], repeated[split == one]) for one in splits}


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
