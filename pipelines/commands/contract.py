"""malmoi contract: what a partner's engineer does with a contract."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.printing import Json, existing, print_json


def lint(
    files: Annotated[list[Path], typer.Argument(help="ODCS 3.2 YAML files.")], as_json: Json = False
) -> None:
    """Check contracts and print every fault as file:line: path: what to do.

    Example: malmoi contract lint data_contracts/*.yaml
    """
    from pipelines.intake.contracts import lint_contract

    problems = [problem for file in files for problem in lint_contract(existing(file))]
    if as_json:
        print_json([dataclasses.asdict(problem) for problem in problems])
    else:
        for problem in problems:
            typer.echo(str(problem))
        typer.echo(f"{len(files)} contracts, {len(problems)} faults")
    raise typer.Exit(1 if problems else 0)
