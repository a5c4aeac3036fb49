"""malmoi prove and sign: what shows a build, or one document of it, to whoever has not got it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.printing import BuildDirectory, Json, existing, print_json
from pipelines.lineage.finding import Finding
from schemas.errors import UsageError


def prove(
    build: BuildDirectory,
    doc: Annotated[str | None, typer.Option(help="A document id, 32 hexadecimal digits.")] = None,
    shard: Annotated[str | None, typer.Option(help="Instead of a document: a shard's name.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File for the proof, JSON; else it is printed.")
    ] = None,
) -> None:
    """Write a proof that a document was kept, dropped or never there, or that a shard is the build's.

    It holds ids and digests, no text; 'malmoi verify --proof FILE' checks it alone, without the build.
    Exit 0 whatever it shows.

    Example: malmoi prove build/example --doc 0123456789abcdef0123456789abcdef -o proof.json
    """
    from pipelines.lineage.prove import prove_document, prove_shard
    from schemas.proof import proof_bytes

    if (doc is None) == (shard is None):
        raise UsageError("prove wants --doc ID, or --shard NAME")
    proof = prove_document(build, doc) if doc is not None else prove_shard(build, str(shard))
    content = proof_bytes(proof)
    if output is None:
        sys.stdout.buffer.write(content)
        return
    output.write_bytes(content)
    says = f"shard {shard} is in it" if doc is None else f"document {doc} is {getattr(proof, 'says', '')}"
    typer.echo(f"{output}: {says}; check it with 'malmoi verify --proof {output} --root {proof.root}'")


def sign(
    build: BuildDirectory,
    key: Annotated[Path, typer.Option(help="The signer's private key, PEM: 'malmoi key create'.")],
    as_json: Json = False,
) -> None:
    """Sign a finished build: its manifest, and an in-toto statement with SLSA provenance (DSSE).

    Both lie in BUILD.signatures/, beside the build; 'malmoi verify BUILD --public-key FILE' checks them.

    Example: malmoi sign build/example --key signer.pem
    """
    from pipelines.intake.build_signatures import sign_build
    from pipelines.intake.signatures import SigningKey

    opened = SigningKey.read(existing(key))
    if opened.exposed:
        typer.echo(f"malmoi: warning: {key}: others may read it: chmod 600 {key}", err=True)
    paths = sign_build(build, opened)
    if as_json:
        print_json({"key": opened.public, "files": [str(path) for path in paths]})
        return
    for path in paths:
        typer.echo(str(path))


def check_proof(path: Path, *, root: str | None) -> tuple[tuple[Finding, ...], str]:
    """What is wrong with a proof, and the sentence for one that holds."""
    from pipelines.lineage.check_proof import check_build_proof, shown
    from schemas.proof import read_build_proof

    proof = read_build_proof(existing(path).read_bytes(), name=path.name)
    if findings := check_build_proof(proof, root=root):
        return findings, ""
    said = shown(proof)
    places = [f"shard {row['shard']} row {row['shard_row']}" for row in said.rows if row.get("shard")]
    reasons = sorted({f"{row['stage']}/{row['reason']}" for row in said.rows if row.get("stage")})
    what = {
        "present": f"shard {said.subject} is in the build",
        "absent": f"document {said.subject} is in no epoch of the build",
        "kept": f"document {said.subject} is in {', '.join(places)}",
        "dropped": f"document {said.subject} is in no shard; the ledger says {', '.join(reasons)}",
    }[said.says]
    known = "" if root is not None else "; --root HEX says whose root it must be"
    return (), f"{what} of root {said.root}{known}"


def check_root(build: Path, root: str) -> tuple[Finding, ...]:
    """A finding where a build has another root than the one given."""
    from schemas.manifest import read_manifest

    if read_manifest(build).root == root.strip().lower():
        return ()
    return (Finding("root", "manifest.json", "is of another root than the one given"),)
