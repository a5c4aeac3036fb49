"""One text or a few, through the stages of the build: `malmoi try` and `malmoi explain`.

The functions are the build's own, so what they decide is what the build decides.
"""

from __future__ import annotations

import dataclasses
import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from pipelines.build import benchmark_files, stages
from pipelines.dedup.texts import Text, Verdict, deduplicate, explain_duplicate
from pipelines.engine.clean import run_stages
from pipelines.intake.contracts import load_contracts
from pipelines.intake.recipes import load_recipe
from pipelines.stages.fingerprint import fingerprint, shingle_sets
from pipelines.stages.pii.find import explain_pii
from pipelines.stages.pii.gate import ENTITIES
from schemas.contract import DataSet, Delivery, Format, Kind, Markup
from schemas.documents import DOCUMENT
from schemas.errors import UsageError
from schemas.reasons import Stage
from schemas.recipe import DedupSettings, FingerprintSettings, PiiSettings, Recipe

TRIES = {
    "extract": (Stage.EXTRACT,),
    "normalise": (Stage.NORMALISE,),
    "language": (Stage.LANGUAGE,),
    "quality": (Stage.LANGUAGE, Stage.QUALITY),
    "decontaminate": (Stage.DECONTAMINATE,),
    "pii": (Stage.FIND_PII, Stage.REPLACE_PII),
}
SETTINGS = {"pii": "pii", **{name: name for name in TRIES if name != "pii"}}


@dataclass(frozen=True)
class Step:
    """What one stage did to a text: lengths in code points, never the text."""

    stage: Stage
    kept: bool
    reason: str | None
    detail: str | None
    characters: int | None
    facts: dict[str, Any]


def data_set_of(*, kind: Kind, markup: Markup, languages: tuple[str, ...]) -> DataSet:
    """A data set for texts that come from no drop."""
    return DataSet(
        name="text",
        kind=kind,
        files=("*",),
        format=Format.JSONL,
        encoding="utf-8",
        delimiter=",",
        markup=markup,
        join="\n",
        delivery=Delivery.APPEND,
        languages=languages,
        columns=(),
    )


def with_options(recipe: Recipe, stage: str, options: Iterable[str]) -> Recipe:
    """The recipe with a stage's settings changed by "name=value" words; UsageError for a wrong one."""
    name = SETTINGS[stage]
    current = getattr(recipe, name)
    changes = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or key not in type(current).__dataclass_fields__:
            known = ", ".join(type(current).__dataclass_fields__)
            raise UsageError(f"--option {key}: {stage} has {known}: write --option NAME=VALUE")
        changes[key] = tuple(value.split(",")) if isinstance(getattr(current, key), tuple) else value
    try:
        given = {key: getattr(current, key) for key in type(current).__dataclass_fields__}
        settings = TypeAdapter(type(current)).validate_python({**given, **changes})
    except ValidationError as error:
        fields = ", ".join(str(fault["loc"][0]) for fault in error.errors())
        raise UsageError(f"--option {fields}: the value is not of its type or range: see --help") from None
    return replace(recipe, **{name: settings})


def try_stage(
    stage: str,
    rows: list[dict[str, Any]],
    *,
    recipe: Recipe,
    data_set: DataSet,
    benchmarks: tuple[Path, ...],
) -> Iterator[dict[str, Any]]:
    """Every row back, in order: {id, text, kept, reason, detail} and what the stage measured."""
    wanted = [pair for pair in stages(recipe, benchmarks) if pair[0] in TRIES[stage]]
    batch = _batch([(str(row["id"]), row["text"], row.get("language")) for row in rows])
    found: list[dict[str, Any]] = [
        {"id": row["id"], "text": row["text"], "kept": True, "reason": None, "detail": None} for row in rows
    ]
    for name, kept, dropped in run_stages(batch, tuple(wanted), data_set):
        for lost in dropped.to_pylist():
            found[lost["row"]].update(kept=False, reason=lost["reason"], detail=lost["detail"])
        for row in kept.to_pylist():
            result = found[row["row"]]
            result["text"] = row["text"]
            if name is Stage.LANGUAGE:
                result.update(language=row["language"], score=round(row["language_score"], 3))
            elif name is Stage.QUALITY:
                result["quality"] = round(row["quality"], 3)
            elif name is Stage.FIND_PII:
                result["spans"] = _with_evidence(row["spans"], row["text"], recipe.pii)
    yield from found


def _with_evidence(spans: list[dict[str, Any]], text: str, settings: PiiSettings) -> list[dict[str, Any]]:
    """The spans of a text with what spoke for each; names of signs, never text."""
    every = dataclasses.replace(settings, entities=tuple(sorted(ENTITIES)))
    evidence = {(f.start, f.end, f.label): f.evidence for f in explain_pii(text, every)}
    return [
        {
            **span,
            "score": round(span["score"], 3),
            "evidence": list(evidence.get((span["start"], span["end"], span["label"]), ())),
        }
        for span in spans
    ]


