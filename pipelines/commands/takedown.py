"""malmoi takedown: documents leave a build, with a certificate."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.printing import Json, existing, print_json, print_table
from pipelines.commands.registry import At, moment
from schemas.days import checked_day
from schemas.errors import UsageError

if TYPE_CHECKING:
    from pipelines.takedown.carry_out import Carried
    from pipelines.takedown.impact import Impact


def takedown(
    build: Annotated[Path | None, typer.Argument(metavar="[BUILD]", help="A finished build.")] = None,
    request: Annotated[
        Path | None, typer.Argument(metavar="[REQUEST]", help="What is to leave: YAML or JSON.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Directory of the new build.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would happen; write nothing.")
    ] = False,
    later: Annotated[
        bool, typer.Option("--later", help="Record the request in the registry alone; make no build now.")
    ] = False,
    expired: Annotated[
        bool, typer.Option("--expired", help="Instead of a request: all whose contract has ended, with --on.")
    ] = False,
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="The day (ISO) that --expired judges.")
    ] = None,
    erase: Annotated[
        bool, typer.Option("--erase", help="Destroy the text too, wherever it lies and is ours to destroy.")
    ] = False,
    also: Annotated[
        list[Path] | None, typer.Option("--also", help="An earlier build that may hold the documents too.")
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Open requests of --registry and the days they have left.")
    ] = False,
    registry: Annotated[
        Path | None, typer.Option(help="Of the build; default: the one it was made of.")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="Of the build, where it has moved.")] = None,
    drops: Annotated[Path | None, typer.Option(help="Of the build, where they have moved.")] = None,
    staging: Annotated[Path | None, typer.Option(help="Of the build, where it has moved.")] = None,
    pipeline: Annotated[
        bool, typer.Option("--pipeline", help="Run the whole pipeline, not the short way; same bytes.")
    ] = False,
    today: Annotated[str | None, typer.Option(metavar="DAY", help="Default: today.")] = None,
    at: At = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Of the pipeline; default: one per core.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take documents out of a build: a new build beside it, and a certificate of what left.

    A request (YAML) has request, asked_by, notice, reason and any of documents, rows, subjects, texts,
    domains, contract; scope: content takes every near copy too and keeps it out of later builds.

    Example: malmoi takedown build/july request.yaml --dry-run
    Example: malmoi takedown build/july request.yaml -o build/july-1
    Example: malmoi takedown build/july --expired --on 2027-01-01 -o build/january
    Example: malmoi takedown --status --registry .malmoi/registry
    """
    day = checked_day(today) if today else date.today().isoformat()
    if status:
        _status(registry, day, as_json=as_json)
        return
    if build is None or (request is None) is not expired or (on is None) is expired:
        raise UsageError(
            "takedown wants BUILD REQUEST, or BUILD --expired --on DAY, or --status --registry DIR"
        )
    from pipelines.takedown.carry_out import carry_out, open_house, record
    from pipelines.takedown.carry_out import dry_run as look
    from pipelines.takedown.carry_out import expired as without_expired

    house = open_house(build, recipe=recipe, drops=drops, registry=registry, staging=staging)
    if expired:
        if output is None or on is None:
            raise UsageError("--expired wants -o: the new build's directory")
        _told(
            without_expired(house, output, checked_day(on), today=day, workers=workers, quiet=as_json),
            as_json=as_json,
        )
        return
    from pipelines.takedown.request import read_request

    asked = read_request(existing(request or Path()))
    if dry_run:
        _impact(look(house, asked, also or ()), as_json=as_json)
    elif later:
        digest, new = record(house, asked, at=moment(at))
        print_json({"event": digest, "new": new}) if as_json else typer.echo(
            f"{'recorded' if new else 'recorded before'}: event {digest[:16]}"
        )
    elif output is None:
        raise UsageError("takedown wants -o: the new build's directory; or --dry-run, or --later")
    else:
        carried = carry_out(
            house,
            asked,
            output,
            today=day,
            at=moment(at),
            erased=erase,
            also=also or (),
            workers=workers,
            direct=not pipeline,
            quiet=as_json,
        )
        if house.registry is None:
            typer.echo(
                "malmoi: note: this build has no registry: later builds do without the documents only with "
                f"--base {output}",
                err=True,
            )
        _told(carried, as_json=as_json)


def _told(carried: Carried, *, as_json: bool) -> None:
    certificate = carried.certificate
    if as_json:
        print_json(
            {
                "certificate": str(carried.directory),
                "direct": carried.direct,
                **dataclasses.asdict(certificate),
            }
        )
        return
    if carried.why:
        typer.echo(f"malmoi: the whole pipeline was run: {carried.why}", err=True)
    tokens = sum(one.tokens for one in certificate.gone)
    typer.echo(
        f"{len(certificate.gone):,} documents and {tokens:,} tokens left, {len(certificate.came_back):,} "
        f"came back, {len(certificate.shards)} shards were rewritten: {carried.directory}/certificate.html"
    )


def _impact(found: Impact, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for answer in found.answers:
        typer.echo(f"{answer.what}: {answer.asked} asked, {answer.documents} documents found")
    for name in found.unknown:
        typer.echo(f"not in this build: {name}")
    if found.partners:
        print_table([dataclasses.asdict(one) for one in found.partners])
    for build in found.builds:
        typer.echo(
            f"{build.build}: {build.kept:,} documents, {build.tokens:,} tokens in {len(build.shards)} shards "
            f"({', '.join(build.shards[:8])})"
        )
    for near in found.relatives:
        typer.echo(f"near relatives at {near.partner}: {near.documents} ({', '.join(near.examples)})")
    if found.come_back is None:
        typer.echo(f"who comes back is known after the build: {found.why}")
    else:
        typer.echo(
            f"{len(found.come_back)} would come back, {len(found.fall or ())} would be copies of those"
        )


def _status(registry: Path | None, today: str, *, as_json: bool) -> None:
    from pipelines.intake.registry import Registry
    from pipelines.intake.takedowns import takedowns

    if registry is None:
        raise UsageError("--status wants --registry DIR")
    rows = []
    for one in takedowns(Registry.open(registry)):
        left = (date.fromisoformat(one.body.deadline) - date.fromisoformat(today)).days
        rows.append(
            {
                "event": one.event.sequence,
                "request": one.body.request[:16],
                "scope": one.body.scope,
                "reason": one.body.reason,
                "notice": one.body.notice,
                "deadline": one.body.deadline,
                "state": "done" if one.done else "open" if left >= 0 else "overdue",
                "days left": left,
                "builds": len(one.done),
            }
        )
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows)
    else:
        typer.echo("no takedown is in the registry")
    raise typer.Exit(1 if any(row["state"] == "overdue" for row in rows) else 0)
