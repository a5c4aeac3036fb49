from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.lineage.ledger import balance, find_document, read_ledger, write_ledger
from schemas.documents import LEDGER
from schemas.errors import BuildInconsistent
from schemas.identity import file_sha256
from tests.lineage.small_build import documents


def ledger_table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist([{n: row[n] for n in LEDGER.names} for row in rows], LEDGER)


def test_the_same_rows_in_any_order_give_the_same_bytes(tmp_path):
    rows = documents(20)
    turned = [row | {"pii": row["pii"][::-1]} for row in reversed(rows)]
    chunked = pa.concat_tables([ledger_table(turned[:9]), ledger_table(turned[9:])])
    first = write_ledger(tmp_path / "a.parquet", ledger_table(rows))
    assert write_ledger(tmp_path / "b.parquet", chunked) == first
    assert (first.bytes, first.sha256) == (
        (tmp_path / "a.parquet").stat().st_size,
        file_sha256(tmp_path / "a.parquet"),
    )
    read = pq.read_table(tmp_path / "b.parquet")
    assert read.schema.equals(LEDGER)
    order = [(row["doc_id"], row["file"], row["row"]) for row in read.to_pylist()]
    assert order == sorted((row["doc_id"], row["file"], row["row"]) for row in rows)


def test_classes_of_personal_data_are_sorted_and_nulls_stay(tmp_path):
    rows = documents(3)[:3]
    rows[0]["pii"], rows[1]["pii"], rows[2]["pii"] = [("B", 1), ("A", 2), ("C", 3)], None, []
    write_ledger(tmp_path / "a", ledger_table(rows))
    found = {row["doc_id"]: row["pii"] for row in pq.read_table(tmp_path / "a").to_pylist()}
    assert [found[row["doc_id"]] for row in rows] == [[("A", 2), ("B", 1), ("C", 3)], None, []]


def test_an_empty_part_is_written_and_read(tmp_path):
    write_ledger(tmp_path / "a", LEDGER.empty_table())
    assert pq.read_table(tmp_path / "a").schema.equals(LEDGER)


def test_other_columns_are_refused_and_nothing_is_left_behind(tmp_path):
    with pytest.raises(BuildInconsistent):
        write_ledger(tmp_path / "a", LEDGER.empty_table().drop_columns(["tokens"]))
    assert list(tmp_path.iterdir()) == []


def test_all_parts_are_read_by_column_and_by_condition(built):
    build, manifest = built
    assert len(read_ledger(build)) == len(documents())
    kept = read_ledger(build, ["tokens"], pc.field("kept"))
    assert kept.column_names == ["tokens"]
    assert pc.sum(kept["tokens"]).as_py() == sum(shard.tokens for shard in manifest.shards)


def test_a_document_is_found_by_its_id_with_every_row_it_has(built):
    build, _ = built
    rows = documents()
    repeated, once = rows[0]["doc_id"], rows[1]["doc_id"]
    assert sorted(row["row"] for row in find_document(build, repeated)) == [0, 40]
    (found,) = find_document(build, once)
    assert (found["partner"], found["row"], found["pii"]) == ("a_dot", 1, {})
    assert find_document(build, bytes(16)) == []


def test_the_balance_is_counted_from_the_ledger_alone(built):
    build, manifest = built
    counted = {(b.partner, b.data_set): b for b in balance(build)}
    assert len(counted) == len(manifest.data_sets)
    for facts in manifest.data_sets:
        found = counted[facts.partner, facts.data_set]
        assert (found.documents, found.kept, found.tokens) == (facts.documents, facts.kept, facts.tokens)
        assert (found.dropped, found.pii) == (facts.dropped, facts.pii)


def test_a_ledger_that_is_no_parquet_is_named_without_a_traceback(built):
    build, manifest = built
    (build / manifest.segments[0].ledger[0].path).write_bytes(b"PAR1 no more")
    with pytest.raises(BuildInconsistent, match="malmoi verify"):
        read_ledger(build)
