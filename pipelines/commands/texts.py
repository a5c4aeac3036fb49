"""malmoi explain, try, dedup: texts through the build's own stages."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from pipelines.commands.looks import (
    LOOKS,
    LookKey,
    LookRegistry,
    Looks,
    Why,
    ranges,
    record_look,
    record_look_in,
)
from pipelines.commands.printing import Json, existing, print_json
from schemas.contract import Kind, Markup
from schemas.errors import UsageError
from schemas.recipe import Shingles


def explain(
    recipe: Annotated[Path, typer.Argument(help="The recipe, YAML.")],
    file: Annotated[Path, typer.Argument(help="A UTF-8 file that holds one text.")],
    drops: Annotated[Path | None, typer.Option(help="Where the drops (and benchmarks) lie.")] = None,
    data_set: Annotated[
        str | None, typer.Option(help="PARTNER/NAME: as a document of that data set.")
    ] = None,
    kind: Annotated[Kind, typer.Option(help="Kind of text, without --data-set.")] = Kind.DOCUMENT,
    markup: Annotated[Markup, typer.Option(help="Markup of the text, without --data-set.")] = Markup.PLAIN,
    as_json: Json = False,
) -> None:
    """Send one text through every stage of a recipe and say what each one saw and did.

    Example: malmoi explain recipes/example.yaml page.html --kind web --markup html
    """
    from pipelines.preview import explain as explain_text

    content = existing(file).read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file.name}: not UTF-8 at byte {error.start}: convert it first") from None
    steps = explain_text(existing(recipe), content, drops=drops, data_set=data_set, kind=kind, markup=markup)
    if as_json:
        print_json([dataclasses.asdict(step) for step in steps])
        return
    for step in steps:
        verdict = "kept" if step.kept else f"dropped: {step.reason} ({step.detail})"
        facts = "  ".join(f"{name}={value}" for name, value in step.facts.items())
        size = f"{step.characters} characters" if step.characters is not None else ""
        typer.echo(f"{step.stage:>14}  {verdict}  {size}  {facts}".rstrip())


def try_(
    stage: Annotated[
        str, typer.Argument(help="extract, normalise, language, quality, decontaminate or pii.")
    ],
    option: Annotated[list[str] | None, typer.Option(help="A setting of the stage, NAME=VALUE.")] = None,
    kind: Annotated[Kind, typer.Option(help="Kind of the texts.")] = Kind.DOCUMENT,
    markup: Annotated[Markup | None, typer.Option(help="Default: html for extract, else plain.")] = None,
    languages: Annotated[str, typer.Option(help="Declared languages, with commas.")] = "",
    benchmark: Annotated[list[Path] | None, typer.Option(help="Benchmark files, for decontaminate.")] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Of pii: values too; who looked is written down.")
    ] = False,
    looks: Looks = LOOKS,
    registry: LookRegistry = None,
    registry_key: LookKey = None,
    why: Why = None,
) -> None:
    """One stage on JSONL {id, text} from standard input; every row comes back, in order.

    Example: malmoi try pii < in.jsonl > out.jsonl
    """
    from pipelines.preview import TRIES, data_set_of, try_stage, with_options
    from schemas.recipe import Recipe

    if stage not in TRIES:
        raise UsageError(f"no stage {stage!r}: choose one of {', '.join(TRIES)}")
    recipe = with_options(
        Recipe(name="try", contracts=".", partners=(), purposes=(), date="1970-01-01"), stage, option or ()
    )
    default = Markup.HTML if stage == "extract" else Markup.PLAIN
    data_set = data_set_of(
        kind=kind, markup=markup or default, languages=tuple(filter(None, languages.split(",")))
    )
    if show and stage != "pii":
        raise UsageError("--show is of pii: leave it out")

    def work(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        tried = try_stage(stage, rows, recipe=recipe, data_set=data_set, benchmarks=tuple(benchmark or ()))
        if show:
            places = [f"standard input:{ranges(range(len(rows)))}"]
            of = f"{len(rows)} texts"
            record_look_in(registry, registry_key, why=why, command="try pii --show", of=of, rows=places)
        return _shown(rows, list(tried), looks) if show else tried

    _each_line(work)


def _shown(rows: list[dict[str, Any]], tried: list[dict[str, Any]], looks: Path) -> Iterator[dict[str, Any]]:
    """The spans with their values, once it is written down who looks at them."""
    counts = Counter(span["label"] for result in tried for span in result.get("spans", ()))
    record_look(looks, command="try pii --show", of=f"{len(rows)} texts", shown=dict(sorted(counts.items())))
    for row, result in zip(rows, tried, strict=True):
        for span in result.get("spans", ()):
            span["value"] = row["text"][span["start"] : span["end"]]
        yield result


def dedup(
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Least Jaccard of a near duplicate.")] = 0.8,
    shingles: Annotated[Shingles, typer.Option(help="What a shingle is a run of.")] = Shingles.CHARACTERS,
    size: Annotated[int, typer.Option(min=1, max=64, help="Characters or words in a shingle.")] = 5,
    bands: Annotated[int, typer.Option(min=1, max=256, help="Bands of the MinHash.")] = 14,
    rows: Annotated[int, typer.Option(min=1, max=64, help="Functions in a band.")] = 8,
    explain: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only of this row: whom it lost to, and where they met."),
    ] = None,
) -> None:
    """Deduplicate JSONL {id, text, epoch?, partner?, quality?}; every row comes back, in order.

    Example: malmoi dedup --threshold 0.8 < in.jsonl > out.jsonl
    """
    from pipelines.preview import dedup_rows, explain_row
    from schemas.recipe import DedupSettings, FingerprintSettings

    shape = FingerprintSettings(shingles=shingles, size=size, bands=bands, rows=rows)
    settings = DedupSettings(threshold=threshold)
    if explain is None:
        _each_line(lambda lines: dedup_rows(lines, settings, shape))
    else:
        print_json(explain_row(list(_rows()), settings, shape, explain))


def _each_line(work: Callable[[list[dict[str, Any]]], Iterator[dict[str, Any]]]) -> None:
    """Standard input's rows through `work`, to standard output."""
    for result in work(list(_rows())):
        sys.stdout.buffer.write(orjson.dumps(result) + b"\n")


def _rows() -> Iterator[dict[str, Any]]:
    """The rows of standard input."""
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise UsageError(f"standard input, line {number}: not JSON: write one object a line") from None
        if not isinstance(row, dict) or "id" not in row or not isinstance(row.get("text"), str):
            raise UsageError(f"standard input, line {number}: write an object with 'id' and a string 'text'")
        yield row
