"""Signatures of a build, beside it: the build's own directory has no room for a key.

BUILD.signatures/<first 16 digits of the key>.manifest.json   Ed25519 over `manifest_message`
BUILD.signatures/<first 16 digits of the key>.slsa.json       in-toto statement in a DSSE envelope, same key
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from pipelines.intake.new_files import replace_file
from pipelines.intake.signatures import SigningKey
from schemas.attestation import envelope, signed_message, statement
from schemas.content import content_root
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import canonical_json
from schemas.manifest import manifest_digest, read_manifest
from schemas.registry import RecordFinding
from schemas.signatures import verify_signature

_MOST_BYTES = 512 << 20


def manifest_message(*, manifest: str, root: str) -> bytes:
    """The bytes that a build's signature is over: SHA-256 of manifest.json, and the root."""
    return f"malmoi build 1\n{manifest}\n{root}".encode()


def sign_build(build: Path, key: SigningKey) -> tuple[Path, ...]:
    """Write both signatures; the same key signs a build once. Returns the files.

    Raises BuildInconsistent where the manifest is not what its digest or its root say.
    """
    manifest, digest = read_manifest(build), manifest_digest(build)
    said = (build / "manifest.sha256").read_bytes() if (build / "manifest.sha256").is_file() else b""
    if said != f"{digest}  manifest.json\n".encode() or content_root(manifest.segments) != manifest.root:
        raise BuildInconsistent(f"{build.name}: is damaged, so not signed: run `malmoi verify {build.name}`")
    paths = _beside(build, key.public)
    paths[0].parent.mkdir(exist_ok=True)
    signature = key.sign(manifest_message(manifest=digest, root=manifest.root))
    content = {"manifest": digest, "root": manifest.root, "key": key.public, "signature": signature}
    replace_file(paths[0], canonical_json(content) + b"\n")
    payload = canonical_json(statement(manifest, digest))
    signed = envelope(payload, key=key.public, signature=key.sign(signed_message(payload)))
    replace_file(paths[1], signed)
    return paths


def check_signed(build: Path, public_key: Path) -> tuple[RecordFinding, ...]:
    """Why a build is not signed by the key of a file (PEM or 64 hexadecimal digits); nothing if it is."""
    key = read_public_key(public_key)
    try:
        return tuple(_check(build, key))
    except BuildInconsistent as error:
        return (RecordFinding("signature", "manifest.json", str(error)),)


def read_public_key(path: Path) -> str:
    """A public key, hexadecimal. Raises UsageError where the file holds none."""
    try:
        with path.open("rb") as file:
            content = file.read(1 << 16).strip()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read (errno {error.errno}): check the path") from None
    try:
        if len(content) == 64:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(content.decode()))
            return content.decode().lower()
        found = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, Ed25519PublicKey):
        raise UsageError(
            f"{path}: is no Ed25519 public key: give its PEM, or the 64 digits of 'malmoi key create'"
        )
    return found.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def _check(build: Path, key: str) -> Iterator[RecordFinding]:
    manifest, digest = read_manifest(build), manifest_digest(build)
    plain, slsa = _beside(build, key)
    content = _read(plain)
    if content is None:
        yield RecordFinding("signature", plain.name, "is missing: the build is not signed by this key")
    else:
        said = _json(content)
        signature = said.get("signature") if isinstance(said, dict) else None
        message = manifest_message(manifest=digest, root=manifest.root)
        whole = {"manifest": digest, "root": manifest.root, "key": key, "signature": signature}
        if (
            not isinstance(signature, str)
            or content != canonical_json(whole) + b"\n"
            or not verify_signature(key=key, message=message, signature=signature)
        ):
            yield RecordFinding("signature", plain.name, "is no signature of this key over this manifest")
    content = _read(slsa)
    if content is None:
        yield RecordFinding("signature", slsa.name, "is missing")
        return
    payload = canonical_json(statement(manifest, digest))
    signature = _dsse_signature(content)
    if content != envelope(payload, key=key, signature=signature) or not verify_signature(
        key=key, message=signed_message(payload), signature=signature
    ):
        yield RecordFinding("signature", slsa.name, "is no statement of this key about this build")


def _beside(build: Path, key: str) -> tuple[Path, Path]:
    directory = build.resolve().with_name(build.resolve().name + ".signatures")
    return directory / f"{key[:16]}.manifest.json", directory / f"{key[:16]}.slsa.json"


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return None


def _json(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except ValueError:
        return None


def _dsse_signature(content: bytes) -> str:
    """The one signature of an envelope, hexadecimal; "" where it has none."""
    said = _json(content)
    try:
        (one,) = said["signatures"]  # type: ignore[index]
        return base64.b64decode(one["sig"], validate=True).hex()
    except (KeyError, TypeError, ValueError):
        return ""
