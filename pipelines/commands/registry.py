"""malmoi registry: the log of what happened, and what is recorded in it by hand."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.printing import Json, existing, print_json
from schemas.registry import Body, Event, ReleaseRole

RegistryDirectory = Annotated[Path, typer.Argument(metavar="REGISTRY", help="The registry's directory.")]
KeyDirectory = Annotated[
    Path | None, typer.Option("--key", help="Directory of its keys; default: REGISTRY.key beside it.")
]
PublicKey = Annotated[
    str | None, typer.Option("--key", metavar="HEX", help="The registry's public key, known from elsewhere.")
]
At = Annotated[
    str | None, typer.Option(metavar="MOMENT", help="When, UTC, 2026-01-31T09:00:00Z; default: now.")
]


def moment(at: str | None) -> str:
    """The moment that was asked for, or now; UTC, to the second."""
    return at or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def init(registry: RegistryDirectory, key: KeyDirectory = None, as_json: Json = False) -> None:
    """Make a registry and its keys; where there is one, say what its public key is.

    Example: malmoi registry init .malmoi/registry
    """
    from pipelines.intake.registry import Registry

    made = Registry.open(registry, create=True, key=key)
    if as_json:
        print_json({"registry": str(made.directory), "key": made.key, "keys": str(made.key_directory)})
        return
    typer.echo(f"{made.directory}: public key {made.key}")
    typer.echo(f"keys, to be kept apart and backed up: {made.key_directory}")


def log(registry: RegistryDirectory, as_json: Json = False) -> None:
    """Print what happened, one line an event.

    Example: malmoi registry log .malmoi/registry
    """
    from pipelines.intake.registry import Registry

    events = list(Registry.open(registry).events())
    if as_json:
        print_json([dataclasses.asdict(event) for event in events])
        return
    for event in events:
        typer.echo(_line(event))
    typer.echo(f"{len(events)} events")


def _line(event: Event) -> str:
    return f"{event.sequence:>10}  {event.at}  {event.type:<17}  {_words(event.body)}"


def _words(body: Body) -> str:
    """A body's fields; digests by their first 16 digits, counts of data sets left to --json."""
    facts = {name: value for name, value in dataclasses.asdict(body).items() if name != "data_sets"}
    short = {
        name: value[:16] if isinstance(value, str) and len(value) == 64 else value
        for name, value in facts.items()
    }
    if "leaves" in short:
        short["leaves"] = sum(len(leaves) for leaves in facts["leaves"].values())
    if "rows" in short:
        short["rows"] = len(facts["rows"])
    if "documents" in short:
        short["documents"] = len(facts["documents"])
    return "  ".join(f"{name}={value}" for name, value in short.items())


def verify(
    registry: RegistryDirectory,
    receipt: Annotated[
        list[Path] | None, typer.Option(help="A kept receipt: the log must begin with what it saw.")
    ] = None,
    key: PublicKey = None,
    as_json: Json = False,
) -> None:
    """Check every event, signature and receipt, and that nothing was taken out; exits 1 with what is wrong.

    Example: malmoi registry verify .malmoi/registry --receipt receipt.json
    """
    from pipelines.intake.registry import Registry
    from pipelines.intake.registry_check import check_registry

    opened = Registry.open(registry)
    receipts = [existing(path) for path in receipt or ()]
    findings = check_registry(opened, receipts=receipts, key=key)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(str(finding))
        events = len(opened.event_names())
        typer.echo(f"the log is whole: {events} events" if not findings else f"{len(findings)} findings")
    raise typer.Exit(1 if findings else 0)


def seal(registry: RegistryDirectory, at: At = None, key: KeyDirectory = None, as_json: Json = False) -> None:
    """Close the epoch: what was admitted since the seal before. Nothing to close is no error.

    Example: malmoi registry seal .malmoi/registry
    """
    from pipelines.intake.registry import Registry
    from pipelines.intake.registry_events import seal as seal_epoch

    event = seal_epoch(Registry.open(registry, key=key), at=moment(at))
    if as_json:
        print_json(None if event is None else dataclasses.asdict(event))
        return
    typer.echo("nothing was admitted since the last seal" if event is None else _line(event))


