"""Follow a document, a shard's row or a token back to its file, row, contract and decision.

Reads the manifest, the ledger and one page or two of a mapped shard.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import pyarrow as pa

from pipelines.lineage.ledger import find_document
from pipelines.lineage.verdicts import Verdict, counted_first, verdicts
from schemas.errors import BuildInconsistent, UsageError
from schemas.manifest import Manifest, ShardFacts, read_manifest

_HEX_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class OtherRow:
    """Another row of the same document id: the key was delivered again."""

    file: str
    row: int
    reason: str | None


@dataclass(frozen=True)
class Trace:
    """Where a document came from, what it stands under, and what became of it."""

    doc_id: str  # hexadecimal
    partner: str
    data_set: str
    kind: str
    drop: str  # the first 16 digits of its digest; its receipt is receipts/<partner>/<drop>.json
    epoch: int
    file: str  # path inside the drop
    file_sha256: str
    row: int
    contract_version: str
    contract_digest: str
    licence: str
    purposes: tuple[str, ...]
    attribution: str
    language: str | None
    decision: str  # kept or dropped
    stage: str | None
    reason: str | None
    detail: str | None
    duplicate_of: str | None  # hexadecimal
    similarity: float | None
    quality: float | None
    pii: dict[str, int]
    tokens: int
    shard: str | None
    shard_path: str | None
    shard_row: int | None
    stages: tuple[Verdict, ...]
    other_rows: tuple[OtherRow, ...]


def trace_document(build: Path, doc_id: str, *, manifest: Manifest | None = None) -> Trace:
    """The trace of a document id, 32 hexadecimal digits; of a repeated key, the row that counted.

    Raises UsageError for what is no id or not in the build, BuildInconsistent where the build's own parts
    contradict each other.
    """
    known = manifest or read_manifest(build)
    found = find_trace(build, known, document_id(doc_id))
    if found is None:
        raise UsageError(
            f"no document {document_id(doc_id).hex()} in this build: a row that was refused has none (see "
            "receipts/); else compare the partner, data set and key"
        )
    return found


def document_id(doc_id: str) -> bytes:
    """The 16 bytes of a document id in hexadecimal digits; UsageError for what is none."""
    wanted = doc_id.strip().lower()
    if not _HEX_ID.fullmatch(wanted):
        raise UsageError("a document id has 32 hexadecimal digits, as in the ledger: give it whole")
    return bytes.fromhex(wanted)


def trace_row(build: Path, shard_name: str, row: int, *, manifest: Manifest | None = None) -> Trace:
    """The trace of a row of a shard, counted from 0; UsageError for an unknown name or row."""
    known = manifest or read_manifest(build)
    shard = _shard(known, shard_name)
    if not shard.rows:
        raise UsageError(f"shard {shard.name} has no rows: name another one")
    if not 0 <= row < shard.rows:
        raise UsageError(f"shard {shard.name} has no row {row}: give one from 0 to {shard.rows - 1}")
    with MappedShard(build, shard) as batch:
        doc_id = batch["doc_id"][row].as_py()
    found = trace_document(build, doc_id.hex(), manifest=known)
    if (found.shard, found.shard_row) != (shard.name, row):
        raise BuildInconsistent(
            f"shard {shard.name} row {row} holds {doc_id.hex()}, which the ledger places elsewhere: "
            f"run `malmoi verify {build.name}`"
        )
    return found


def trace_token(build: Path, shard_name: str, offset: int, *, manifest: Manifest | None = None) -> Trace:
    """The trace of the document that a token of a shard belongs to; tokens are counted from 0."""
    known = manifest or read_manifest(build)
    shard = _shard(known, shard_name)
    if not shard.tokens:
        raise UsageError(f"shard {shard.name} has no tokens: name another one")
    if not 0 <= offset < shard.tokens:
        raise UsageError(f"shard {shard.name} has no token {offset}: give one from 0 to {shard.tokens - 1}")
    with MappedShard(build, shard) as batch:
        row = bisect_right(batch["input_ids"].offsets.to_numpy(), offset) - 1
    return trace_row(build, shard_name, int(row), manifest=known)


class MappedShard:
    """The record batch of a shard, memory mapped; BuildInconsistent where it cannot be read."""

    def __init__(self, build: Path, shard: ShardFacts) -> None:
        self._path = build / shard.path
        self._shard = shard
        self._build = build.name

    def __enter__(self) -> pa.RecordBatch:
        try:
            if self._path.stat().st_size != self._shard.bytes:
                raise pa.ArrowInvalid("size")
            self._source = pa.memory_map(str(self._path))
            batch = pa.ipc.open_stream(self._source).read_next_batch()
            batch.validate()
        except (OSError, StopIteration, pa.ArrowException) as error:
            raise BuildInconsistent(
                f"{self._shard.path} cannot be read ({type(error).__name__}): "
                f"run `malmoi verify {self._build}`"
            ) from None
        if len(batch) != self._shard.rows:
            raise BuildInconsistent(
                f"{self._shard.path} has {len(batch)} rows, the manifest says {self._shard.rows}: "
                f"run `malmoi verify {self._build}`"
            )
        return batch

    def __exit__(self, *_: object) -> None:
        self._source.close()


def _shard(manifest: Manifest, name: str) -> ShardFacts:
    by_name = {shard.name: shard for shard in manifest.shards}
    if name not in by_name:
        near = get_close_matches(name, by_name, n=3, cutoff=0.0)
        raise UsageError(f"no shard is called {name!r}: the nearest of {len(by_name)} are {', '.join(near)}")
    return by_name[name]


def find_trace(build: Path, manifest: Manifest, doc_id: bytes) -> Trace | None:
    """The trace of a document id, None where the build has none of it; raises as `trace_document` does."""
    rows = find_document(build, doc_id, manifest=manifest)
    if not rows:
        return None
    entry, *others = counted_first(rows)
    contract = next((c for c in manifest.contracts if c.partner == entry["partner"]), None)
    named = entry["partner"], entry["drop"]
    drop = next((d for d in manifest.drops if (d.partner, d.drop) == named), None)
    file = next((f for f in drop.files if f.path == entry["file"]), None) if drop else None
    shard = next((s for s in manifest.shards if s.name == entry["shard"]), None)
    if contract is None or drop is None or file is None or (shard is None) != (entry["shard"] is None):
        raise BuildInconsistent(
            f"document {doc_id.hex()}: the manifest lacks its contract, drop, file or shard: "
            f"run `malmoi verify {build.name}`"
        )
    return Trace(
        doc_id=doc_id.hex(),
        partner=entry["partner"],
        data_set=entry["data_set"],
        kind=entry["kind"],
        drop=drop.drop,
        epoch=drop.epoch,
        file=entry["file"],
        file_sha256=file.sha256,
        row=entry["row"],
        contract_version=contract.version,
        contract_digest=contract.digest,
        licence=contract.rights.licence,
        purposes=contract.rights.purposes,
        attribution=contract.rights.attribution,
        language=entry["language"],
        decision="kept" if entry["kept"] else "dropped",
        stage=entry["stage"],
        reason=entry["reason"],
        detail=entry["detail"],
        duplicate_of=None if entry["duplicate_of"] is None else entry["duplicate_of"].hex(),
        similarity=_short(entry["similarity"]),
        quality=_short(entry["quality"]),
        pii=entry["pii"],
        tokens=entry["tokens"],
        shard=entry["shard"],
        shard_path=None if shard is None else shard.path,
        shard_row=entry["shard_row"],
        stages=verdicts(entry),
        other_rows=tuple(OtherRow(other["file"], other["row"], other["reason"]) for other in others),
    )


def _short(value: float | None) -> float | None:
    """A float32 in the digits it has."""
    return None if value is None else round(value, 6)
