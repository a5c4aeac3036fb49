"""Proofs of documents and shards: every one that is there, any that is not, none that was altered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.lineage.check_proof import check_build_proof, shown
from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.prove import prove_document, prove_shard
from pipelines.lineage.records import records
from schemas.content import RECORDS, content_leaves
from schemas.errors import BuildInconsistent, InputUnreadable, UsageError
from schemas.identity import canonical_json
from schemas.manifest import Manifest, manifest_bytes, read_manifest
from schemas.proof import proof_bytes, read_build_proof
from tests.lineage.small_build import documents, publish, write_build

Whole = tuple[Path, Manifest]


@pytest.fixture(scope="session")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A build of some leaves a ledger piece."""
    build = tmp_path_factory.mktemp("larger")
    return build, write_build(build, documents(100))


def by_hand(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, as its text says it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + by_hand(leaves[:half]) + by_hand(leaves[half:])).digest()


def test_the_roots_are_those_of_rfc_6962_over_records_and_facts(larger: Whole):
    build, manifest = larger
    for piece in manifest.segments[0].ledger:
        found = records(pq.read_table(build / piece.path))
        leaves = [found[at : at + RECORDS].tobytes() for at in range(0, len(found), RECORDS)]
        assert len(leaves) > 1
        assert by_hand(leaves).hex() == piece.root
    assert by_hand(list(content_leaves(manifest.segments))).hex() == manifest.root


def test_every_document_proves_what_the_ledger_says_of_it(larger: Whole):
    build, manifest = larger
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in read_ledger(build).to_pylist():
        rows.setdefault(row["doc_id"].hex(), []).append(row)
    for doc_id, expected in rows.items():
        proof = read_build_proof(proof_bytes(prove_document(build, doc_id)), name="proof")
        assert check_build_proof(proof, root=manifest.root) == ()
        found = shown(proof)
        assert found.says == ("kept" if any(row["kept"] for row in expected) else "dropped")
        names = ("shard", "shard_row", "tokens", "stage", "reason")
        said = [[row[name] for name in names] for row in found.rows]
        assert sorted(map(str, said)) == sorted(str([row[name] for name in names]) for row in expected)


@given(number=st.integers(0, 2**128 - 1))
@settings(deadline=None, max_examples=60)
def test_what_is_not_there_proves_absent(larger: Whole, number: int):
    build, manifest = larger
    proof = prove_document(build, f"{number:032x}")
    assert check_build_proof(proof, root=manifest.root) == ()
    assert shown(proof).says == "absent"


@pytest.mark.parametrize("beside", [-1, 1])
def test_the_numbers_beside_every_document_prove_absent(larger: Whole, beside: int):
    build, manifest = larger
    for row in read_ledger(build, ["doc_id"]).to_pylist()[::4]:
        number = (int(row["doc_id"].hex(), 16) + beside) % 2**128
        proof = prove_document(build, f"{number:032x}")
        assert (check_build_proof(proof, root=manifest.root), shown(proof).says) == ((), "absent")


def test_every_shard_proves_and_holds_no_other_name(larger: Whole):
    build, manifest = larger
    for shard in manifest.shards:
        proof = prove_shard(build, shard.name)
        assert check_build_proof(proof, root=manifest.root) == ()
        assert shown(proof).rows[0]["sha256"] == shard.sha256
        other = next(s.name for s in manifest.shards if s.name != shard.name)
        assert check_build_proof(replace(proof, shard=other))
    with pytest.raises(UsageError, match="malmoi stat"):
        prove_shard(build, "0-train-00009")


