"""malmoi prepare: a folder made a drop, at the partner."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.printing import Json, existing, print_json
from schemas.errors import UsageError

if TYPE_CHECKING:
    from pipelines.prepare import Prepared


def prepare(
    contract: Annotated[Path | None, typer.Argument(help="The partner's contract.")] = None,
    folder: Annotated[Path | None, typer.Argument(help="The files as the partner has them.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Directory of the drop.")] = None,
    subject_key: Annotated[
        Path | None, typer.Option(help="The secret that columns are keyed with. It stays with you.")
    ] = None,
    sign: Annotated[Path | None, typer.Option(help="Private key (PEM) to sign drop.json with.")] = None,
    period: Annotated[str | None, typer.Option(help="Days the rows are of: FIRST..LAST.")] = None,
    leave_out_bad_rows: Annotated[
        bool, typer.Option("--leave-out-bad-rows", help="Write the drop without the rows that do not fit.")
    ] = False,
    new_subject_key: Annotated[
        Path | None, typer.Option(help="Make a new secret in this file, and nothing else.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a folder against its contract and write the drop: columns and texts as agreed, drop.json last.

    Nothing is sent anywhere. Exit 1: rows do not fit, and are told in DROP.rejects.jsonl.

    Example: malmoi prepare data_contracts/krafton.yaml raw/krafton -o drops/krafton --subject-key subject.key
    """
    if new_subject_key is not None:
        from pipelines.intake.subject_key import create_subject_key

        create_subject_key(new_subject_key)
        typer.echo(f"{new_subject_key}: keep it, and keep it to yourself; without it nobody is found again")
        return
    if contract is None or folder is None or output is None:
        raise UsageError("prepare wants CONTRACT FOLDER -o DROP, or --new-subject-key FILE: see --help")
    from pipelines.prepare import prepare as carry_out

    done = carry_out(
        existing(contract),
        folder,
        output,
        subject_key=subject_key,
        sign=sign,
        period=period,
        leave_out_bad_rows=leave_out_bad_rows,
    )
    if as_json:
        facts = {field.name: getattr(done, field.name) for field in dataclasses.fields(done)}
        print_json({**facts, "rejects": None if done.rejects is None else str(done.rejects)})
    else:
        _tell(done, output)
    raise typer.Exit(0 if done.manifest is not None else 1)


def _tell(done: Prepared, output: Path) -> None:
    for fault in done.sample:
        where = f"{fault['file']}:{fault['line']}:{fault['byte']} row {fault['row']}"
        name = "" if fault["field"] is None else f" {fault['field']}:"
        typer.echo(f"  {where}:{name} {fault['means']} ({fault['rule']})")
    if done.faults > len(done.sample):
        typer.echo(f"  and {done.faults - len(done.sample)} more")
    if done.faults:
        typer.echo(f"{done.faults} faults in {done.rejected_rows} rows: {done.rejects}")
    for name in done.not_delivered:
        typer.echo(f"  not delivered: {name}")
    for path in done.not_named:
        typer.echo(f"  not named by the contract, not copied: {path}")
    for data_set, columns in done.columns_left_out.items():
        typer.echo(f"  not named by the contract, left out of {data_set}: {', '.join(columns)}")
    for warning in done.warnings:
        typer.echo(f"  {warning}")
    if done.manifest is None:
        typer.echo("no drop was written: mend the rows, or leave them out with --leave-out-bad-rows")
        return
    rows = sum(file.rows for file in done.manifest.files)
    signed = ", signed" if done.manifest.signature is not None else ""
    typer.echo(f"{output}: {len(done.manifest.files)} files, {rows} rows, drop.json{signed}")