def withdraw(
    registry: RegistryDirectory,
    partner: Annotated[str, typer.Option(help="Whose drop it is.")],
    drop: Annotated[str, typer.Option(help="Its digest, or the first 8 digits or more.")],
    on: Annotated[str, typer.Option(metavar="DAY", help="The day of the partner's notice, 2026-01-31.")],
    at: At = None,
    key: KeyDirectory = None,
    as_json: Json = False,
) -> None:
    """Record that a partner takes a drop back; it takes effect after the contract's notice days.

    Example: malmoi registry withdraw .malmoi/registry --partner krafton --drop 0123abcd --on 2026-08-01
    """
    from pipelines.intake.registry import Registry
    from pipelines.intake.registry_events import withdraw as take_back

    opened = Registry.open(registry, key=key)
    event, new = take_back(opened, partner=partner, drop=drop, on=on, at=moment(at))
    recorded(event, new, as_json)


def key(
    registry: RegistryDirectory,
    role: Annotated[ReleaseRole, typer.Option(help="Whose approvals it signs.")],
    name: Annotated[str, typer.Option(help="Who holds it: name and office.")],
    public: Annotated[str, typer.Option(metavar="HEX", help="The public key ('malmoi key create').")],
    since: Annotated[str, typer.Option(metavar="DAY", help="From this day on (ISO).")],
    until: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="It approves nothing from this day on; said again later."),
    ] = None,
    signer: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="A private key of the role; of its first none is wanted."),
    ] = None,
    at: At = None,
    key: KeyDirectory = None,
    as_json: Json = False,
) -> None:
    """Record whose key approves builds as data lead or as counsel; from then on no other does.

    Name a second one to have when the first is lost: only a key of the role names another.

    Example: malmoi registry key .malmoi/registry --role counsel --name Lee --public HEX --since 2026-12-01
    """
    from pipelines.intake.registry import Registry
    from pipelines.intake.role_keys import name_key
    from pipelines.intake.signatures import SigningKey

    event, new = name_key(
        Registry.open(registry, key=key),
        role=role,
        name=name,
        key=public,
        since=since,
        until=until,
        signer=None if signer is None else SigningKey.read(existing(signer)),
        at=moment(at),
    )
    recorded(event, new, as_json)


def prove(
    registry: RegistryDirectory,
    since: Annotated[Path, typer.Option(metavar="RECEIPT", help="The receipt.json that a partner keeps.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File for the proof, JSON.")],
    key: KeyDirectory = None,
) -> None:
    """Write what shows a partner, without the log, that it only grew since and holds the drop.

    Example: malmoi registry prove .malmoi/registry --since receipt.json -o proof.json
    """
    from pipelines.intake.registry import Registry
    from pipelines.intake.registry_check import prove as make_proof
    from schemas.identity import canonical_json
    from schemas.receipt import read_receipt

    receipt = read_receipt(existing(since).read_bytes(), name=since.name)
    proof = make_proof(Registry.open(registry, key=key), receipt)
    output.write_bytes(canonical_json(proof) + b"\n")
    typer.echo(
        f"{output}: events {proof.first.size} to {proof.second.size}; "
        f"check it with 'malmoi verify --receipt {since} --proof {output} --key {proof.second.key}'"
    )


def forget(
    registry: RegistryDirectory,
    drop: Annotated[str, typer.Option(help="The whole digest of a drop that was taken back.")],
    on: Annotated[str, typer.Option(metavar="DAY", help="Today: the withdrawal must have taken effect.")],
    key: KeyDirectory = None,
) -> None:
    """Destroy the key of a withdrawn drop's leaves: what the log says of its documents can be read no more.

    Example: malmoi registry forget .malmoi/registry --drop 0123...cdef --on 2026-12-31
    """
    from pipelines.intake.registry import Registry, admitted
    from pipelines.intake.takedowns import forget_drop
    from schemas.days import checked_day
    from schemas.errors import UsageError

    opened, day = Registry.open(registry, key=key), checked_day(on)
    out = {d.drop for d in admitted(opened) if d.withdrawn_effective and d.withdrawn_effective <= day}
    if drop not in out:
        raise UsageError(
            "--drop: no such drop, or builds may still hold it: take it back first (malmoi registry withdraw)"
        )
    typer.echo("its key is destroyed" if forget_drop(opened, drop) else "it has no key (any more)")


def recorded(event: Event, new: bool, as_json: bool) -> None:
    """Print an event, and whether it is new."""
    if as_json:
        print_json({"new": new, "event": dataclasses.asdict(event)})
        return
    typer.echo(_line(event) if new else f"recorded before, nothing was added:\n{_line(event)}")
