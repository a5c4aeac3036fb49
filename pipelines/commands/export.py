"""malmoi export: a finished build for programs that know nothing of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.looks import LOOKS, LookKey, LookRegistry, Looks, Why, told_in
from pipelines.commands.printing import BuildDirectory, Json, print_json, print_table

_Output = Annotated[Path, typer.Option("-o", "--output", help="New directory, outside the build.")]


def megatron(
    build: BuildDirectory,
    output: _Output,
    documents: Annotated[
        bool, typer.Option(help="Keep document indices too, which Megatron's BERT and T5 data sets want.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write Megatron-core's index of every shard, and links named .bin onto the shards; no token is copied.

    Example: malmoi export megatron build/example -o build/megatron
    """
    from pipelines.finished.megatron import export_megatron

    found = export_megatron(build, output, documents=documents)
    if as_json:
        print_json({"output": str(output), "shards": found})
        return
    print_table([dataclasses.asdict(one) for one in found])
    typer.echo(f"{len(found)} data paths: {output}/{found[0].prefix} ...")


def text(
    build: BuildDirectory,
    output: _Output,
    date: Annotated[
        str | None, typer.Option(metavar="DAY", help="Judge rights on this day (ISO); default: the build's.")
    ] = None,
    tokenizers: Annotated[
        Path, typer.Option(help="Where the build's tokenizer lies, if it was a file.")
    ] = Path(),
    looks: Looks = LOOKS,
    registry: LookRegistry = None,
    registry_key: LookKey = None,
    why: Why = None,
    as_json: Json = False,
) -> None:
    """Write the clean text of a build as Parquet, each document with its lineage; rights are judged again.

    Text comes back from tokens of bytes. Where a tokenizer changes what it reads, or dialogue templates were
    used, the error says how the build is made again with another, from staged text. It is a look at raw
    text: of a build from a registry it is an event there, and --why says what for.

    Example: malmoi export text build/example -o build/text

    Example: malmoi export text build/july -o build/text --why "filters tried by the data team"
    """
    from pipelines.finished.text import export_text

    told = told_in(build, registry, registry_key, why=why, command="export text", looks=looks)
    found = export_text(build, output, date=date, tokenizers=tokenizers, told=told)
    if as_json:
        print_json(found)
        return
    for partner, reason in found.left_out.items():
        typer.echo(f"malmoi: left out: {partner}: {reason}", err=True)
    print_table([dataclasses.asdict(one) for one in found.files])
    typer.echo(f"{found.documents:,} documents, {found.characters:,} characters: {output}")


def cards(build: BuildDirectory, output: _Output, as_json: Json = False) -> None:
    """Write what a build is: Croissant with RAI, data cards, the EU's public summary, SPDX, attributions.

    Example: malmoi export cards build/example -o build/cards
    """
    from pipelines.finished.cards import export_cards

    found = export_cards(build, output)
    if as_json:
        print_json({"output": str(output), "files": found})
        return
    print_table([{"file": name, "bytes": size} for name, size in found.items()])
    typer.echo(f"{len(found)} cards: {output}")
