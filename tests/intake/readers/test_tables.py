from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.contract import Format, Role
from tests.intake.readers.reading import column, data_set, id_of, read, table

PARQUET = data_set(Format.PARQUET)
ARROW = data_set(Format.ARROW)


def write_file(path: Path, rows: pa.Table, *, batch: int = 30) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=batch)


def write_stream(path: Path, rows: pa.Table, *, batch: int = 30) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=batch)


@pytest.mark.parametrize("split_bytes", [1, 1000, 1 << 30])
def test_splits_of_row_groups_and_record_batches_read_as_the_whole(tmp_path: Path, split_bytes: int) -> None:
    pq.write_table(table(), tmp_path / "a.parquet", row_group_size=30)
    write_file(tmp_path / "a.arrow", table())
    write_stream(tmp_path / "a.arrows", table())
    parquet = read(tmp_path / "a.parquet", PARQUET, split_bytes=split_bytes)
    assert parquet.texts == [f"글 {i}" for i in range(100)]
    assert [d["row"] for d in parquet.documents] == list(range(100))
    assert parquet.documents[99]["doc_id"] == id_of("k99")
    small = read(tmp_path / "a.parquet", PARQUET, batch_rows=7, batch_bytes=50)
    assert small.documents == parquet.documents
    for name in ("a.arrow", "a.arrows"):
        assert read(tmp_path / name, ARROW, split_bytes=split_bytes).documents == parquet.documents


def test_only_the_contracts_columns_are_read(tmp_path: Path) -> None:
    wide = table().append_column("secret", pa.array(["x" * 100_000] * 100))
    pq.write_table(wide, tmp_path / "a.parquet", use_dictionary=False)
    write_file(tmp_path / "a.arrow", wide)
    assert read(tmp_path / "a.parquet", PARQUET).bytes < 10_000
    assert read(tmp_path / "a.arrow", ARROW).bytes < 10_000


def test_a_parquet_file_cut_in_half_is_one_entry(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for part in (whole[: len(whole) // 2], whole[:-3], b"PAR1", b"text"):
        (tmp_path / "a.parquet").write_bytes(part)
        assert read(tmp_path / "a.parquet", PARQUET).reasons == [(-1, "unreadable")]


@pytest.mark.parametrize("split_bytes", [1, 1 << 30])
def test_a_broken_row_group_costs_its_own_rows(tmp_path: Path, split_bytes: int) -> None:
    pq.write_table(
        table(), tmp_path / "a.parquet", row_group_size=30, use_dictionary=False, compression="zstd"
    )
    place = pq.read_metadata(tmp_path / "a.parquet").row_group(1).column(1).data_page_offset
    body = bytearray((tmp_path / "a.parquet").read_bytes())
    body[place : place + 60] = b"\xff" * 60
    (tmp_path / "a.parquet").write_bytes(body)
    found = read(tmp_path / "a.parquet", PARQUET, split_bytes=split_bytes)
    assert found.reasons == [(-1, "unreadable")]
    assert [d["row"] for d in found.documents] == [*range(30), *range(60, 100)]


@pytest.mark.parametrize("write", [write_file, write_stream])
def test_record_batches_before_the_break_are_documents(tmp_path: Path, write) -> None:
    write(tmp_path / "a.arrow", table())
    whole = (tmp_path / "a.arrow").read_bytes()
    (tmp_path / "a.arrow").write_bytes(whole[: len(whole) * 6 // 10])
    found = read(tmp_path / "a.arrow", ARROW)
    assert found.reasons == [(-1, "truncated")]
    assert found.texts == [f"글 {i}" for i in range(60)]


def test_what_is_no_arrow_file_is_one_entry(tmp_path: Path) -> None:
    (tmp_path / "a.arrow").write_bytes(b"not at all, but long enough to be one")
    assert read(tmp_path / "a.arrow", ARROW).reasons == [(-1, "unreadable")]


@pytest.mark.parametrize(("kind", "name"), [(Format.PARQUET, "a.parquet"), (Format.ARROW, "a.arrow")])
def test_an_empty_file_is_one_entry_and_a_table_without_rows_none(
    tmp_path: Path, kind: Format, name: str
) -> None:
    (tmp_path / name).write_bytes(b"")
    assert read(tmp_path / name, data_set(kind)).reasons == [(-1, "empty_file")]
    rows = table(0)
    pq.write_table(rows, tmp_path / name) if kind is Format.PARQUET else write_file(tmp_path / name, rows)
    assert read(tmp_path / name, data_set(kind)).rows == 0


def test_a_missing_column_is_told_of_every_row(tmp_path: Path) -> None:
    pq.write_table(table(3).drop(["text"]), tmp_path / "a.parquet")
    write_file(tmp_path / "a.arrow", table(3).rename_columns(["no", "content"]))
    assert read(tmp_path / "a.parquet", PARQUET).reasons == [(i, "missing_column") for i in range(3)]
    found = read(tmp_path / "a.arrow", ARROW)
    assert found.reasons == [(i, "missing_column") for i in range(3)]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int8(), pa.string())]
)
def test_any_kind_of_string_column_is_text(tmp_path: Path, kind: pa.DataType) -> None:
    rows = pa.table(
        {"id": pa.array(["a", "b", "c"]).cast(kind), "text": pa.array(["가", None, ""]).cast(kind)}
    )
    write_file(tmp_path / "a.arrow", rows)
    found = read(tmp_path / "a.arrow", ARROW)
    assert found.texts == ["가", ""]
    assert found.reasons == [(1, "missing_value")]


def test_values_of_a_wrong_type_or_encoding_or_length_are_refused(tmp_path: Path) -> None:
    raw = pa.array([b"ok", b"\xff", b"x" * 200]).view(pa.string())
    pq.write_table(pa.table({"id": ["a", "b", "c"], "text": raw}), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", PARQUET, limit=100)
    assert found.reasons == [(1, "invalid_encoding"), (2, "row_too_long")]
    pq.write_table(pa.table({"id": ["a", "b"], "text": [1, 2]}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", PARQUET).reasons == [(0, "wrong_type"), (1, "wrong_type")]
    pq.write_table(pa.table({"id": [1, 2], "text": ["a", "b"]}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", PARQUET).reasons == [(0, "wrong_type"), (1, "wrong_type")]


def test_lists_dates_and_several_text_columns_are_read(tmp_path: Path) -> None:
    wanted = data_set(
        Format.PARQUET,
        (
            column("no", Role.KEY, kind="integer"),
            column("at", Role.VERSION, kind="timestamp"),
            column("title", Role.TEXT, required=False),
            column("turns.text", Role.TEXT),
        ),
    )
    rows = pa.table(
        {
            "no": [1, 2, 3],
            "at": pa.array([datetime.datetime(2020, 1, 2, 3)] * 3, pa.timestamp("ns")),
            "title": ["제목", "", None],
            "turns": [[{"text": "하나"}, {"text": "둘"}], [{"text": "x" * 60}], None],
        }
    )
    pq.write_table(rows, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", wanted, limit=50)
    assert found.texts == ["제목\n하나\n둘"]
    assert found.documents[0]["doc_id"] == id_of("1", "2020-01-02T03:00:00")
    assert found.reasons == [(1, "row_too_long"), (2, "missing_value")]
    plain = data_set(
        Format.PARQUET,
        (*wanted.columns[:2], column("title", Role.TEXT, required=False), column("more", Role.TEXT)),
    )
    pq.write_table(rows.append_column("more", pa.array(["a", "b", "c"])), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", plain).texts == ["제목\na", "b", "c"]
