"""The certificate of a takedown: made of both builds as they lie there, and looked at again later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from pipelines.lineage.check_proof import check_build_proof
from pipelines.lineage.finding import Finding
from pipelines.lineage.ledger import read_ledger, read_piece
from pipelines.lineage.prove import prove_documents
from schemas.content import places
from schemas.documents import DOC_ID, LEDGER
from schemas.errors import BuildInconsistent, InputUnreadable
from schemas.identity import canonical_json, file_sha256
from schemas.manifest import Manifest, manifest_digest, read_manifest
from schemas.proof import DocumentProof, proof_bytes, read_build_proof
from schemas.shards import SHARD
from schemas.takedown import (
    CERTIFICATE_VERSION,
    Asked,
    BuildName,
    CameBack,
    Certificate,
    Gone,
    Place,
    ShardChange,
)

PROVEN = 16  # documents whose proofs a certificate holds (some 8 KB each); `malmoi prove` writes the others
_ROWS = ["doc_id", "partner", "data_set", "drop", "kept", "stage", "tokens", "shard"]


class Compared(NamedTuple):
    """Two builds side by side; parts that are the same file were not read."""

    parent: BuildName
    child: BuildName
    gone: tuple[Gone, ...]
    came_back: tuple[CameBack, ...]
    fell: tuple[str, ...]
    shards: tuple[ShardChange, ...]
    ledger: dict[str, str]


class Pair(NamedTuple):
    """Two builds as their directories say, and ledger pieces that were read before, by SHA-256."""

    parent: Path
    before: Manifest
    child: Path
    after: Manifest
    tables: Mapping[str, pa.Table]


def pair_of(parent: Path, child: Path) -> Pair:
    """Two finished builds, of which nothing was read yet."""
    return Pair(parent, read_manifest(parent), child, read_manifest(child), {})


def compare(pair: Pair) -> Compared:
    """What left the parent, what came back in the child, and the files that changed."""
    parent, before, child, after, tables = pair
    old, new = _differing(parent, before, after, tables), _differing(child, after, before, tables)
    was, stays = old.filter(old["kept"]), new.filter(new["kept"])
    gone, back = _not_in(was, stays["doc_id"]), _not_in(stays, was["doc_id"])
    lost = new["doc_id"].filter(pc.equal(new["stage"], "dedup"))
    fell = gone.filter(pl.Series(pc.is_in(pa.array(gone["doc_id"], DOC_ID), _whole(lost))))
    left = gone.join(fell, on="doc_id", how="anti")
    pieces = {p.shard.name: p.ledger for p in places(after.segments) if p.ledger is not None}
    digests = {piece.path: piece.sha256 for piece in pieces.values()}
    paths = [pieces[shard].path if shard in pieces else "" for shard in left["shard"]]
    proofs = [
        proof_bytes(one).decode()
        for one in prove_documents(child, left["doc_id"][:PROVEN], manifest=after, tables=tables)
    ]
    columns = ["doc_id", "partner", "data_set", "drop", "shard", "tokens"]
    return Compared(
        parent=_name(parent, before),
        child=_name(child, after),
        gone=tuple(
            Gone(doc_id.hex(), partner, data_set, drop, shard, tokens, path, proof)
            for (doc_id, partner, data_set, drop, shard, tokens), path, proof in zip_longest(
                left.select(columns).iter_rows(), paths, proofs
            )
        ),
        came_back=tuple(
            CameBack(doc_id.hex(), *facts)
            for doc_id, *facts in back.select("doc_id", "partner", "data_set", "shard", "tokens").iter_rows()
        ),
        fell=tuple(doc_id.hex() for doc_id in fell["doc_id"]),
        shards=tuple(_shards(before, after)),
        ledger={path: digests[path] for path in sorted(set(paths) & digests.keys())},
    )


def certify(
    compared: Compared,
    *,
    request: str,
    reason: str,
    scope: str,
    notice: str,
    deadline: str,
    on: str,
    asked: Sequence[Asked],
    unknown: Sequence[str],
    named: int,
    event: str | None,
    places: Sequence[Place],
) -> Certificate:
    """The certificate. named: how many documents of the parent the request came to."""
    return Certificate(
        version=CERTIFICATE_VERSION,
        request=request,
        reason=reason,
        scope=scope,
        notice=notice,
        deadline=deadline,
        on=on,
        asked=tuple(asked),
        unknown=tuple(unknown),
        dropped_before=max(0, named - len(compared.gone)),
        event=event,
        places=tuple(places),
        **compared._asdict(),
    )


def certificate_bytes(certificate: Certificate) -> bytes:
    """The bytes of certificate.json."""
    return canonical_json(certificate) + b"\n"


def read_certificate(path: Path) -> Certificate:
    """Raises InputUnreadable where the file is no certificate as it was written."""
    try:
        content = path.read_bytes()
        found = TypeAdapter(Certificate).validate_json(content)
    except (OSError, ValidationError):
        found = None
    if found is None or found.version != CERTIFICATE_VERSION or certificate_bytes(found) != content:
        raise InputUnreadable(
            f"{path.name}: is no certificate of version {CERTIFICATE_VERSION} as it was written: ask whoever "
            "wrote it for another copy"
        )
    return found


def check_certificate(
    certificate: Certificate, child: Path, *, root: Path | None = None
) -> tuple[Finding, ...]:
    """Look again: whether the build is the one that is named, and nobody in it who is said to have left.

    root: what the paths of erased places are relative to; the directory of the build where it is not given.
    """
    found = []
    for path in (*certificate.ledger, *(shard.path for shard in certificate.shards)):
        if path.startswith("/") or ".." in path.split("/"):
            return (_finding("paths", "a path leaves the build: none of ours does"),)
    manifest = read_manifest(child)
    if manifest_digest(child) != certificate.child.manifest:
        found.append(_finding("manifest.json", "is not of the build that the certificate names"))
    for path, sha256 in certificate.ledger.items():
        if not (child / path).is_file() or file_sha256(child / path) != sha256:
            found.append(_finding(path, "has other bytes than the certificate says"))
    for shard in certificate.shards:
        if not (child / shard.path).is_file() or file_sha256(child / shard.path) != shard.after:
            found.append(_finding(shard.path, "has other bytes than the certificate says"))
    found += _check_proofs(certificate, manifest.root)
    ids = pa.array([bytes.fromhex(one.doc_id) for one in certificate.gone], pa.binary(16))
    told = read_ledger(child, ["doc_id"], pc.field("kept") & pc.field("doc_id").isin(ids), manifest=manifest)
    found += [_finding(one.hex(), "is kept by the ledger") for one in told["doc_id"].to_pylist()]
    for shard_facts in manifest.shards:
        found += [
            _finding(shard_facts.name, f"holds {one.hex()}, which is said to have left")
            for one in _ids_in(child / shard_facts.path, ids)
        ]
    home = root or child.parent
    for place in certificate.places:
        lay = home / place.path
        there = lay.exists()
        if place.state == "erased" and place.sha256 is None and there:
            found.append(_finding(place.path, "is there, and is said to have been erased"))
        elif place.state == "erased" and place.sha256 and (not there or file_sha256(lay) != place.sha256):
            found.append(_finding(place.path, "is not what was left of it"))
    return tuple(found)


def _check_proofs(certificate: Certificate, root: str) -> Iterator[Finding]:
    for one in certificate.gone:
        if one.proof is None:
            continue
        try:
            proof = read_build_proof(one.proof.encode(), name=one.doc_id)
        except InputUnreadable:
            yield _finding(one.doc_id, "has a proof that cannot be read")
            continue
        if not isinstance(proof, DocumentProof) or proof.document != one.doc_id or proof.says == "kept":
            yield _finding(one.doc_id, "has a proof of something else")
        else:
            yield from check_build_proof(proof, root=root)


def _finding(where: str, message: str) -> Finding:
    return Finding("certificate", where, message)


def _ids_in(path: Path, ids: pa.Array) -> list[bytes]:
    """Those of some documents that a shard holds."""
    try:
        with pa.memory_map(str(path)) as source:
            batch = pa.ipc.open_stream(source).read_next_batch()
            if not batch.schema.equals(SHARD):
                raise pa.ArrowInvalid("no shard")
            return [one.as_py() for one in batch["doc_id"].filter(pc.is_in(batch["doc_id"], ids))]
    except (OSError, StopIteration, pa.ArrowException):
        raise BuildInconsistent(f"{path.name}: cannot be read: run `malmoi verify`") from None


def _differing(build: Path, own: Manifest, other: Manifest, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Ledger rows of the pieces that the other build has not."""
    theirs = {file.sha256 for segment in other.segments for file in segment.ledger}
    found = [LEDGER.empty_table().select(_ROWS)]
    for piece in (file for segment in own.segments for file in segment.ledger if file.sha256 not in theirs):
        known = tables.get(piece.sha256)
        found.append(read_piece(build, piece, _ROWS) if known is None else known.select(_ROWS))
    return pa.concat_tables(found)


def _not_in(rows: pa.Table, ids: pa.ChunkedArray) -> pl.DataFrame:
    """The rows of documents that are not among some, by document id."""
    there = pc.is_in(rows["doc_id"], _whole(ids))
    return pl.DataFrame(rows.filter(pc.invert(there))).sort("doc_id")


def _whole(ids: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], DOC_ID), *ids.chunks])


def _shards(before: Manifest, after: Manifest) -> list[ShardChange]:
    old = {shard.name: shard for shard in before.shards}
    return [
        ShardChange(
            name=shard.name,
            path=shard.path,
            before=was.sha256,
            after=shard.sha256,
            rows_before=was.rows,
            rows_after=shard.rows,
            tokens_before=was.tokens,
            tokens_after=shard.tokens,
        )
        for shard in after.shards
        if (was := old.get(shard.name)) is not None and was.sha256 != shard.sha256
    ]


def _name(build: Path, manifest: Manifest) -> BuildName:
    return BuildName(build.resolve().name, manifest.identity, manifest_digest(build))
