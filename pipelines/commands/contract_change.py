"""malmoi contract init and diff: how a contract comes to be, and how it changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.printing import Json, existing, print_json, print_table
from schemas.errors import UsageError

if TYPE_CHECKING:
    from pipelines.intake.contract_diff import Difference
    from schemas.manifest import Manifest
    from schemas.rights import Use


def init(
    drop: Annotated[Path, typer.Argument(help="The folder with the files.")],
    partner: Annotated[str, typer.Option(help="The partner's id: a-z, 0-9 and _.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write; must not exist.")],
) -> None:
    """Draft a contract from a sample of a folder; what a person must decide is marked TODO.

    Example: malmoi contract init examples/drops/krafton --partner krafton -o krafton.yaml
    """
    from pipelines.draft import draft

    if output.exists():
        raise UsageError(f"{output}: is there already: name a new file, or remove it")
    text = draft(drop, partner=partner)
    try:
        with output.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{output}: is there already: name a new file, or remove it") from None
    left = text.count("TODO")
    typer.echo(f"{output}: {left} things to decide; then run `malmoi contract lint {output}`")


def diff(
    old: Annotated[Path, typer.Argument(help="The contract as it was.")],
    new: Annotated[Path, typer.Argument(help="The contract as it is to be.")],
    build: Annotated[
        Path | None, typer.Option(help="A build that used the old one: documents and tokens affected.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Class each change as breaking, rights-narrowing, rights-widening or compatible; check the version.

    Exit 0 nothing breaks or narrows, 1 something does or the version does not say so, 2 unreadable.
    Example: malmoi contract diff old/krafton.yaml data_contracts/krafton.yaml --build corpus
    """
    from pipelines.intake.contract_diff import diff_contract_files

    difference = diff_contract_files(existing(old), existing(new))
    affected = None if build is None else _affected(difference, build)
    if as_json:
        print_json(_as_json(difference, affected))
    else:
        _print(difference, affected)
    raise typer.Exit(1 if difference.answer_is_no else 0)


def _affected(difference: Difference, build: Path) -> dict[str, Any]:
    """What a build holds of the contract: by data set, the documents and tokens that a change reaches."""
    from pipelines.lineage.ledger import balance
    from schemas.manifest import read_manifest
    from schemas.rights import denials

    manifest = read_manifest(build)
    partner = difference.old.partner
    used = next((facts for facts in manifest.contracts if facts.partner == partner), None)
    reached: dict[str | None, dict[str, int]] = {}
    for change in difference.changes:
        counts = reached.setdefault(change.data_set, {})
        counts[change.change] = counts.get(change.change, 0) + 1
    rows = []
    for held in balance(build, manifest=manifest):
        if held.partner != partner:
            continue
        both = (reached.get(None, {}), reached.get(held.data_set, {}))
        classes = {name: sum(part.get(name, 0) for part in both) for name in ("breaking", "rights-narrowing")}
        rows.append({"data set": held.data_set, "documents": held.kept, "tokens": held.tokens, **classes})
    return {
        "build": build.name,
        "version_used": None if used is None else used.version,
        "used_the_old_contract": used is not None and used.digest == difference.old.digest,
        "data_sets": rows,
        "documents_affected": sum(row["documents"] for row in rows if _reached(row)),
        "tokens_affected": sum(row["tokens"] for row in rows if _reached(row)),
        "denied_under_the_new_contract": [
            dataclasses.asdict(denial)
            for denial in (() if used is None else denials(partner, difference.new.rights, _use(manifest)))
        ],
    }


def _use(manifest: Manifest) -> Use:
    """What the build's recipe did with every document, on the build's date."""
    from schemas.rights import Use

    recipe: dict[str, Any] = manifest.recipe
    return Use(
        purposes=tuple(recipe["purposes"]),
        release=recipe.get("release", "closed"),
        territory=tuple(recipe.get("territory", ())),
        date=manifest.date,
        student_parameters=recipe.get("student_parameters", 0),
        accepts=tuple((accepted["partner"], accepted["verb"]) for accepted in recipe.get("accepts", ())),
    )


def _reached(row: dict[str, Any]) -> bool:
    return bool(row["breaking"] or row["rights-narrowing"])


def _as_json(difference: Difference, affected: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "partner": difference.old.partner,
        "changes": [
            {
                "class": change.change,
                "path": change.path,
                "data_set": change.data_set,
                "message": change.message,
                "korean": change.korean,
                "meaning": change.meaning[0],
                "meaning_korean": change.meaning[1],
                "version_must_rise": change.bump,
            }
            for change in difference.changes
        ],
        "version": dataclasses.asdict(difference.version),
        "build": affected,
    }


def _print(difference: Difference, affected: dict[str, Any] | None) -> None:
    for kind in ("breaking", "rights-narrowing", "rights-widening", "compatible"):
        changes = [change for change in difference.changes if change.change == kind]
        if not changes:
            continue
        typer.echo(f"{kind}: {changes[0].meaning[0]}")
        for change in changes:
            typer.echo(f"  {change.path}: {change.message}")
    if not difference.changes:
        typer.echo("nothing changed")
    typer.echo(difference.version.message)
    if difference.old.approvals and difference.old.content_digest != difference.new.content_digest:
        typer.echo("approvals of the old contract do not hold for the new one: have it approved again")
    if affected is None:
        return
    if not affected["used_the_old_contract"]:
        version = affected["version_used"]
        said = (
            "holds nothing of this partner" if version is None else f"used another file (version {version})"
        )
        typer.echo(f"{affected['build']} {said}, not the old contract")
    if affected["data_sets"]:
        print_table(affected["data_sets"])
    typer.echo(
        f"{affected['build']}: {affected['documents_affected']:,} documents and "
        f"{affected['tokens_affected']:,} tokens stand under what breaks or narrows"
    )
    for denial in affected["denied_under_the_new_contract"]:
        typer.echo(f"{affected['build']} would not be allowed under the new contract: {denial['message']}")
