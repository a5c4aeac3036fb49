"""malmoi contract lint, approve, fields: what a partner's engineer does with a contract."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.printing import Json, existing, print_json
from schemas.contract import Approval
from schemas.errors import UsageError


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _day(value: str) -> str:
    try:
        return datetime.strptime(value, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise UsageError("--on is no day of the calendar: write it as 2026-12-31") from None


def lint(
    files: Annotated[list[Path] | None, typer.Argument(help="ODCS 3.2 YAML files.")] = None,
    as_json: Json = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0, for code hosts.")] = False,
    strict: Annotated[bool, typer.Option(help="Exit 1 for warnings too.")] = False,
    on: Annotated[str, typer.Option(metavar="DAY", help="Judge terms on this day; today unless said.")] = "",
    rules: Annotated[bool, typer.Option("--rules", help="Print the house rules, and check nothing.")] = False,
) -> None:
    """Check contracts and print every fault as file:line:column: path: what to do [rule].

    Exit 0: no errors (warnings say what is not allowed yet), 1: errors, 2: a file that is not there.

    Example: malmoi contract lint data_contracts/*.yaml
    """
    from pipelines.intake.contracts import lint_contract
    from pipelines.intake.house_rules import RULES
    from pipelines.intake.sarif import sarif

    if rules:
        _print_rules(as_json)
        return
    if not files:
        raise UsageError("no file is named: malmoi contract lint FILE..., or --rules for the list of rules")
    if as_json and as_sarif:
        raise UsageError("--json and --sarif exclude each other: choose one")
    day = _day(on) if on else _today()
    found = {file: lint_contract(existing(file), today=day) for file in files}
    problems = [problem for listed in found.values() for problem in listed]
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    if as_json:
        print_json([dataclasses.asdict(problem) for problem in problems])
    elif as_sarif:
        uris = {file.name: file.as_posix() for file in files}
        from importlib.metadata import version

        print_json(sarif(problems, version=version("malmoi"), uris=uris))
    else:
        for problem in problems:
            typer.echo(str(problem))
        typer.echo(
            f"{_count(len(files), 'contract')}, {_count(errors, 'error')}, {_count(warnings, 'warning')}"
        )
        if errors and any(problem.rule in RULES for problem in problems):
            typer.echo("malmoi contract lint --rules says why each rule is there")
    raise typer.Exit(1 if errors or (strict and warnings) else 0)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _print_rules(as_json: bool) -> None:
    from pipelines.intake.house_rules import RULES

    if as_json:
        print_json([dataclasses.asdict(rule) for rule in RULES.values()])
        return
    for rule in RULES.values():
        typer.echo(f"{rule.id} ({rule.severity})\n  {rule.english}\n  {rule.korean}\n  {rule.why}")


def approve(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The contract.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who approves it: name and office.")],
    key: Annotated[Path, typer.Option(metavar="PEM", help="Their key, of 'malmoi key create'.")],
    on: Annotated[str, typer.Option(metavar="DAY", help="The day of the approval; today unless said.")] = "",
    registry: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record the approval in this registry too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign a contract that has no errors; the approval is written into the file, which is else unchanged.

    Example: malmoi contract approve ours.yaml --by "Kim Seon-u, legal" --key approver.pem
    """
    from pipelines.intake.approving import approve as sign
    from pipelines.intake.signatures import SigningKey

    day = _day(on) if on else _today()
    signing = SigningKey.read(existing(key))
    if signing.exposed:
        typer.echo(f"malmoi: {key.name}: others on this machine may read the key: chmod 600 {key}", err=True)
    approval = sign(existing(file), by=by, on=day, key=signing)[-1]
    sequence = _record(file, approval, registry) if registry is not None else None
    if as_json:
        print_json({**dataclasses.asdict(approval), "sequence": sequence})
        return
    typer.echo(
        f"{file.name}: approved by {by} on {day}, digest {approval.digest[:16]}, key {approval.key[:16]}"
    )
    if sequence is not None:
        typer.echo(f"event {sequence} of the registry")


def _record(file: Path, approval: Approval, directory: Path) -> int:
    from pipelines.intake.approving import registry_body
    from pipelines.intake.registry import Registry
    from schemas.registry import ContractApproved

    body = ContractApproved(**registry_body(file, approval))
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event, _ = Registry.open(directory).append_once(body, at=moment, same=lambda old: old.body == body)
    return event.sequence


def fields() -> None:
    """Print the reference of the malmoi.* fields, English and Korean, as Markdown.

    Example: malmoi contract fields > data_contracts/FIELDS.md
    """
    from pipelines.intake.field_reference import field_reference

    typer.echo(field_reference(), nl=False)
