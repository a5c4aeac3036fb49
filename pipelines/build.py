"""The whole pipeline: recipe, contracts and drops in, a published corpus out.

`stages` is the way of one text, `corpus` the way of the data, `build` a recipe carried out.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Collection, Iterator
from dataclasses import replace as replace_fields
from datetime import date as calendar
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import orjson

from pipelines.admit import admit_drop
from pipelines.engine.admit import AdmitDrops
from pipelines.engine.base import check_base
from pipelines.engine.clean import CleanSplits
from pipelines.engine.drops import DropPlace
from pipelines.engine.duplicates import AttributeLosses, FindCandidates, ResolveDuplicates
from pipelines.engine.frozen import check_not_frozen
from pipelines.engine.made import Inputs, Origin, inherited, keep_origin, made, write_made
from pipelines.engine.passages import FindPassages
from pipelines.engine.plan import Pipeline, Plan, Sources, Stages, plan_build
from pipelines.engine.progress import shown
from pipelines.engine.publish import BalanceLedger, PublishManifest
from pipelines.engine.registered import kept_out, registered_drops
from pipelines.engine.runner import new_pipeline
from pipelines.engine.runs import RunLog, beside
from pipelines.engine.select import SelectDocuments
from pipelines.engine.shards import Tokenise, WriteShards
from pipelines.engine.told import told
from pipelines.intake.contracts import load_contracts
from pipelines.intake.recipes import load_recipe
from pipelines.intake.registry import Registry
from pipelines.intake.takedowns import taken_down
from pipelines.stages.decontaminate import DECONTAMINATE_VERSION, build_index, decontaminate
from pipelines.stages.extract import EXTRACT_VERSION, extract
from pipelines.stages.fingerprint import FINGERPRINT_VERSION, fingerprint
from pipelines.stages.language import LANGUAGE_VERSION, language
from pipelines.stages.lid_model import model_digest
from pipelines.stages.normalise import NORMALISE_VERSION, normalise
from pipelines.stages.pii.find import PII_VERSION, find_pii
from pipelines.stages.pii.replace import replace_pii
from pipelines.stages.pii.rules import rules_digest
from pipelines.stages.quality import QUALITY_VERSION, quality
from schemas.errors import BuildInconsistent, InputUnreadable, MalmoiError, UsageError
from schemas.manifest import Manifest, manifest_digest, read_manifest
from schemas.reasons import Stage
from schemas.recipe import Recipe, TokenSettings


def stages(recipe: Recipe, benchmarks: tuple[Path, ...]) -> Stages:
    """The stages in the order of the data's way, each with its settings of the recipe."""
    index = build_index(_benchmark_parts(benchmarks), recipe.decontaminate)
    return (
        (Stage.EXTRACT, partial(extract, settings=recipe.extract)),
        (Stage.NORMALISE, partial(normalise, settings=recipe.normalise)),
        (Stage.LANGUAGE, partial(language, settings=recipe.language)),
        (Stage.QUALITY, partial(quality, settings=recipe.quality)),
        (Stage.DECONTAMINATE, partial(decontaminate, settings=recipe.decontaminate, index=index)),
        (Stage.FIND_PII, partial(find_pii, settings=recipe.pii)),
        (Stage.FINGERPRINT, partial(fingerprint, settings=recipe.fingerprint)),
        (Stage.REPLACE_PII, partial(replace_pii, settings=recipe.pii)),
    )


def chain() -> Pipeline:
    """The stages with what identifies them: versions of their code, digests of their models."""
    return Pipeline(
        stages=stages,
        versions={
            Stage.EXTRACT: EXTRACT_VERSION,
            Stage.NORMALISE: NORMALISE_VERSION,
            Stage.LANGUAGE: LANGUAGE_VERSION,
            Stage.QUALITY: QUALITY_VERSION,
            Stage.DECONTAMINATE: DECONTAMINATE_VERSION,
            Stage.FIND_PII: PII_VERSION,
            Stage.FINGERPRINT: FINGERPRINT_VERSION,
        },
        models={"lid.176.ftz": model_digest(), "personal data rules": rules_digest()},
    )


