"""malmoi key and receipt: keys of people and sides, and their signatures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.printing import Json, existing, print_json
from schemas.receipt import Side


def create(
    file: Annotated[Path, typer.Argument(help="Where the private key goes: a new file, PEM.")],
    as_json: Json = False,
) -> None:
    """Make an Ed25519 key that only you can read, and print its public half.

    Example: malmoi key create signer.pem
    """
    from pipelines.intake.signatures import SigningKey

    key = SigningKey.create(file)
    if as_json:
        print_json({"file": str(file), "key": key.public})
        return
    typer.echo(key.public)


def sign(
    receipt: Annotated[Path, typer.Argument(help="The receipt.json.")],
    key: Annotated[Path, typer.Option(help="Your private key, PEM ('malmoi key create').")],
    role: Annotated[Side, typer.Option(help="For which side you sign.")],
    as_json: Json = False,
) -> None:
    """Sign a receipt; the signature goes into receipt.sig.json beside it, next to the other side's.

    Example: malmoi receipt sign receipt.json --key signer.pem --role partner
    """
    from pipelines.intake.receipt_signatures import sign_receipt, signatures_beside
    from pipelines.intake.signatures import SigningKey

    signer = SigningKey.read(key)
    signatures = sign_receipt(existing(receipt), signer, role=role)
    if as_json:
        print_json([{"role": one.role, "key": one.key} for one in signatures.signatures])
        return
    if signer.exposed:
        typer.echo(f"{key}: others on this machine may read it: chmod 600 {key}", err=True)
    for one in signatures.signatures:
        typer.echo(f"{one.role:>10}  {one.key}")
    typer.echo(str(signatures_beside(receipt)))
