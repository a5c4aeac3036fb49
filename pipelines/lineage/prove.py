"""Proofs from a build: that a shard is in it, what became of a document, or that it never came.

Reads the manifest, and of the ledger the pieces that could hold the document: one of train and one of
validation in every epoch. `pipelines.lineage.check_proof` checks what is written here, from the root alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import pyarrow as pa

from pipelines.lineage.ledger import read_piece
from pipelines.lineage.records import RECORD_COLUMNS, Records, piece_leaves, records
from pipelines.lineage.trace import document_id
from schemas.content import RECORD, RECORDS, content_leaves, piece_places
from schemas.errors import BuildInconsistent, UsageError
from schemas.id_columns import span_of
from schemas.manifest import LedgerFacts, Manifest, read_manifest
from schemas.merkle import inclusion_proof, leaf_hash, root_of_hashes
from schemas.proof import DocumentProof, Leaf, Neighbours, Said, ShardProof


def prove_document(build: Path, doc_id: str) -> DocumentProof:
    """What became of a document id (32 hexadecimal digits), or that the build has none of it.

    Raises UsageError for what is no id, BuildInconsistent where the build is not what its root says.
    """
    return next(prove_documents(build, [document_id(doc_id)]))


def prove_documents(
    build: Path,
    ids: Iterable[bytes],
    *,
    manifest: Manifest | None = None,
    tables: Mapping[str, pa.Table] | None = None,
) -> Iterator[DocumentProof]:
    """`prove_document` of each id; the manifest, its tree and each ledger piece are read once, or given.

    `tables`: rows of ledger pieces that are known already, by the SHA-256 of their files. They too are held
    against the piece's root.
    """
    manifest = read_manifest(build) if manifest is None else manifest
    tree = _tree(build, content_leaves(manifest.segments), manifest.root)
    read = lru_cache(maxsize=2)(partial(_piece, build, tables or {}))  # one of train, one of validation
    for wanted in ids:
        yield _proof(read, manifest, tree, wanted)


def _proof(
    read: Callable[[LedgerFacts], tuple[Records, list[bytes]]],
    manifest: Manifest,
    tree: tuple[list[bytes], list[bytes]],
    wanted: bytes,
) -> DocumentProof:
    texts, hashes = tree
    pieces, outcomes = [], set()
    for at, epoch, index in piece_places(manifest.segments, wanted):
        first, shown, paths = _around(*read(manifest.segments[epoch].ledger[index]), wanted)
        pieces.append(
            Neighbours(_leaf(texts, hashes, at), first, tuple(one.tobytes().hex() for one in shown), paths)
        )
        outcomes |= {_outcome(one) for leaf in shown for one in leaf if one[:16].tobytes() == wanted}
    says: Said = "kept" if "kept" in outcomes else "dropped" if outcomes else "absent"
    return DocumentProof(
        "document", 1, manifest.root, wanted.hex(), says, _leaf(texts, hashes, 0), tuple(pieces)
    )


def prove_shard(build: Path, name: str) -> ShardProof:
    """That a shard is in the build, with its rows, tokens and digest; UsageError for an unknown name."""
    manifest = read_manifest(build)
    names = [shard.name for shard in manifest.shards]
    if name not in names:
        raise UsageError(f"no shard is called {name!r}: `malmoi stat {build.name}` names the {len(names)}")
    texts, hashes = _tree(build, content_leaves(manifest.segments), manifest.root)
    at = 1 + 2 * names.index(name)
    return ShardProof("shard", 1, manifest.root, name, _leaf(texts, hashes, 0), _leaf(texts, hashes, at))


def _tree(build: Path, leaves: Iterable[bytes], root: str) -> tuple[list[bytes], list[bytes]]:
    """The leaves and their hashes, if the manifest's root is over them."""
    texts = list(leaves)
    hashes = [leaf_hash(text) for text in texts]
    if root_of_hashes(hashes).hex() != root:
        raise BuildInconsistent(
            f"{build.name}: the manifest's root is not over its shards: run `malmoi verify {build.name}`"
        )
    return texts, hashes


def _leaf(texts: Sequence[bytes], hashes: Sequence[bytes], at: int) -> Leaf:
    return Leaf(texts[at].decode(), _path(hashes, at))


def _path(hashes: Sequence[bytes], at: int) -> tuple[str, ...]:
    return tuple(sibling.hex() for sibling in inclusion_proof(hashes, at))


def _piece(build: Path, tables: Mapping[str, pa.Table], facts: LedgerFacts) -> tuple[Records, list[bytes]]:
    """The records of a ledger piece and its leaves, if its root is over them."""
    try:
        rows = tables.get(facts.sha256)
        found = records(read_piece(build, facts, RECORD_COLUMNS) if rows is None else rows)
    except (ValueError, KeyError, BuildInconsistent, pa.ArrowException):
        raise _damaged(build, facts) from None
    hashes = piece_leaves(found)
    if root_of_hashes(hashes).hex() != facts.root or len(found) != facts.rows:
        raise _damaged(build, facts)
    return found, hashes


def _around(
    found: Records, hashes: list[bytes], doc_id: bytes
) -> tuple[int, list[Records], tuple[tuple[str, ...], ...]]:
    """The leaves of a piece that show a document's records, or that there are none: first, records, paths."""
    if not len(found):
        return 0, [], ()
    begin, end = span_of(found[:, :16], doc_id)
    first, last = max(begin - 1, 0) // RECORDS, min(end, len(found) - 1) // RECORDS
    shown = [found[at * RECORDS : (at + 1) * RECORDS] for at in range(first, last + 1)]
    return first, shown, tuple(_path(hashes, at) for at in range(first, last + 1))


def _damaged(build: Path, facts: LedgerFacts) -> BuildInconsistent:
    return BuildInconsistent(f"{facts.path}: is not what the manifest says: run `malmoi verify {build.name}`")


def _outcome(record: Records) -> str:
    return "dropped" if RECORD.unpack(record.tobytes())[1] < 0 else "kept"
