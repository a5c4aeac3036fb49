"""malmoi audit: what personal data a build may still hold, by two readers and by other detectors."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.looks import LOOKS, LookKey, LookRegistry, Looks, Why, record_look, record_look_in
from pipelines.commands.printing import BuildDirectory, Json, print_json, print_table
from schemas.errors import UsageError


def pii(
    build: BuildDirectory,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Draw N documents for two readers into --output.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="New directory of the sheets.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the sample: another seed draws others.")] = 0,
    verdicts: Annotated[
        Path | None, typer.Option(file_okay=False, exists=True, help="The directory of the filled sheets.")
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
    """Rescan a build's shards for personal data; or draw a sample for readers; or conclude from their sheets.

    Example: malmoi audit pii build/example --sample 200 -o sheets
    """
    if sample is not None and verdicts is None and output is not None:
        if registry is not None:
            _told(build, sample, seed, registry, registry_key, why)
        _draw(build, output, sample=sample, seed=seed, tokenizers=tokenizers, looks=looks, as_json=as_json)
    elif sample is None and output is None and verdicts is not None:
        _conclude(build, verdicts, as_json=as_json)
    elif (sample, output, verdicts) == (None, None, None):
        _rescan(build, tokenizers=tokenizers, as_json=as_json)
    else:
        raise UsageError("audit pii wants BUILD alone, --sample N with -o DIRECTORY, or --verdicts DIRECTORY")


def _told(build: Path, size: int, seed: int, registry: Path, key: Path | None, why: str | None) -> None:
    """The registry knows which documents are shown before they are."""
    from pipelines.audit.sample import draw

    sample, _ = draw(build, size=size, seed=seed)
    record_look_in(
        registry,
        key,
        why=why or "audit of personal data",
        command="audit pii --sample",
        of=f"build {sample.build}",
        rows=sample.doc_ids,
    )


def _draw(
    build: Path, output: Path, *, sample: int, seed: int, tokenizers: Path, looks: Path, as_json: bool
) -> None:
    from pipelines.audit.sample import write_sheets

    record_look(looks, command="audit pii --sample", of=build.name, shown={"documents": sample})
    drawn = write_sheets(build, output, size=sample, seed=seed, tokenizers=tokenizers)
    if as_json:
        print_json({"strata": drawn.strata, "seed": drawn.seed, "output": str(output)})
        return
    print_table([dataclasses.asdict(stratum) for stratum in drawn.strata])
    typer.echo(f"{output}: two sheets; fill the column 'found' of each, then: --verdicts {output}")


def _conclude(build: Path, sheets: Path, *, as_json: bool) -> None:
    from pipelines.audit.verdicts import conclude

    audit = conclude(build, sheets)
    if as_json:
        print_json(audit)
        return
    print_table([dataclasses.asdict(bound) for bound in audit.bounds])
    typer.echo(
        f"{audit.read} documents read by two; they agree on {audit.agreement:.1%} (kappa {audit.kappa:.2f}); "
        f"upper bounds at {audit.confidence:.0%}"
    )
    for doc_id in audit.unsettled:
        typer.echo(f"malmoi: the readers differ on {doc_id}: settle it in settled.csv", err=True)


def _rescan(build: Path, *, tokenizers: Path, as_json: bool) -> None:
    from pipelines.audit.rescan import rescan

    found = rescan(build, tokenizers=tokenizers)
    if as_json:
        print_json(found)
    else:
        for left in found.left:
            place = f"{left.doc_id}  {left.start}-{left.end}"
            typer.echo(f"{left.entity}  {left.partner}  {place}  {left.score}  {left.by}")
        passed = ", ".join(f"{name} {count}" for name, count in found.passed_over.items()) or "nothing"
        typer.echo(f"{found.documents} documents, {len(found.left)} findings count; passed over: {passed}")
    raise typer.Exit(1 if found.left else 0)
