from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.lineage.trace import trace_document, trace_row, trace_token
from schemas.errors import BuildInconsistent, UsageError
from tests.lineage.small_build import documents


def test_every_row_of_every_shard_leads_to_the_document_that_lies_there(built):
    build, manifest = built
    by_id = {row["doc_id"].hex(): row for row in documents() if row["kept"]}
    seen = set()
    for shard in manifest.shards:
        with pa.memory_map(str(build / shard.path)) as source:
            lists = pa.ipc.open_stream(source).read_all()["input_ids"].to_pylist()
        for row in range(shard.rows):
            found = trace_row(build, shard.name, row)
            origin = by_id[found.doc_id]
            assert (found.partner, found.data_set, found.file, found.row) == (
                origin["partner"],
                origin["data_set"],
                origin["file"],
                origin["row"],
            )
            assert (found.shard, found.shard_row, found.tokens) == (shard.name, row, len(lists[row]))
            assert lists[row] == origin["input_ids"]
            assert (found.decision, found.reason) == ("kept", None)
            seen.add(found.doc_id)
    assert seen == set(by_id)


def test_a_document_and_its_row_have_the_same_trace(built):
    build, manifest = built
    by_row = trace_row(build, manifest.shards[0].name, 0)
    assert trace_document(build, by_row.doc_id.upper()) == by_row
    contract = next(c for c in manifest.contracts if c.partner == by_row.partner)
    assert (by_row.contract_version, by_row.contract_digest) == (contract.version, contract.digest)
    assert (by_row.licence, by_row.purposes) == (contract.rights.licence, contract.rights.purposes)
    assert by_row.file_sha256 == manifest.drops[0].files[0].sha256


def test_a_token_leads_to_the_document_it_is_part_of(built):
    build, manifest = built
    shard = manifest.shards[0]
    with pa.memory_map(str(build / shard.path)) as source:
        lengths = [len(ids) for ids in pa.ipc.open_stream(source).read_all()["input_ids"].to_pylist()]
    owners = [row for row, length in enumerate(lengths) for _ in range(length)]
    assert [trace_token(build, shard.name, offset).shard_row for offset in range(shard.tokens)] == owners


def test_a_dropped_document_names_stage_reason_winner_and_similarity(built):
    build, _ = built
    rows = documents()
    near = trace_document(build, rows[6]["doc_id"].hex())
    assert (near.decision, near.stage, near.reason) == ("dropped", "dedup", "near_duplicate")
    assert (near.duplicate_of, near.similarity) == (rows[1]["doc_id"].hex(), 0.9)
    assert (near.shard, near.shard_path, near.shard_row, near.tokens) == (None, None, None, 0)


def test_a_repeated_key_is_told_beside_the_row_that_counts(built):
    build, _ = built
    found = trace_document(build, documents()[0]["doc_id"].hex())
    assert (found.decision, found.row) == ("kept", 0)
    assert [(other.row, other.reason) for other in found.other_rows] == [(40, "repeated_key")]


@pytest.mark.parametrize("doc_id", ["", "abc", "g" * 32, "0" * 31, "0" * 32])
def test_what_is_no_id_of_the_build_is_a_usage_error(built, doc_id):
    with pytest.raises(UsageError):
        trace_document(built[0], doc_id)


def test_an_unknown_shard_row_or_token_is_told_what_there_is(built):
    build, manifest = built
    shard = manifest.shards[0]
    with pytest.raises(UsageError, match="0-train-00000"):
        trace_row(build, "0-trian-00000", 0)
    for row in (-1, shard.rows):
        with pytest.raises(UsageError, match=f"from 0 to {shard.rows - 1}"):
            trace_row(build, shard.name, row)
    for token in (-1, shard.tokens):
        with pytest.raises(UsageError, match=f"from 0 to {shard.tokens - 1}"):
            trace_token(build, shard.name, token)


@pytest.mark.parametrize("damage", ["gone", "cut", "rubbish"])
def test_a_damaged_shard_is_named_without_a_traceback(built, damage):
    build, manifest = built
    path = build / manifest.shards[0].path
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[:5000] if damage == "cut" else b"\0" * len(content))
    with pytest.raises(BuildInconsistent, match="malmoi verify"):
        trace_row(build, manifest.shards[0].name, 0)