def corpus(pipeline: beam.Pipeline, plan: Plan) -> beam.PCollection:
    """The way of the data. References and keys travel; text stays in staged files."""
    site = plan.site
    splits = pipeline | "PlanSplits" >> beam.Create(plan.splits, reshuffle=False)
    staged = splits | "CleanSplits" >> CleanSplits(site)
    admitted = staged | "AdmitDrops" >> AdmitDrops(plan)
    selected = admitted | "SelectDocuments" >> SelectDocuments(site)
    parts = selected | "FindCandidates" >> FindCandidates(site)
    decided = {"staged": selected, "parts": parts} | "ResolveDuplicates" >> ResolveDuplicates(site)
    without = decided | "AttributeLosses" >> AttributeLosses(site)
    left = decided | "FindPassages" >> FindPassages(site)
    tokenised = left | "Tokenise" >> Tokenise(site)
    written = tokenised | "WriteShards" >> WriteShards(site)
    counts = written | "BalanceLedger" >> BalanceLedger(plan)
    done = {"written": written, "counts": counts, "without": without}
    return done | "PublishManifest" >> PublishManifest(plan)


# Whose source a lineage event shows, by stage.
_SOURCES = {
    stage.__name__: stage
    for stage in (
        CleanSplits,
        AdmitDrops,
        SelectDocuments,
        FindCandidates,
        ResolveDuplicates,
        AttributeLosses,
        FindPassages,
        Tokenise,
        WriteShards,
        BalanceLedger,
        PublishManifest,
    )
}


def build(
    recipe: Path,
    output: Path,
    *,
    drops: Path | None = None,
    registry: Path | None = None,
    base: Path | None = None,
    date: str | None = None,
    staging: Path = Path(".malmoi/staging"),
    runner: str = "direct",
    workers: int | None = None,
    replace: bool = False,
    quiet: bool = False,
) -> Manifest:
    """Carry out a recipe; the manifest of the finished build.

    Without a registry every drop under `drops` is admitted on the fly, in one epoch; with one, the drops of
    its sealed epochs are built, found under `drops` by what they hold. A `base` is a build that this one goes
    on from: it is refused where its rights no longer hold, and changes no byte. A build that is already there
    for the same recipe, contracts, drops and code is left as it is.
    Raises MalmoiError of any kind; whatever is raised, nothing was published.
    """
    without = inherited(base)
    plan = make_plan(
        recipe,
        output,
        drops=drops,
        registry=registry,
        date=date,
        staging=staging,
        workers=workers or os.cpu_count() or 1,
        without=without,
    )
    if base is not None:
        check_base(base, plan)
        plan = replace_fields(
            plan, site=replace_fields(plan.site, base=base.resolve(), parent=manifest_digest(base))
        )
    origin = Origin(
        str(recipe.resolve()),
        _absolute(drops),
        _absolute(registry),
        str(staging.resolve()),
        tuple(sorted(without)),
    )
    return run(plan, origin, runner=runner, replace=replace, quiet=quiet)


