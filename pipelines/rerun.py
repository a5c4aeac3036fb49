"""`malmoi verify --deep`: some documents of a build made again from their drops, and held against it.

Nothing staged is taken: the rows are read from the drop's files, go through the stages, and are tokenised, by
the functions of the build. Compared are decision, language, quality, personal data and every token.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from pipelines.build import make_plan
from pipelines.engine.admissions import refused_between, refused_in
from pipelines.engine.clean import run_stages, without
from pipelines.engine.made import origin_of
from pipelines.engine.plan import Plan, PlannedSplit, Stages, runtime
from pipelines.intake.readers import read_split
from pipelines.lineage.finding import Finding
from pipelines.lineage.ledger import read_piece
from pipelines.stages.pii.policy import counted
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer
from schemas.contract import DataSet
from schemas.documents import TURNS
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import canonical_json
from schemas.manifest import Manifest, read_manifest
from schemas.reasons import Reason, Stage
from schemas.recipe import TokenSettings

# Decided over all documents together, so after the stages: here such a document only has to come so far.
_LATER = (Stage.RIGHTS.value, Stage.DEDUP.value)
_COLUMNS = (
    *("doc_id", "partner", "drop", "file", "row", "language", "kept", "stage", "reason", "detail"),
    *("quality", "pii", "shard", "shard_row"),
)
Row = dict[str, Any]


@dataclass
class Rerun:
    """What came of it."""

    compared: int = 0
    cut: int = 0  # kept documents that lost passages, which one document alone does not tell: not compared
    findings: list[Finding] = field(default_factory=list)


def rerun(build: Path, *, sample: int, seed: int = 0) -> Rerun:
    """Make a sample of a build's documents again; the same seed draws the same ones.

    Raises UsageError where the drops are not at hand any more, or this code is not what made the build.
    """
    manifest = read_manifest(build)
    plan = _plan(build, manifest)
    chosen = _drawn(build, manifest, sample=sample, seed=seed)
    stages = plan.site.pipeline.stages(plan.site.recipe, plan.site.benchmarks)
    tokenizer = load_tokenizer(plan.site.recipe.tokens, directory=plan.site.home)
    shards = _Shards(build, manifest)
    found = Rerun()
    for planned, rows in _by_split(plan, chosen, found):
        data_set = plan.site.data_set(planned.split)
        wanted = {row["row"]: row for row in rows}
        for made in _made(planned, plan, stages, data_set, sorted(wanted)):
            _compare(wanted.pop(made["row"]), made, data_set, tokenizer, shards, found)
        for row in wanted.values():
            found.compared += 1
            _find(found, row, "its row is not in the drop's file, or is no document")
    found.findings.sort()
    return found


def _plan(build: Path, manifest: Manifest) -> Plan:
    """The plan of the build, as it would be made now; UsageError where it is another one."""
    origin = origin_of(build.resolve())
    if origin is None:
        raise UsageError(
            f"{build.name}.runs/origin.json does not say where the build was made from: --deep needs its "
            "recipe, drops and staging where they were"
        )
    try:
        settings = TypeAdapter(TokenSettings).validate_json(
            canonical_json(manifest.recipe["tokens"]), strict=True
        )
    except (KeyError, ValidationError):
        raise BuildInconsistent(f"{build.name}: the manifest's recipe has no tokens: build again") from None
    plan = make_plan(
        Path(origin.recipe),
        build,
        drops=None if origin.drops is None else Path(origin.drops),
        registry=None if origin.registry is None else Path(origin.registry),
        date=manifest.date,
        staging=Path(origin.staging),
        workers=1,
        tokens=settings,
    )
    changed = [
        name
        for name, now, then in (
            ("recipe", canonical_json(plan.site.recipe.identity), canonical_json(manifest.recipe)),
            ("stages", dict(plan.site.pipeline.versions), manifest.stage_versions),
            ("packages", runtime(), {k: v for k, v in manifest.runtime.items() if k != "requirements.lock"}),
            (
                "contracts",
                {(one.partner, one.digest) for one in plan.site.contracts},
                {(one.partner, one.digest) for one in manifest.contracts},
            ),
        )
        if now != then
    ]
    drops = {(drop.partner, drop.digest) for drop in plan.drops}
    if any((drop.partner, drop.digest) not in drops for drop in manifest.drops):
        changed.append("drops")
    if changed:
        raise UsageError(
            f"--deep: {', '.join(changed)} are not those that {build.name} was made from: bring them back"
        )
    return plan


def _drawn(build: Path, manifest: Manifest, *, sample: int, seed: int) -> list[Row]:
    """Some rows of the ledger, evenly over all; a function of the seed and the number of rows."""
    total = sum(piece.rows for segment in manifest.segments for piece in segment.ledger)
    drawn = np.sort(np.random.Generator(np.random.PCG64(seed)).permutation(total)[:sample])
    rows: list[Row] = []
    first = 0
    for piece in (piece for segment in manifest.segments for piece in segment.ledger):
        here = drawn[slice(*np.searchsorted(drawn, [first, first + piece.rows]))] - first
        if len(here):
            rows += read_piece(build, piece, _COLUMNS).take(pa.array(here)).to_pylist()
        first += piece.rows
    return rows


def _by_split(plan: Plan, chosen: Sequence[Row], found: Rerun) -> Iterator[tuple[PlannedSplit, list[Row]]]:
    of_file: Mapping[tuple[str, str, str], list[PlannedSplit]] = defaultdict(list)
    for planned in plan.splits:
        of_file[planned.split.partner, planned.drop, planned.split.path].append(planned)
    rows: Mapping[int, list[Row]] = defaultdict(list)
    for row in chosen:
        holds = [
            one.index
            for one in of_file.get((row["partner"], row["drop"], row["file"]), [])
            if one.split.first_row <= row["row"] and (one.stop_row is None or row["row"] < one.stop_row)
        ]
        if holds:
            rows[holds[0]].append(row)
        else:
            found.compared += 1
            _find(found, row, "names a file or row that no drop has")
    for planned in plan.splits:
        if planned.index in rows:
            yield planned, rows[planned.index]


def _made(
    planned: PlannedSplit, plan: Plan, stages: Stages, data_set: DataSet, wanted: Sequence[int]
) -> Iterator[Row]:
    """What the stages make of some rows of a split: a staged document, or who dropped it."""
    refused = refused_between(
        refused_in(planned.admission, planned.split.path), planned.split, planned.stop_row
    )
    directory = plan.site.directories[planned.split.partner, planned.drop]
    left = set(wanted)
    for read in read_split(
        directory, planned.split, data_set, max_row_bytes=plan.site.recipe.max_row_mib << 20
    ):
        batch = without(read, refused).documents
        batch = batch.filter(pc.is_in(batch["row"], pa.array(sorted(left), pa.int64())))
        if not len(batch):
            continue
        left -= set(batch["row"].to_pylist())
        for stage, kept, dropped in run_stages(batch, stages, data_set):
            for row in dropped.to_pylist():
                yield {**row, "stage": stage.value}
            batch = kept
        yield from batch.to_pylist()
        if not left:
            return


def _compare(
    row: Row, made: Row, data_set: DataSet, tokenizer: Tokenizer, shards: _Shards, found: Rerun
) -> None:
    """One document of the ledger against what was made of its row; every difference is a finding."""
    found.compared += 1
    if made["doc_id"] != row["doc_id"]:
        _find(found, row, "its row has another document id")
        return
    dropped = made.get("reason")
    early = row["stage"] if row["stage"] not in _LATER else None
    if (made.get("stage"), dropped) != (early, row["reason"] if early else None):
        said = f"{row['stage']}/{row['reason']}" if row["stage"] else "kept"
        again = f"{made['stage']}/{dropped}" if dropped else "kept by the stages"
        _find(found, row, f"the ledger says {said}, made again it is {again}")
        return
    if dropped:
        if made["detail"] != row["detail"]:
            _find(found, row, "was dropped for another measurement")
        return
    labels = Counter(span["label"] for span in made["spans"])
    for name, now, then in (
        ("language", made["language"], row["language"]),
        ("quality", np.float32(made["quality"]), np.float32(row["quality"])),
        ("personal data", counted(labels, data_set), dict(row["pii"] or [])),
    ):
        if now != then:
            _find(found, row, f"has another {name} than the ledger says")
    if not row["kept"] or (row["detail"] is not None and row["reason"] is None):
        found.cut += bool(row["kept"] or row["reason"] == Reason.REPEATED_PASSAGES.value)
        return
    name = f"{row['partner']}/{data_set.name}"
    turns = pa.array([made["turns"]], TURNS.type) if data_set.has_turns else None
    text = pa.array([made["text"]])
    again = tokenizer.encode(text, data_set=name, join=data_set.join, turns=turns).values.to_numpy()
    there = shards.tokens(row["shard"], row["shard_row"])
    if not np.array_equal(again, there):
        same = min(len(again), len(there))
        differs = np.flatnonzero(again[:same] != there[:same])
        first = int(differs[0]) if len(differs) else same
        message = f"{row['shard']} row {row['shard_row']} has other tokens, the first is its token {first}"
        _find(found, row, message)


def _find(found: Rerun, row: Row, message: str) -> None:
    found.findings.append(Finding("deep", row["doc_id"].hex(), message))


class _Shards:
    """Token lists of a build's shards, mapped when first asked for."""

    def __init__(self, build: Path, manifest: Manifest) -> None:
        self._paths = {shard.name: build / shard.path for shard in manifest.shards}
        self._open: dict[str, pa.ListArray] = {}

    def tokens(self, shard: str, row: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        if shard not in self._open:
            source = pa.memory_map(str(self._paths[shard]))
            self._open[shard] = pa.ipc.open_stream(source).read_next_batch()["input_ids"]
        found: np.ndarray[tuple[int], np.dtype[np.int32]] = self._open[shard][row].values.to_numpy()
        return found