def _altered(value: Any) -> Iterator[Any]:
    """Every way of changing one place of a JSON value a little."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from ({**value, name: one} for one in _altered(inner))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from ([*value[:at], one, *value[at + 1 :]] for one in _altered(inner))
            yield [*value[:at], *value[at + 1 :]]
            yield [*value[: at + 1], inner, *value[at + 1 :]]
    elif isinstance(value, str):
        middle = len(value) // 2
        for at in {0, middle, len(value) - 1} & set(range(len(value))):
            digit = "1" if value[at] != "1" else "2"
            yield value[:at] + digit + value[at + 1 :]
        yield value[:-2]
    elif isinstance(value, int):
        yield value + 1


def test_no_proof_that_was_altered_holds(larger: Whole):
    build, manifest = larger
    some = read_ledger(build, ["doc_id"])["doc_id"][70].as_py().hex()
    for proof in (
        prove_document(build, some),
        prove_document(build, "7" * 32),
        prove_shard(build, manifest.shards[1].name),
    ):
        tried = 0
        for value in _altered(json.loads(proof_bytes(proof))):
            tried += 1
            try:
                altered = read_build_proof(canonical_json(value) + b"\n", name="proof")
            except InputUnreadable:
                continue
            if not check_build_proof(altered, root=manifest.root):
                # The gap between two neighbours shows every id in it: another one, but the truth.
                assert altered == replace(proof, document=altered.document)
                assert altered.says == prove_document(build, altered.document).says == "absent"
        assert tried > 40


def test_a_proof_for_one_document_proves_nothing_of_another(larger: Whole):
    build, manifest = larger
    ids = [row["doc_id"].hex() for row in read_ledger(build, ["doc_id"]).to_pylist()]
    for kept in ids[:20]:
        for says in ("absent", "dropped", "kept"):
            proof = replace(prove_document(build, "7" * 32), document=kept, says=says)
            assert check_build_proof(proof, root=manifest.root)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[" * 5000, b'{"kind":"document","kind":"shard"}', b'{"kind":1e999}', b"\xff", b"null"],
)
def test_what_is_no_proof_is_refused_with_a_sentence(content: bytes):
    with pytest.raises(InputUnreadable, match="is no proof"):
        read_build_proof(content, name="some.json")


def test_a_proof_holds_ids_and_numbers_alone(larger: Whole):
    build, _ = larger
    proof = json.loads(proof_bytes(prove_document(build, "7" * 32)))
    assert set(proof) == {"kind", "version", "root", "document", "says", "head", "pieces"}
    leaves = [json.loads(piece["piece"]["text"]) for piece in proof["pieces"]]
    assert all(set(leaf) == {"epoch", "split", "index", "of", "ledger"} for leaf in leaves)


def test_a_build_that_is_not_its_root_proves_nothing(larger: Whole, tmp_path: Path):
    build = tmp_path / "build"
    manifest = write_build(build)
    publish(build, replace(manifest, root="0" * 64))
    with pytest.raises(BuildInconsistent, match="root"):
        prove_document(build, "7" * 32)
    publish(build, manifest)
    path = build / manifest.segments[0].ledger[0].path
    table = pq.read_table(path)
    pq.write_table(
        table.set_column(16, table.schema.field("tokens"), pa.array([9] * len(table), pa.int32())), path
    )
    with pytest.raises(BuildInconsistent, match="verify"):
        prove_document(build, "0" * 32)


def test_a_manifest_is_read_as_it_was_written_or_not_at_all(tmp_path: Path):
    manifest = write_build(tmp_path / "build")
    path, content = tmp_path / "build" / "manifest.json", manifest_bytes(manifest)
    assert read_manifest(path.parent) == manifest
    rows = b'"rows":%d' % manifest.shards[0].rows
    assert rows in content
    for broken in (
        content.replace(rows, rows + b".0", 1),
        content.replace(rows, rows + b"," + rows, 1),
        content.replace(rows, b'"rows":-1', 1),
        content.replace(rows, b'"rows":NaN', 1),
        content.replace(rows, b'"rows":1e999', 1),
        content.replace(rows, b'"rows":' + b"9" * 5000, 1),
        content.replace(rows, b'"rows":"7"', 1),
        content.replace(b'"version":3', b'"version":true'),
        content.replace(b'"version":3', b'"version":4'),
        content.replace(b"segments/0/train", b"../gments/0/train", 1),
        content.replace(b"segments/0/train", b"/etc/nts/0/train", 1),
        content.replace(b"segments/0/train", b"segments/0\\u0000train", 1),
        content.rstrip(),
        b" " + content,
        b"[" * 100_000,
        b'{"version":3,"recipe":' + b'{"a":' * 900 + b"1" + b"}" * 900,
        b"[" + b"1," * 9_000_000 + b"1]",
    ):
        assert broken != content
        path.write_bytes(broken)
        with pytest.raises(BuildInconsistent, match="manifest"):
            read_manifest(path.parent)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(BuildInconsistent, match="plain file"):
        read_manifest(path.parent)
