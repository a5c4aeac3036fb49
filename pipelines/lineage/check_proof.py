"""Check a proof of `malmoi prove` with nothing but itself and, where it is known, the build's root.

What makes it hold is the form of the tree (schemas.content): the head says how many shards every epoch has,
so where a document's rows must stand is known, and records are sorted by id, so neighbours show that none is
missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from pipelines.lineage.finding import Finding
from schemas.content import RECORD, RECORDS
from schemas.identity import canonical_json
from schemas.merkle import leaf_hash, root_of_hashes, verify_inclusion
from schemas.proof import BuildProof, DocumentProof, Leaf, Neighbours, ShardProof
from schemas.reasons import Reason, Stage
from schemas.shards import SPLITS, code_of, partition_at, shard_name


@dataclass(frozen=True)
class Shown:
    """What a proof shows: of a document every row of it, of a shard its facts."""

    subject: str
    says: str  # kept, dropped, absent; of a shard: present
    root: str
    rows: tuple[dict[str, Any], ...]


_DIGEST = re.compile(r"[0-9a-f]{64}")


class _Refused(Exception):
    """What is wrong with a proof."""


def check_build_proof(proof: BuildProof, *, root: str | None = None) -> tuple[Finding, ...]:
    """Why a proof does not hold, or nothing: then `shown` may be believed of the build with that root."""
    subject = proof.shard if isinstance(proof, ShardProof) else proof.document
    try:
        said = _shown(proof)
    except _Refused as refused:
        return (Finding("proof", subject[:80], str(refused)),)
    if root is not None and root.strip().lower() != proof.root:
        return (Finding("proof", subject[:80], "is of another root than the one given"),)
    if isinstance(proof, DocumentProof) and said.says != proof.says:
        message = f"shows a document that is {said.says}, and says {proof.says}"
        return (Finding("proof", subject[:80], message),)
    return ()


def shown(proof: BuildProof) -> Shown:
    """What a proof that holds shows; ValueError of one that does not."""
    try:
        return _shown(proof)
    except _Refused as refused:
        raise ValueError(str(refused)) from None


def _shown(proof: BuildProof) -> Shown:
    head = _head(proof)
    if isinstance(proof, ShardProof):
        return _shard(proof, head)
    rows = tuple(_rows(proof, head))
    says = "kept" if any(row["shard"] for row in rows) else "dropped" if rows else "absent"
    return Shown(proof.document, says, proof.root, rows)


@dataclass(frozen=True)
class _Head:
    """How many shards every epoch has: (epoch, train, validation)."""

    epochs: tuple[tuple[int, int, int], ...]

    @property
    def leaves(self) -> int:
        return 1 + 2 * sum(train + validation for _, train, validation in self.epochs)

    def pieces(self) -> Iterator[tuple[int, int, str, int]]:
        """(leaf before the first of the group, epoch, split, shards) of every group that has shards."""
        leaf = 1
        for epoch, *counts in self.epochs:
            for split, count in zip(SPLITS, counts, strict=True):
                if count:
                    yield leaf, epoch, split, count
                leaf += 2 * count


def _head(proof: BuildProof) -> _Head:
    said = _read(proof.head)
    epochs = said.get("epochs")
    if said.get("content") != 1 or said.get("records") != RECORDS or not isinstance(epochs, list):
        raise _Refused("its head is none of this version")
    counts = []
    for one in epochs:
        found = [one.get(name) for name in ("epoch", *SPLITS)] if isinstance(one, dict) else []
        numbers = [n for n in found if type(n) is int and 0 <= n < 1 << 40]
        if len(numbers) != 3:
            raise _Refused("its head counts no shards")
        counts.append((numbers[0], numbers[1], numbers[2]))
    head = _Head(tuple(counts))
    _included(proof.head, 0, head.leaves, proof.root)
    return head


def _shard(proof: ShardProof, head: _Head) -> Shown:
    said = _read(proof.leaf)
    for first, epoch, split, count in head.pieces():
        index = said.get("index")
        if (said.get("epoch"), said.get("split"), said.get("of")) != (epoch, split, count):
            continue
        if type(index) is not int or not 0 <= index < count:
            break
        facts = said.get("shard")
        if not isinstance(facts, dict) or facts.get("name") != proof.shard:
            break
        if facts["name"] != shard_name(epoch=epoch, split=split, index=index):
            break
        _included(proof.leaf, first + 2 * index, head.leaves, proof.root)
        return Shown(proof.shard, "present", proof.root, (facts,))
    raise _Refused("shows no shard of that name")


def _rows(proof: DocumentProof, head: _Head) -> Iterator[dict[str, Any]]:
    """Every row of the document; each group of every epoch must be shown where the document belongs."""
    doc_id, pieces = bytes.fromhex(proof.document), iter(proof.pieces)
    for first, epoch, split, count in head.pieces():
        shown = next(pieces, None)
        if shown is None:
            raise _Refused("does not show every epoch")
        index = partition_at(doc_id, count)
        said = _read(shown.piece)
        where = (said.get("epoch"), said.get("split"), said.get("index"), said.get("of"))
        if where != (epoch, split, index, count) or not isinstance(said.get("ledger"), dict):
            raise _Refused(f"shows another ledger piece than {split} {index} of epoch {epoch}")
        _included(shown.piece, first + 2 * index + 1, head.leaves, proof.root)
        for record in _records(shown, said["ledger"], doc_id):
            _, row, tokens, why, partner = RECORD.unpack(record)
            yield {
                "epoch": epoch,
                "shard": shard_name(epoch=epoch, split=split, index=index) if row >= 0 else None,
                "shard_row": row if row >= 0 else None,
                "tokens": tokens,
                "stage": None if row >= 0 else _WHY.get(why, (None, None))[0],
                "reason": None if row >= 0 else _WHY.get(why, (None, None))[1],
                "contract_code": partner,
            }
    if next(pieces, None) is not None:
        raise _Refused("shows more than the epochs of its head")


def _records(shown: Neighbours, ledger: dict[str, Any], doc_id: bytes) -> list[bytes]:
    """The document's records in a piece, once its neighbours show that these are all."""
    rows, root = ledger.get("rows"), ledger.get("root")
    if type(rows) is not int or rows < 0 or not (isinstance(root, str) and _DIGEST.fullmatch(root)):
        raise _Refused("shows a ledger piece without rows or root")
    leaves = -(-rows // RECORDS)
    if not rows:
        if shown.records or root != root_of_hashes(()).hex():
            raise _Refused("shows records of an empty piece")
        return []
    if not shown.records or len(shown.records) != len(shown.paths):
        raise _Refused("shows no records of a piece that has some")
    found: list[bytes] = []
    for at, (text, path) in enumerate(zip(shown.records, shown.paths, strict=True), shown.first):
        leaf = bytes.fromhex(text)
        if len(leaf) != RECORD.size * min(RECORDS, rows - RECORDS * at):
            raise _Refused("shows a leaf of another length")
        proven = verify_inclusion(
            leaf=leaf_hash(leaf),
            index=at,
            size=leaves,
            proof=[bytes.fromhex(one) for one in path],
            root=bytes.fromhex(root),
        )
        if not proven:
            raise _Refused("shows records that are not under its root")
        found += [leaf[i : i + RECORD.size] for i in range(0, len(leaf), RECORD.size)]
    ids = [record[:16] for record in found]
    if ids != sorted(ids):
        raise _Refused("shows records that are not in order")
    reaches_back = shown.first == 0 or ids[0] < doc_id
    if not (reaches_back and (shown.first + len(shown.records) == leaves or ids[-1] > doc_id)):
        raise _Refused("leaves out where the document would stand")
    return [record for record in found if record[:16] == doc_id]


def _read(leaf: Leaf) -> dict[str, Any]:
    try:
        said = orjson.loads(leaf.text)
        if isinstance(said, dict) and canonical_json(said).decode() == leaf.text:
            return said
    except (ValueError, TypeError):
        pass
    raise _Refused("has a leaf that is no canonical JSON")


def _included(leaf: Leaf, index: int, size: int, root: str) -> None:
    proof = [bytes.fromhex(sibling) for sibling in leaf.path]
    hashed = leaf_hash(leaf.text.encode())
    if not verify_inclusion(leaf=hashed, index=index, size=size, proof=proof, root=bytes.fromhex(root)):
        raise _Refused("has a leaf that is not under the root")


_WHY = {
    code_of(f"{stage.value}/{reason.value}"): (stage.value, reason.value)
    for stage in Stage
    for reason in Reason
}
