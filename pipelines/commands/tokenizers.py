"""malmoi tokenizer sample, tokenizer train, retokenise: another tokenizer for the same clean text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipelines.commands.builds import built, day_of
from pipelines.commands.looks import LOOKS, LookKey, LookRegistry, Looks, Why, told_in
from pipelines.commands.printing import BuildDirectory, Json, existing, print_json, print_table
from schemas.rights import Purpose


def sample(
    build: BuildDirectory,
    output: Annotated[Path, typer.Option("-o", "--output", help="The sample, Parquet.")],
    tokens: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="About so many tokens of the build's; default: all."),
    ] = None,
    purpose: Annotated[
        list[Purpose] | None, typer.Option(help="What the tokenizer is for; each contract must allow it.")
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="Judge rights on this day (ISO); default: the build's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws other documents.")] = 0,
    tokenizers: Annotated[
        Path, typer.Option(help="Where the build's tokenizer lies, if it was a file.")
    ] = Path(),
    looks: Looks = LOOKS,
    registry: LookRegistry = None,
    registry_key: LookKey = None,
    why: Why = None,
    as_json: Json = False,
) -> None:
    """Draw clean text of a build to train a tokenizer on: weighted by the recipe, gated by rights.

    It is a look at raw text: of a build from a registry it is an event there, and --why says what for.

    Example: malmoi tokenizer sample build/example -o sample.parquet --tokens 50000
    """
    from pipelines.sampling import draw_sample

    drawn = draw_sample(
        build,
        output,
        tokens=tokens,
        purposes=tuple(one.value for one in purpose or (Purpose.PRETRAINING,)),
        on=None if on is None else day_of(on),
        seed=seed,
        tokenizers=tokenizers,
        told=told_in(build, registry, registry_key, why=why, command="tokenizer sample", looks=looks),
    )
    if as_json:
        print_json(drawn)
        return
    for one in drawn.left_out:
        typer.echo(f"malmoi: left out: {one.partner}: {one.reason}", err=True)
    print_table(
        [
            {
                "partner": one.partner,
                "documents": one.documents,
                "tokens": one.tokens,
                "weight": f"{one.weight:g}",
            }
            for one in drawn.shares
        ]
    )
    typer.echo(
        f"{output}: {sum(one.tokens for one in drawn.shares):,} tokens for {', '.join(drawn.purposes)}"
    )


def train(
    sample: Annotated[Path, typer.Argument(help="From 'malmoi tokenizer sample'.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Directory for tokenizer.json and facts.json.")
    ],
    vocabulary: Annotated[int, typer.Option(help="Ids, the reserved ones included.")] = 163_840,
    reserved: Annotated[int, typer.Option(help="Ids for special tokens, from 0 on.")] = 256,
    digits: Annotated[
        Literal["one", "three"], typer.Option(help="How many digits a token holds at most.")
    ] = "one",
    min_frequency: Annotated[int, typer.Option(min=1, help="A pair that is rarer is no token.")] = 2,
    as_json: Json = False,
) -> None:
    """Train byte-level BPE on a sample; the same sample and options give the same bytes.

    Example: malmoi tokenizer train sample.parquet -o tokenizer --vocabulary 163840
    """
    from pipelines.tokens.training import TrainSettings
    from pipelines.tokens.training import train as learn

    trained = learn(existing(sample), output, TrainSettings(vocabulary, reserved, digits, min_frequency))
    if as_json:
        print_json(trained)
        return
    rows: list[dict[str, Any]] = [
        {
            "language": one.language,
            "documents held out": one.documents,
            "tokens": one.tokens,
            "characters a token": f"{one.characters_per_token:.3f}",
        }
        for one in trained.fertility
    ]
    if rows:
        print_table(rows)
    typer.echo(f"{output}/tokenizer.json: {trained.vocabulary:,} ids; in a recipe, under tokens:")
    typer.echo(f"  tokenizer: {output}/tokenizer.json # from the recipe's directory")
    typer.echo(f"  tokenizer_sha256: {trained.sha256}")


def retokenise(
    build: BuildDirectory,
    tokenizer: Annotated[
        str, typer.Option(help="A tokenizer.json, a shipped vocabulary, or YAML of a recipe's tokens.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory of the new build.")],
    recipe: Annotated[Path | None, typer.Option(help="The build's recipe; default: where it was.")] = None,
    drops: Annotated[Path | None, typer.Option(help="The build's drops; default: where they were.")] = None,
    registry: Annotated[
        Path | None, typer.Option(help="The build's registry, if it was made from one.")
    ] = None,
    staging: Annotated[Path | None, typer.Option(help="The build's staged files.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: one per core.")] = None,
    replace: Annotated[bool, typer.Option(help="Build over another build in the output.")] = False,
    as_json: Json = False,
) -> None:
    """Make a build's shards anew with another tokenizer; its clean text is staged, and no other stage runs.

    Example: malmoi retokenise build/example --tokenizer tekken_240718 -o build/older
    """
    from pipelines.retokenise import retokenise as carry_out

    manifest = carry_out(
        build,
        tokenizer,
        output,
        recipe=recipe,
        drops=drops,
        registry=registry,
        staging=staging,
        workers=workers,
        replace=replace,
        quiet=as_json,
    )
    built(manifest, output, as_json=as_json)
