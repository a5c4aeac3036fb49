"""malmoi admit: what happens to a drop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.printing import Json, existing, print_json


def admit(
    contract: Annotated[Path, typer.Argument(help="The partner's contract.")],
    drop: Annotated[Path, typer.Argument(help="The directory that was handed in.")],
    registry: Annotated[Path, typer.Option(help="Where receipts are kept.")],
    as_json: Json = False,
) -> None:
    """Read a drop against its contract and write its receipt; say what was refused and where.

    Example: malmoi admit data_contracts/krafton.yaml examples/drops/krafton --registry .malmoi/registry
    """
    from pipelines.intake.admission import admit as admit_drop

    content = admit_drop(existing(contract), drop, registry)
    if as_json:
        print_json(content)
        return
    rows = sum(file["rows_arrived"] for file in content["files"])
    documents = sum(file["documents"] for file in content["files"])
    refused = sum(sum(file["quarantined"].values()) for file in content["files"])
    typer.echo(
        f"{content['partner']}: {content['verdict']}: {rows} rows, {documents} admitted, {refused} refused"
    )
    for entry in content["quarantine"][:20]:
        where = f"{entry['file']} row {entry['row']}" + (f" field {entry['field']}" if entry["field"] else "")
        typer.echo(f"  {where}: {entry['reason']}")
    if len(content["quarantine"]) > 20:
        typer.echo(f"  and {len(content['quarantine']) - 20} more: see --json")
    for name in content["not_delivered"]:
        typer.echo(f"  not delivered: {name}")
    for path in content["not_named_by_contract"]:
        typer.echo(f"  not named by the contract, not read: {path}")
