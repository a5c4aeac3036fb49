"""malmoi release: a build from candidate to released, and which models were trained on it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.commands.printing import BuildDirectory, Json, print_json
from pipelines.commands.registry import At, KeyDirectory, RegistryDirectory, moment, recorded
from pipelines.commands.sightings import document_list
from schemas.errors import UsageError
from schemas.registry import ReleaseRole

On = Annotated[str | None, typer.Option(metavar="DAY", help="The day it is of (ISO); default: today.")]
PublicKey = Annotated[str | None, typer.Option(metavar="HEX", help="The key that must have signed it.")]


def approve(
    registry: RegistryDirectory,
    build: BuildDirectory,
    role: Annotated[ReleaseRole, typer.Option(help="For which role you approve.")],
    by: Annotated[str, typer.Option(help="Who approves: name and office.")],
    key: Annotated[Path, typer.Option(metavar="PEM", help="Your private key ('malmoi key create').")],
    on: On = None,
    at: At = None,
    registry_key: Annotated[
        Path | None, typer.Option(help="Directory of the registry's keys; default: REGISTRY.key beside it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Approve a finished build as data lead or as counsel; both make it ready to be published.

    Example: malmoi release approve .malmoi/registry build/example --role counsel --by Kim --key kim.pem
    """
    from pipelines.finished.releases import named
    from pipelines.intake.registry import Registry
    from pipelines.intake.releases import approve as sign
    from pipelines.intake.signatures import SigningKey

    signer, found = SigningKey.read(key), named(build)
    if signer.exposed:
        typer.echo(f"{key}: others on this machine may read it: chmod 600 {key}", err=True)
    event, new = sign(
        Registry.open(registry, key=registry_key),
        identity=found.identity,
        manifest=found.manifest,
        role=role,
        by=by,
        on=_day(on),
        key=signer,
        at=moment(at),
    )
    recorded(event, new, as_json)


def publish(
    registry: RegistryDirectory,
    build: BuildDirectory,
    on: On = None,
    at: At = None,
    key: KeyDirectory = None,
    as_json: Json = False,
) -> None:
    """Verify an approved build, with the rights of the day, and record its release: it is frozen.

    Example: malmoi release publish .malmoi/registry build/example
    """
    from pipelines.finished.releases import publish_build
    from pipelines.intake.registry import Registry

    event, new = publish_build(Registry.open(registry, key=key), build, on=_day(on), at=moment(at))
    recorded(event, new, as_json)


def withdraw(
    registry: RegistryDirectory,
    build: BuildDirectory,
    why: Annotated[str, typer.Option(help="Why, in one line.")],
    on: On = None,
    at: At = None,
    key: KeyDirectory = None,
    as_json: Json = False,
) -> None:
    """Take a released build back: nobody is to train on it any more. It may then be built over.

    Example: malmoi release withdraw .malmoi/registry build/example --why "takedown of 2026-12-01"
    """
    from pipelines.finished.releases import withdraw_build
    from pipelines.intake.registry import Registry

    opened = Registry.open(registry, key=key)
    event, new = withdraw_build(opened, build, reason=why, on=_day(on), at=moment(at))
    recorded(event, new, as_json)


def show(
    registry: RegistryDirectory,
    build: BuildDirectory,
    data_lead: PublicKey = None,
    counsel: PublicKey = None,
    as_json: Json = False,
) -> None:
    """Say where a build stands: candidate, approved, released, withdrawn; who approved it, who trained on it.

    With keys known from elsewhere, exits 1 unless these have approved it.

    Example: malmoi release show .malmoi/registry build/example
    """
    from pipelines.finished.releases import state_of
    from pipelines.intake.registry import Registry

    found = state_of(Registry.open(registry), build)
    wanted = {ReleaseRole.DATA_LEAD: data_lead, ReleaseRole.COUNSEL: counsel}
    signed = {(one.role, one.key) for one in found.approvals}
    missing = [role.value for role, key in wanted.items() if key is not None and (role, key) not in signed]
    if as_json:
        print_json({**dataclasses.asdict(found), "not_approved_by": missing})
    else:
        typer.echo(f"{build}: {found.state} (manifest {found.manifest[:16]})")
        for one in found.approvals:
            typer.echo(f"  approved as {one.role} by {one.by} on {one.on}, key {one.key}")
        if found.released_at is not None:
            typer.echo(f"  released {found.released_at}")
        if found.withdrawn is not None:
            typer.echo(f"  withdrawn on {found.withdrawn.on}: {found.withdrawn.reason}")
        for training in found.trainings:
            typer.echo(f"  {training.model} saw steps {training.first_step} to {training.last_step}")
        for role in missing:
            typer.echo(f"  not approved as {role} by the key given")
    raise typer.Exit(1 if missing else 0)


def trained(
    registry: RegistryDirectory,
    build: BuildDirectory,
    model: Annotated[str, typer.Option(help="The model's name and version.")],
    steps: Annotated[str, typer.Option(metavar="FIRST:LAST", help="The steps it saw, both inclusive.")],
    seed: Annotated[int, typer.Option(help="As given to open_loader.")] = 0,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Sequences a step, where no stage says so.")
    ] = None,
    length: Annotated[
        int | None, typer.Option(min=2, help="Tokens of a sequence; default: the recipe's stages.")
    ] = None,
    packing: Annotated[str, typer.Option(help="With --length: best_fit or concat.")] = "best_fit",
    split: Annotated[str, typer.Option(help="train or validation.")] = "train",
    masked: Annotated[Path | None, typer.Option(help="Signed list of documents without loss.")] = None,
    left_out: Annotated[Path | None, typer.Option(help="Signed list of documents left out.")] = None,
    list_key: Annotated[str | None, typer.Option(metavar="HEX", help="The lists' public key.")] = None,
    at: At = None,
    key: KeyDirectory = None,
    as_json: Json = False,
) -> None:
    """Record a training: 'malmoi trace BUILD --doc ID --registry DIR' then says who saw a document, and when.

    Example: malmoi release trained .malmoi/registry build/example --model teacher --steps 0:99 --batch 8
    """
    from pipelines.finished.exposure import Settings, record
    from pipelines.intake.registry import Registry

    first, _, last = steps.partition(":")
    if not (first.isdecimal() and last.isdecimal()):
        raise UsageError(f"--steps {steps[:64]}: write the first and the last step, as 0:99")
    chosen: Literal["best_fit", "concat"] = "concat" if packing == "concat" else "best_fit"
    if packing != chosen:
        raise UsageError("--packing: choose best_fit or concat")
    event, new = record(
        build,
        Registry.open(registry, key=key),
        model=model,
        first_step=int(first),
        last_step=int(last),
        settings=Settings(seed, batch, length, chosen, split),
        masked=document_list(masked, list_key),
        left_out=document_list(left_out, list_key),
        at=moment(at),
    )
    recorded(event, new, as_json)


def _day(on: str | None) -> str:
    from schemas.days import checked_day

    return datetime.now(UTC).date().isoformat() if on is None else checked_day(on)
