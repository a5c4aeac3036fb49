"""malmoi build, verify, report: a corpus and what can be asked of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date as calendar
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.printing import BuildDirectory, Json, existing, print_json, print_table
from pipelines.commands.proofs import check_proof, check_root
from pipelines.lineage.finding import Finding
from schemas.errors import UsageError
from schemas.manifest import Manifest
from schemas.registry import RecordFinding

# What verify may be given together.
_OF_BUILD = frozenset({"build", "root", "on", "registry", "public_key", "deep"})
_OF_RECEIPT = frozenset({"receipt", "drop", "proof", "key"})
_OF_PROOF = frozenset({"proof", "root"})


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
        Path | None,
        typer.Option(help="Alone: of 'malmoi prove'. Of a receipt: of 'malmoi registry prove'."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Of a receipt: the registry's public key, as you know it."),
    ] = None,
    root: Annotated[
        str | None, typer.Option(metavar="HEX", help="Of a proof or a build: its root, as you know it.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Of a build: of a takedown; look again whether what left is gone.")
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="Of a build: judge its rights on this day (ISO) too.")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Of a build: it must be one that this registry released.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of a build: who must have signed it, PEM or HEX.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Of a build: make some documents again.")] = False,
    sample: Annotated[int, typer.Option(min=1, help="With --deep: how many documents.")] = 100,
    seed: Annotated[int, typer.Option(help="With --deep: another seed draws others.")] = 0,
    as_json: Json = False,
) -> None:
    """Check a build: every digest, root, count and document's place; or, offline, a receipt or a proof.

    Example: malmoi verify build/example
    """
    findings: Sequence[Finding | RecordFinding]
    options = {
        "build": build,
        "receipt": receipt,
        "drop": drop,
        "proof": proof,
        "key": key,
        "root": root,
        "on": on,
        "registry": registry,
        "public_key": public_key,
        "deep": deep or None,
    }
    given = {name for name, value in options.items() if value is not None}
    if certificate is not None:
        from pipelines.takedown.certificate import check_certificate, read_certificate

        if build is None or not given <= _OF_BUILD:
            raise UsageError("--certificate FILE wants BUILD: verify BUILD --certificate FILE")
        if given != {"build"}:
            raise UsageError("verify BUILD --certificate FILE takes nothing else: verify the build apart")
        findings = check_certificate(read_certificate(existing(certificate)), build.resolve())
        whole = "what the certificate says holds"
    elif receipt is not None and given <= _OF_RECEIPT:
        from pipelines.intake.receipt_check import check_receipt

        proven = None if proof is None else existing(proof)
        findings = check_receipt(existing(receipt), drop=drop, proof=proven, key=key)
        whole = (
            "the receipt holds" if key else "the receipt agrees with itself; --key HEX says whose it must be"
        )
    elif proof is not None and given <= _OF_PROOF:
        findings, whole = check_proof(proof, root=root)
    elif build is not None and given <= _OF_BUILD:
        findings, whole = _check_build(
            build,
            on=None if on is None else day_of(on),
            root=root,
            registry=registry,
            public_key=public_key,
            deep=sample if deep else 0,
            seed=seed,
        )
    else:
        raise UsageError(
            "verify wants BUILD (with --certificate FILE if you like), or --receipt FILE with --drop, "
            "--proof and --key if you like, or --proof FILE with --root"
        )
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(str(finding))
        typer.echo(whole if not findings else f"{len(findings)} findings")
    raise typer.Exit(1 if findings else 0)


def _check_build(
    build: Path,
    *,
    on: str | None,
    root: str | None,
    registry: Path | None,
    public_key: Path | None,
    deep: int,
    seed: int,
) -> tuple[list[Finding | RecordFinding], str]:
    from pipelines.lineage.verify import verify as check

    findings: list[Finding | RecordFinding] = list(check(build, on=on))
    if root is not None:
        findings += check_root(build, root)
    findings += _of_release(build, registry)
    if public_key is not None:
        from pipelines.intake.build_signatures import check_signed

        findings += check_signed(build, public_key)
    whole = "the build is whole"
    if deep and not findings:
        from pipelines.rerun import rerun

        again = rerun(build, sample=deep, seed=seed)
        findings += again.findings
        whole += f"; {again.compared} documents made again are what it holds"
    return findings, whole


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


def report(
    build: BuildDirectory,
    partner: Annotated[
        str | None, typer.Option(metavar="ID", help="What became of this partner's drops.")
    ] = None,
    parent: Annotated[
        Path | None, typer.Option(metavar="BUILD", help="Tell too what is new since this build.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the HTML page here.")] = None,
    as_json: Json = False,
) -> None:
    """Print what became of every data set; the page itself is BUILD/report.html, the same as -o writes.

    Example: malmoi report build/example --parent build/september -o since-september.html
    """
    from pipelines.lineage.report import report_summary
    from schemas.manifest import read_manifest

    if parent is not None and (partner is not None or output is None):
        raise UsageError("report --parent BUILD wants -o FILE, and no --partner: the page tells what is new")
    if partner is not None:
        _feedback(build, partner, output, as_json=as_json)
        return
    manifest = read_manifest(build)
    if output is not None:
        _page(manifest, build, parent, output)
    if as_json:
        print_json(manifest.data_sets)
        return
    print_table(report_summary(manifest))
    typer.echo(str(output or f"{build}/report.html"))


def _page(manifest: Manifest, build: Path, parent: Path | None, output: Path) -> None:
    from pipelines.lineage.changes import changes_of
    from pipelines.lineage.changes_report import changes_section
    from pipelines.lineage.report import render_report
    from schemas.manifest import read_manifest

    changes = ""
    if parent is not None:
        before = read_manifest(parent)
        changes = changes_section(before, changes_of((before, parent), (manifest, build)))
    output.write_text(render_report(manifest, build, changes=changes), encoding="utf-8")


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