def dedup_rows(
    rows: list[dict[str, Any]], settings: DedupSettings, shape: FingerprintSettings
) -> Iterator[dict[str, Any]]:
    """Every row back, in order, with kept, duplicate_of and similarity; texts are compared in NFC."""
    verdicts = deduplicate(_texts(rows), settings, **_fingerprints(shape))
    for row, verdict in zip(rows, verdicts, strict=True):
        yield {**row, **_worded(verdict)}


def explain_row(
    rows: list[dict[str, Any]], settings: DedupSettings, shape: FingerprintSettings, name: str
) -> dict[str, Any]:
    """What became of one row of `dedup_rows`, with every verified edge and the bands in which they met."""
    found = explain_duplicate(_texts(rows), settings, name, **_fingerprints(shape))
    return {
        "id": found.id,
        **_worded(found.verdict),
        "edges": [
            {**asdict(edge), "similarity": round(edge.similarity, 6), "bands": list(edge.bands)}
            for edge in found.edges
        ],
        "stands_for": list(found.stands_for),
    }


def _texts(rows: list[dict[str, Any]]) -> list[Text]:
    try:
        return [
            Text(
                id=str(row["id"]),
                text=unicodedata.normalize("NFC", row["text"]),
                epoch=int(row.get("epoch", 0)),
                partner=str(row.get("partner", "")),
                quality=float(row.get("quality", 0.0)),
            )
            for row in rows
        ]
    except (TypeError, ValueError):
        raise UsageError("epoch is a whole number and quality a number: mend the rows that differ") from None


def _fingerprints(shape: FingerprintSettings) -> dict[str, Any]:
    data_set = data_set_of(kind=Kind.DOCUMENT, markup=Markup.PLAIN, languages=())
    return {
        "fingerprint": lambda batch: fingerprint(batch, shape, data_set).kept,
        "shingles": partial(shingle_sets, settings=shape),
    }


def _worded(verdict: Verdict) -> dict[str, Any]:
    return {
        "kept": verdict.kept,
        "duplicate_of": verdict.duplicate_of,
        "similarity": None if verdict.similarity is None else round(verdict.similarity, 6),
    }


def explain(
    recipe_path: Path,
    text: bytes,
    *,
    drops: Path | None = None,
    data_set: str | None = None,
    kind: Kind = Kind.DOCUMENT,
    markup: Markup = Markup.PLAIN,
) -> list[Step]:
    """One text through every stage of a recipe; data_set is "partner/name" of the recipe's contracts."""
    recipe = load_recipe(recipe_path)
    home = recipe_path.resolve().parent
    where = drops or (home / recipe.drops if recipe.drops else home)
    chosen = _chosen(home / recipe.contracts, data_set) if data_set else None
    chosen = chosen or data_set_of(kind=kind, markup=markup, languages=())
    batch = _batch([(hashlib.sha256(text).hexdigest(), text.decode("utf-8"), None)])
    steps = []
    chain = stages(recipe, benchmark_files(recipe, home=home, drops=where))
    for stage, kept, dropped in run_stages(batch, chain, chosen):
        if len(dropped):
            lost = dropped.to_pylist()[0]
            steps.append(Step(stage, False, lost["reason"], lost["detail"], None, {}))
            return steps
        row = kept.to_pylist()[0]
        steps.append(Step(stage, True, None, None, len(row["text"]), _facts(stage, row)))
    return steps


def _chosen(contracts: Path, name: str) -> DataSet:
    known = {f"{c.partner}/{d.name}": d for c in load_contracts(contracts) for d in c.data_sets}
    if name not in known:
        raise UsageError(f"--data-set {name}: choose one of {', '.join(sorted(known))}")
    return known[name]


def _facts(stage: Stage, row: dict[str, Any]) -> dict[str, Any]:
    if stage is Stage.LANGUAGE:
        return {"language": row["language"], "score": round(row["language_score"], 3)}
    if stage is Stage.QUALITY:
        return {"quality": round(row["quality"], 3)}
    if stage is Stage.FIND_PII:
        return {"spans": [[span["label"], span["start"], span["end"]] for span in row["spans"]]}
    if stage is Stage.FINGERPRINT:
        return {"exact": row["exact"].hex()}
    return {}


def _batch(rows: list[tuple[str, str, str | None]]) -> pa.RecordBatch:
    ids = [hashlib.blake2b(name.encode(), digest_size=16).digest() for name, _, _ in rows]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(ids, pa.binary(16)),
            pa.array(range(len(rows)), pa.int64()),
            pa.array([text for _, text, _ in rows], pa.string()),
            pa.array([language for _, _, language in rows], pa.string()),
        ],
        schema=DOCUMENT,
    )
