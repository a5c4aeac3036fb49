"""Another tokenizer over the same clean text: `malmoi retokenise`.

The build's own pipeline with other token settings. Everything before Tokenise lies in the staging directory
by digest and is taken from there; where it is not, nothing is cleaned silently: the command says so.
"""

from __future__ import annotations

import os
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.build import make_plan, run
from pipelines.engine.base import check_unchanged
from pipelines.engine.clean import is_staged
from pipelines.engine.made import known_origin
from pipelines.engine.plan import Plan
from pipelines.intake.recipes import load_recipe
from pipelines.intake.yaml_source import read_yaml
from pipelines.tokens.vocabularies import SHIPPED
from schemas.errors import ContractRejected, UsageError
from schemas.identity import canonical_json, file_sha256
from schemas.manifest import Manifest, read_manifest
from schemas.recipe import TokenSettings


def retokenise(
    build: Path,
    tokenizer: str,
    output: Path,
    *,
    recipe: Path | None = None,
    drops: Path | None = None,
    registry: Path | None = None,
    staging: Path | None = None,
    runner: str = "direct",
    workers: int | None = None,
    replace: bool = False,
    quiet: bool = False,
) -> Manifest:
    """The build again with another tokenizer, and no stage again: the bytes of a build with it in its recipe.

    `tokenizer` is a shipped vocabulary, a tokenizer.json, or a YAML file of `tokens` as in a recipe (for a
    .tiktoken table, what stands around documents, templates). Where the recipe, drops and staged files lie is
    known from BUILD.runs; whatever is given here goes before it.
    Raises UsageError where that is not known or not what the build was made from, or staged files are gone.
    """
    manifest = read_manifest(build)
    origin = known_origin(build, recipe=recipe, drops=drops, registry=registry, staging=staging)
    home = Path(origin.recipe)
    settings = _settings(tokenizer, load_recipe(home).tokens)
    if output.resolve() == build.resolve():
        raise UsageError(f"-o {output.name}: is the build itself: give another -o")
    plan = make_plan(
        home,
        output,
        drops=None if origin.drops is None else Path(origin.drops),
        registry=None if origin.registry is None else Path(origin.registry),
        date=manifest.date,
        staging=Path(origin.staging),
        workers=workers or os.cpu_count() or 1,
        tokens=settings,
        without=frozenset(origin.without),
        only={drop.digest for drop in manifest.drops},
    )
    _check_same(manifest, plan)
    return run(plan, origin, runner=runner, replace=replace, quiet=quiet)


def _settings(tokenizer: str, now: TokenSettings) -> TokenSettings:
    """The recipe's token settings with another tokenizer, or those of a YAML file."""
    path = Path(tokenizer)
    if tokenizer in SHIPPED:
        return _with_file(now, tokenizer, None)
    if not path.is_file():
        raise UsageError(
            f"--tokenizer {path.name}: no such file, and none of {', '.join(SHIPPED)}: check the path"
        )
    if path.suffix in (".yaml", ".yml"):
        return _read_settings(path, now)
    if path.suffix != ".json":
        raise UsageError(
            f"--tokenizer {path.name}: give a tokenizer.json, or a YAML file of tokens as in a recipe: for a "
            ".tiktoken table its pattern and special tokens are needed too"
        )
    return _with_file(now, str(path.resolve()), file_sha256(path))


def _with_file(now: TokenSettings, tokenizer: str, digest: str | None) -> TokenSettings:
    return replace_fields(now, tokenizer=tokenizer, tokenizer_sha256=digest, pattern=None, special_tokens={})


def _read_settings(path: Path, now: TokenSettings) -> TokenSettings:
    """`tokens` of a YAML file; shards and what is set aside stay as they are where it does not say."""
    source = read_yaml(path)
    if source.broken or not isinstance(source.value, dict):
        raise (
            ContractRejected(source.problems)
            if source.problems
            else UsageError(
                f"--tokenizer {path.name}: holds no token settings: write tokenizer: ..., one field a line"
            )
        )
    said: dict[str, Any] = {
        "shard_mib": now.shard_mib,
        "validation_share": now.validation_share,
        **source.value,
    }
    try:
        settings = TypeAdapter(TokenSettings).validate_json(canonical_json(said), strict=True)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise UsageError(
            f"--tokenizer {path.name}: {fields}: no such field, or not its type: mend it"
        ) from None
    if settings.tokenizer in SHIPPED:
        return settings
    return replace_fields(settings, tokenizer=str((path.parent / settings.tokenizer).resolve()))


def _check_same(manifest: Manifest, plan: Plan) -> None:
    """Raise where anything but the tokens would differ, or something would have to be cleaned."""
    check_unchanged(manifest, plan, but=("tokens",))
    bare = sum(not is_staged(split, plan.site.staging) for split in plan.splits)
    if bare:
        raise UsageError(
            f"{bare} of {len(plan.splits)} splits are not staged (any more) as this version cleans them: "
            "give --staging, or run `malmoi build` with the tokenizer in its recipe"
        )