def run(plan: Plan, origin: Origin, *, runner: str, replace: bool, quiet: bool) -> Manifest:
    """Carry out a plan, unless its build is there; the manifest of the finished build."""
    output = plan.site.build
    if published := _published(output, plan, origin, replace=replace):
        return published
    log = plan.site.log
    log.begin()
    total = sum(planned.split.cost for planned in plan.splits)
    with told(plan, corpus, _SOURCES), shown(log, total_cost=total, quiet=quiet):
        try:
            with new_pipeline(
                runner=runner, workers=plan.site.lanes, log=log.directory / "workers.log"
            ) as pipeline:
                corpus(pipeline, plan)
        except MalmoiError:
            raise
        except Exception as error:
            raise log.failure() or error from None
    keep_origin(output, origin)
    home = Path(origin.recipe).parent
    write_made(output, made(plan, Inputs(Path(origin.recipe), home / plan.site.recipe.contracts)))
    (beside(output) / "unfinished").unlink(missing_ok=True)
    return read_manifest(output)


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def make_plan(
    recipe_path: Path,
    output: Path,
    *,
    drops: Path | None,
    registry: Path | None = None,
    date: str | None,
    staging: Path,
    workers: int,
    tokens: TokenSettings | None = None,
    without: frozenset[str] = frozenset(),
    only: Collection[str] = (),
) -> Plan:
    """Read recipe, contracts and drops; name every result before it is made.

    `tokens` are other settings than the recipe's; `without` documents (ids) that are taken down though no
    registry says so; `only` the drops (digests) of a registry that are meant, where any are given.
    """
    recipe = load_recipe(recipe_path)
    if tokens is not None:
        recipe = replace_fields(recipe, tokens=tokens)
    home = recipe_path.resolve().parent
    where = drops or (home / recipe.drops if recipe.drops else None)
    if where is None:
        raise UsageError(f"{recipe_path.name} names no drops: give --drops DIR")
    if not where.is_dir():
        raise InputUnreadable(f"{where.name}: no such directory of drops: give --drops DIR")
    day, root = _day(date or recipe.date), where.resolve()
    benchmarks = benchmark_files(recipe, home=home, drops=where)
    if registry is None:
        places = tuple(DropPlace(partner, root) for partner in recipe.partners)
        sources = Sources(places, benchmarks, without)
    else:
        log = Registry.open(registry)
        places = registered_drops(log, root=root, partners=recipe.partners, day=day, only=only)
        gone = taken_down(log, day) | without
        sources = Sources(places, benchmarks, gone, kept_out(log, day, recipe.fingerprint))
    return plan_build(
        recipe,
        load_contracts(home / recipe.contracts),
        chain(),
        sources,
        admit=admit_drop,
        date=day,
        build=output.resolve(),
        home=home,
        staging=staging.resolve(),
        log=RunLog.beside(output.resolve()),
        workers=workers,
    )


def _day(day: str) -> str:
    try:
        return calendar.fromisoformat(day).isoformat()
    except ValueError:
        raise UsageError(f"--date {day}: is no day of the calendar: write it as YYYY-MM-DD") from None


def benchmark_files(recipe: Recipe, *, home: Path, drops: Path) -> tuple[Path, ...]:
    """The recipe's benchmark files; patterns that start with a dot are relative to the recipe."""
    found = []
    for pattern in recipe.decontaminate.benchmarks:
        root = home if pattern.startswith(".") else drops
        matched = sorted(path.resolve() for path in root.glob(pattern))
        if not matched:
            raise InputUnreadable(f"decontaminate.benchmarks: {pattern} matches no file: mend the pattern")
        found.extend(matched)
    return tuple(found)


def _benchmark_parts(paths: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    """(item id, text of a part) of JSONL files of {id, parts: {name: text}}."""
    for path in paths:
        for number, line in enumerate(path.read_bytes().splitlines()):
            try:
                item = orjson.loads(line)
                parts = [(str(item["id"]), str(text)) for text in item["parts"].values()]
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                raise InputUnreadable(
                    f"{path.name}:{number + 1}: no benchmark item: each line is an object with "
                    "'id' and 'parts'"
                ) from None
            yield from parts


def _published(output: Path, plan: Plan, origin: Origin, *, replace: bool) -> Manifest | None:
    """The manifest that lies there, if it is this plan's; makes way for a new build otherwise."""
    marker = beside(output) / "unfinished"
    if (output / "manifest.json").is_file():
        manifest = read_manifest(output)
        if manifest.identity == plan.site.identity:
            return manifest
        if not replace:
            raise UsageError(
                f"{output.name} holds another build: give another -o, or --replace to build over it"
            )
        check_not_frozen(output, None if origin.registry is None else Path(origin.registry))
        (output / "manifest.json").unlink()
    elif output.is_dir() and any(output.iterdir()) and not marker.is_file():
        raise BuildInconsistent(f"{output.name} is not empty and no build of ours: give another -o")
    output.mkdir(parents=True, exist_ok=True)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return None


class _Callable(types.ModuleType):
    """`from pipelines import build` gives this module, whose call is its main function."""

    def __call__(self, *arguments: Any, **keywords: Any) -> Manifest:
        return build(*arguments, **keywords)


sys.modules[__name__].__class__ = _Callable
