from __future__ import annotations

import csv
import gzip
import io
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Format
from tests.intake.readers.reading import data_set, id_of, read

CSV = data_set(Format.CSV)
TEXTS = st.text(st.sampled_from('가각힣뷁 a1"",;\n\r\t|\\'), max_size=12)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(TEXTS, max_size=10),
    st.sampled_from(["utf-8", "utf-8-sig", "cp949", "euc-kr"]),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_wrote_is_read(
    texts: list[str], encoding: str, delimiter: str, newline: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "posts.csv")
        with path.open("w", encoding="cp949" if encoding == "euc-kr" else encoding, newline="") as file:
            # With a line end of LF, the minimal quoting leaves a lone CR bare, which is no CSV.
            quoting = csv.QUOTE_ALL if newline == "\n" else csv.QUOTE_MINIMAL
            writer = csv.writer(file, delimiter=delimiter, lineterminator=newline, quoting=quoting)
            writer.writerow(["text", "nick", "id"])
            writer.writerows([text, 'a"b', f"k{i}"] for i, text in enumerate(texts))
        wanted = data_set(Format.CSV, encoding=encoding, delimiter=delimiter)
        found = read(path, wanted, batch_rows=3)
        assert found == read(path, wanted, batch_bytes=7, limit=200)
    assert found.texts == texts
    assert found.reasons == []
    assert [d["doc_id"] for d in found.documents] == [id_of(f"k{i}") for i in range(len(texts))]


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from('ab",\n\r가'), max_size=60), st.integers(4, 20))
def test_no_bytes_make_the_reader_fail_or_depend_on_batches(body: str, limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "posts.csv")
        path.write_bytes(b"id,text\n" + body.encode())
        found = read(path, CSV, limit=limit)
        assert found == read(path, CSV, limit=limit, batch_rows=1, batch_bytes=1)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"b", "wrong_field_count"),
        (b"b,x,y", "wrong_field_count"),
        (b"b,\xff\xff", "invalid_encoding"),
        (b'b,"never closed', "broken_quotes"),
        (b'b,"closed" too early', "broken_quotes"),
        (b"b," + b"x" * 3000, "row_too_long"),
        (b",no key", "missing_value"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_bad_row_goes_to_quarantine_and_its_neighbours_do_not(
    tmp_path: Path, bad: bytes, reason: str, pack
) -> None:
    rows = [b"id,text", b"a,\xea\xb0\x80", bad, b'c,"x ""y"" z"', b"", b'd,"two', b'lines"', b"e,", b""]
    path = tmp_path / {"bytes": "a.csv", "compress": "a.csv.gz"}[pack.__name__]
    if pack not in (bytes, gzip.compress):
        path = tmp_path / "a.csv.zst"
    path.write_bytes(pack(b"\r\n".join(rows)))
    found = read(path, CSV, limit=2000)
    assert found.texts == ["가", 'x "y" z', "two\r\nlines", ""]
    assert found.reasons == [(1, reason)]
    assert [d["row"] for d in found.documents] == [0, 2, 3, 4]
    assert found.quarantine[0]["offset"] == (-1 if reason == "missing_value" else 16)


def test_a_stray_quote_does_not_swallow_the_rows_up_to_the_next_one(tmp_path: Path) -> None:
    rows = [f'{i},"열린' if i in (3, 7000) else f"{i},글 {i}" for i in range(9000)]
    (tmp_path / "a.csv").write_text("id,text\n" + "\n".join(rows) + "\n")
    found = read(tmp_path / "a.csv", CSV)
    assert found.reasons == [(3, "broken_quotes"), (7000, "broken_quotes")]
    assert len(found.documents) == 8998


def test_rows_of_a_hostile_file_are_given_up_in_linear_time(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n" + 'x","y\n' * 20_000)
    found = read(tmp_path / "a.csv", CSV, limit=5000)
    assert found.quarantine[-1]["reason"] == "unreadable"
    assert found.rows < 2000


def test_a_line_longer_than_the_limit_is_skipped(tmp_path: Path) -> None:
    body = io.BytesIO()
    body.write(b"id,text\na,x\nb,")
    body.write(b"y" * (5 << 20))
    body.write(b"\nc,z\n")
    (tmp_path / "a.csv").write_bytes(body.getvalue())
    found = read(tmp_path / "a.csv", CSV, limit=1 << 20)
    assert found.texts == ["x", "z"]
    assert found.reasons == [(1, "row_too_long")]
    assert found.quarantine[0]["offset"] == 12


def test_a_missing_column_is_told_of_every_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,content\na,x\nb,y\n")
    found = read(tmp_path / "a.csv", CSV)
    assert [(e["row"], e["reason"], e["field"]) for e in found.quarantine] == [
        (0, "missing_column", "text"),
        (1, "missing_column", "text"),
    ]


def test_whole_rows_before_the_break_of_an_archive_are_documents(tmp_path: Path) -> None:
    body = "id,text\n" + "".join(f'k{i},"글 {hash((i, i))}"\n' for i in range(20_000))
    packed = gzip.compress(body.encode())
    (tmp_path / "a.csv.gz").write_bytes(packed[: len(packed) // 2])
    found = read(tmp_path / "a.csv.gz", CSV)
    assert 1000 < len(found.documents) < 20_000
    assert found.reasons == [(-1, "truncated")]
    whole = "".join(body.splitlines(keepends=True)[: len(found.documents) + 1])
    assert found.quarantine[0]["offset"] == len(whole.encode())


@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf"])
def test_an_empty_file_is_one_entry_and_a_lone_header_none(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(body)
    assert read(tmp_path / "a.csv", CSV).reasons == [(-1, "empty_file")]
    (tmp_path / "a.csv").write_bytes(body + b"id,text\r\n")
    assert read(tmp_path / "a.csv", CSV).rows == 0
