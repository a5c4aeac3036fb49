"""drop.json read and written: canonical JSON, strict, signed by the partner where it is signed.

A drop is complete when its drop.json is there: it is written last, whole, by rename.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.intake.new_files import sync_directory
from pipelines.intake.signatures import SigningKey
from pipelines.intake.yaml_source import Address, did_you_mean, dotted
from schemas.days import is_day
from schemas.drop import DROP_JSON, DROP_VERSION, PART, DropManifest, DropSignature
from schemas.errors import InputUnreadable
from schemas.identity import canonical_json
from schemas.signatures import verify_signature

MAX_BYTES = 1 << 28  # 256 MiB: more than a million files
_MANIFEST = TypeAdapter(DropManifest)
_WRITE_AGAIN = "write it with 'malmoi prepare'"


def read_drop_json(path: Path) -> DropManifest:
    """What a sender says of a drop.

    Raises InputUnreadable with every fault, each by its field. Paths that leave the drop are no fault of
    the file: `pipelines.intake.drops` refuses them one by one.
    """
    if path.stat().st_size > MAX_BYTES:
        raise InputUnreadable(f"{DROP_JSON}: is larger than {MAX_BYTES:,} bytes: hand in several drops")
    try:
        document = json.loads(path.read_bytes(), object_pairs_hook=_once, parse_constant=_no_number)
        content = canonical_json(document)
    except (ValueError, RecursionError) as error:
        what = str(error) if isinstance(error, _Refused) else "is no JSON in UTF-8"
        raise InputUnreadable(f"{DROP_JSON}: {what}: {_WRITE_AGAIN}") from None
    if not isinstance(document, dict):
        raise InputUnreadable(f"{DROP_JSON}: is no JSON object: {_WRITE_AGAIN}")
    version = document.get("version")
    if "version" in document and (type(version) is not int or version != DROP_VERSION):
        raise InputUnreadable(
            f"{DROP_JSON}: version: this Malmoi reads version {DROP_VERSION} only: {_WRITE_AGAIN} "
            "of the same release, or update Malmoi"
        )
    try:
        manifest = _MANIFEST.validate_json(content, strict=True)
    except ValidationError as error:
        faults = list(_worded(error))
    else:
        faults = list(_faults(manifest))
        if not faults:
            return manifest
    raise InputUnreadable("\n".join(f"{DROP_JSON}: {fault}" for fault in sorted(faults)))


def write_drop_json(drop: Path, manifest: DropManifest, *, key: SigningKey | None = None) -> DropManifest:
    """Put drop.json into a drop whose files are all there; signed where a key is given. Returns it."""
    manifest = dataclasses.replace(manifest, signature=None)
    if key is not None:
        manifest = dataclasses.replace(
            manifest, signature=DropSignature(key.public, key.sign(signed_bytes(manifest)))
        )
    content = dict(_document(manifest))
    if manifest.signature is not None:
        content["signature"] = dataclasses.asdict(manifest.signature)
    temporary = drop / (DROP_JSON + PART)
    with temporary.open("wb") as file:
        file.write(canonical_json(content) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(drop / DROP_JSON)
    sync_directory(drop)
    return manifest


def signed_bytes(manifest: DropManifest) -> bytes:
    """What the signature is over: the canonical JSON of drop.json without it."""
    return canonical_json(_document(manifest))


def signature_holds(manifest: DropManifest) -> bool | None:
    """Whether the signature is of the key it names; None where there is none."""
    if manifest.signature is None:
        return None
    return verify_signature(
        key=manifest.signature.key,
        message=signed_bytes(manifest),
        signature=manifest.signature.signature,
    )


def _document(manifest: DropManifest) -> dict[str, Any]:
    content = dataclasses.asdict(manifest)
    del content["signature"]
    return content


class _Refused(ValueError):
    """A fault of the JSON that has words of its own."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
        raise _Refused(f"{twice[0][:40]!a} stands twice in one object")
    return document


def _no_number(name: str) -> Any:
    raise _Refused(f"{name} is no number of JSON")


def _worded(error: ValidationError) -> Iterator[str]:
    """Pydantic's findings by field, none of them with a value."""
    for found in error.errors(include_url=False, include_input=False):
        address: Address = found["loc"]
        field = dotted(address)
        match found["type"]:
            case "unexpected_keyword_argument" if address == ("rows",):
                yield f"rows: is of the drop.json before version {DROP_VERSION}: {_WRITE_AGAIN}"
            case "unexpected_keyword_argument":
                known = _fields(address[:-1])
                yield f"{field}: drop.json has no such field here: {did_you_mean(address[-1], known)}"
            case "missing" | "missing_argument":
                yield f"{field}: is missing: {_WRITE_AGAIN}"
            case _:
                message = found["msg"].split(",")[0]
                yield f"{field}: {message[:1].lower()}{message[1:]}: {_WRITE_AGAIN}"


def _fields(address: Address) -> list[str]:
    """The names an object of drop.json has, by where it stands."""
    names = {
        (): [field.name for field in dataclasses.fields(DropManifest)],
        ("contract",): ["version", "content_digest"],
        ("period",): ["first", "last"],
        ("files",): ["path", "bytes", "rows", "sha256"],
        ("signature",): ["key", "signature"],
    }
    return names.get(tuple(part for part in address if isinstance(part, str)), [])


def _faults(manifest: DropManifest) -> Iterator[str]:
    """What types cannot say."""
    if manifest.period is not None:
        days = (("first", manifest.period.first), ("last", manifest.period.last))
        for name, day in days:
            if not is_day(day):
                yield f"period.{name}: no such day: write it as 2026-01-31"
        if manifest.period.first > manifest.period.last:
            yield "period: ends before it begins: exchange first and last"
    counts = Counter(file.path for file in manifest.files)
    for index, file in enumerate(manifest.files):
        field = f"files[{index}].path"
        if not file.path or "\0" in file.path:
            yield f"{field}: is no path: name the file by its path inside the drop"
        elif file.path == DROP_JSON or file.path.endswith(PART):
            yield f"{field}: {DROP_JSON} and files that end in {PART} are not part of a drop: leave it out"
        elif counts[file.path] > 1:
            yield f"{field}: stands twice in the list: {_WRITE_AGAIN}"
