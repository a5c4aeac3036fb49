"""Digests and document ids: what a thing is called, derived from what it is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

DIGEST_SIZE = 16  # bytes of a BLAKE2b-128 document id or exact fingerprint


def canonical_json(value: Any) -> bytes:
    """The one JSON of a value: sorted keys, no spaces, UTF-8; raises TypeError on the unknown.

    NaN and infinities raise ValueError: they have no JSON.
    """
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_plain,
    ).encode()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in an identity")


def fingerprint(value: Any) -> str:
    """BLAKE2b-256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.blake2b(canonical_json(value), digest_size=32).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal; reads in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def document_ids(*, partner: str, data_set: str, keys: Iterable[Sequence[str]]) -> list[bytes]:
    """One BLAKE2b-128 per key, 16 bytes each.

    A key is the contract's key column(s) (and version column), or (file digest, row number) where
    the contract has no key. Parts are length-prefixed, so no two keys share an encoding.
    """
    start = hashlib.blake2b(digest_size=DIGEST_SIZE)
    for part in (partner, data_set):
        encoded = part.encode()
        start.update(len(encoded).to_bytes(8, "little") + encoded)
    ids = []
    for key in keys:
        digest = start.copy()
        for part in key:
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
        ids.append(digest.digest())
    return ids
