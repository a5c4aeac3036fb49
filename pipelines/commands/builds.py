"""malmoi build, verify, trace, report: a corpus and what can be asked of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date as calendar
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.printing import BuildDirectory, Json, existing, print_json, print_table
from pipelines.commands.release import print_seen, seen_by
from pipelines.lineage.finding import Finding
from schemas.errors import UsageError
from schemas.manifest import Manifest
from schemas.registry import RecordFinding


def build(
    recipe: Annotated[Path, typer.Argument(help="The recipe, YAML.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory of the build.")],
    drops: Annotated[Path | None, typer.Option(help="Where the partners' drops lie.")] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Build the drops of this registry's sealed epochs.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="A build to go on from; refused where its rights no longer hold.")
    ] = None,
    staging: Annotated[Path, typer.Option(help="Staged files, shared by builds.")] = Path(".malmoi/staging"),
    date: Annotated[str | None, typer.Option(help="Day (ISO) on which rights are judged.")] = None,
    runner: Annotated[str, typer.Option(help="direct: Beam's FnApiRunner.")] = "direct",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: one per core.")] = None,
    replace: Annotated[bool, typer.Option(help="Build over another build in the output.")] = False,
    as_json: Json = False,
) -> None:
    """Carry out a recipe. Killed builds resume; finished ones are not made again.

    Example: malmoi build recipes/example.yaml -o build/example
    """
    from pipelines.build import build as carry_out

    manifest = carry_out(
        existing(recipe),
        output,
        drops=drops,
        registry=registry,
        base=base,
        date=date,
        staging=staging,
        runner=runner,
        workers=workers,
        replace=replace,
        quiet=as_json,
    )
    built(manifest, output, as_json=as_json)


def built(manifest: Manifest, output: Path, *, as_json: bool) -> None:
    """Say what a build holds."""
    from pipelines.lineage.report import report_summary

    if as_json:
        print_json({"build": str(output), "identity": manifest.identity, "data_sets": manifest.data_sets})
        return
    for warning in manifest.warnings:
        typer.echo(f"malmoi: warning: {warning}", err=True)
    for excluded in manifest.excluded:
        typer.echo(f"malmoi: left out: {excluded.partner}: {excluded.reason}", err=True)
    print_table(report_summary(manifest))
    tokens = sum(shard.tokens for shard in manifest.shards)
    typer.echo(f"{tokens:,} tokens in {len(manifest.shards)} shards: {output}/report.html")


def verify(
    build: Annotated[Path | None, typer.Argument(metavar="[BUILD]", help="A finished build.")] = None,
    receipt: Annotated[Path | None, typer.Option(help="Instead of a build: a drop's receipt.json.")] = None,
    drop: Annotated[
        Path | None, typer.Option(file_okay=False, exists=True, help="Of a receipt: the drop's files.")
    ] = None,
    proof: Annotated[
        Path | None, typer.Option(help="Of a receipt: from 'malmoi registry prove', that the log only grew.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Of a receipt: the registry's public key, as you know it."),
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="Of a build: judge its rights on this day (ISO) too.")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Of a build: it must be the one that this registry released.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a build against its manifest, every digest, count and document's place; or, offline, a receipt.

    Example: malmoi verify build/example
    """
    findings: Sequence[Finding | RecordFinding]
    if receipt is not None and build is None and on is None:
        from pipelines.intake.receipt_check import check_receipt

        proven = None if proof is None else existing(proof)
        findings = check_receipt(existing(receipt), drop=drop, proof=proven, key=key)
        whole = (
            "the receipt holds" if key else "the receipt agrees with itself; --key HEX says whose it must be"
        )
    elif build is not None and (receipt, drop, proof, key) == (None, None, None, None):
        from pipelines.lineage.verify import verify as check

        findings = [*check(build, on=None if on is None else day_of(on)), *_of_release(build, registry)]
        whole = "the build is whole"
    else:
        raise UsageError("verify wants BUILD, or --receipt FILE with --drop, --proof and --key if you like")
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(str(finding))
        typer.echo(whole if not findings else f"{len(findings)} findings")
    raise typer.Exit(1 if findings else 0)


def _of_release(build: Path, registry: Path | None) -> list[Finding]:
    """Whether a released build is still what was released."""
    from pipelines.finished.releases import release_findings
    from pipelines.intake.registry import Registry

    return list(release_findings(build, None if registry is None else Registry.open(registry)))


def day_of(value: str) -> str:
    """A day of --on as ISO; UsageError where it is none."""
    try:
        return calendar.fromisoformat(value).isoformat()
    except ValueError:
        raise UsageError("--on is no day of the calendar: write it as 2026-12-31") from None


def trace(
    build: BuildDirectory,
    doc: Annotated[str | None, typer.Option(help="A document id, 32 hexadecimal digits.")] = None,
    shard: Annotated[str | None, typer.Option(help="A shard's name, with --row.")] = None,
    row: Annotated[int | None, typer.Option(help="A row of the shard, from 0.")] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Say too which models saw it at which steps (malmoi release trained).")
    ] = None,
    left_out: Annotated[Path | None, typer.Option(help="The list that these trainings left out.")] = None,
    list_key: Annotated[str | None, typer.Option(metavar="HEX", help="The list's public key.")] = None,
    as_json: Json = False,
) -> None:
    """Follow a document or a shard's row back to its file, row, contract and licence.

    Example: malmoi trace build/example --shard 0-train-00000 --row 0
    """
    from pipelines.lineage.trace import trace_document, trace_row

    if doc is not None and shard is None and row is None:
        found = trace_document(build, doc)
    elif doc is None and shard is not None and row is not None:
        found = trace_row(build, shard, row)
    else:
        raise UsageError("trace wants --doc ID, or --shard NAME --row N")
    facts = dataclasses.asdict(found)
    seen = () if registry is None else seen_by(build, found.doc_id, registry, left_out, list_key)
    if as_json:
        print_json(facts if registry is None else {**facts, "seen_by": [one.facts() for one in seen]})
        return
    for name, value in facts.items():
        if value is not None:
            typer.echo(f"{name:>20}  {value.hex() if isinstance(value, bytes) else value}")
    print_seen(seen)


def report(
    build: BuildDirectory,
    partner: Annotated[
        str | None, typer.Option(metavar="ID", help="What became of this partner's drops.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="With --partner: write its HTML page here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what became of every data set; the page itself is BUILD/report.html.

    Example: malmoi report build/example --partner krafton -o krafton.html
    """
    from pipelines.lineage.report import report_summary
    from schemas.manifest import read_manifest

    if partner is not None:
        _feedback(build, partner, output, as_json=as_json)
        return
    if output is not None:
        raise UsageError(f"report -o wants --partner ID: the whole page is {build}/report.html already")
    manifest = read_manifest(build)
    if as_json:
        print_json(manifest.data_sets)
        return
    print_table(report_summary(manifest))
    typer.echo(f"{build}/report.html")


def _feedback(build: Path, partner: str, output: Path | None, *, as_json: bool) -> None:
    from pipelines.lineage.feedback import feedback, feedback_lines, render_feedback

    found = feedback(build, partner)
    if output is not None:
        output.write_text(render_feedback(found), encoding="utf-8")
    if as_json:
        print_json(found)
        return
    if found.excluded:
        typer.echo(f"{partner} was left out: {found.excluded}")
    if lines := feedback_lines(found):
        print_table(lines)
    shares = f"{found.document_share:.2%} of the documents, {found.token_share:.2%} of the tokens"
    typer.echo(f"{partner}: {shares} of the corpus")
