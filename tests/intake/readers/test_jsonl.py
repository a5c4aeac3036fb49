from __future__ import annotations

import csv
import gzip
import json
import tempfile
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake.drops import DropFile
from pipelines.intake.readers import read_split
from pipelines.intake.splits import plan_file
from schemas.contract import DataSet, Format, Kind, Limits, Role
from tests.intake.readers.reading import PLAIN, column, data_set, id_of, read

JSONL = data_set(Format.JSONL)


def line(key: str, text: str) -> bytes:
    return json.dumps({"id": key, "text": text}, ensure_ascii=False).encode()


LINES = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12).map(lambda text: line("k", text)),
    st.sampled_from(
        [b"", b" ", b"\t \r", b"[1]", b"{", b'{"id": "a"}', b'{"id": null, "text": "x"}', b"\xff\xfe", b"\0"]
    ),
    st.just(b'{"id": "long", "text": "' + b"x" * 60 + b'"}'),
    st.just(b" " * 70),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(LINES, max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.integers(1, 90))
def test_a_file_read_in_splits_is_the_file_read_whole(
    lines: list[bytes], newline: bytes, ended: bool, split_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "posts.jsonl")
        path.write_bytes(newline.join(lines) + (newline if ended else b""))
        whole = read(path, JSONL, limit=64)
        parts = read(path, JSONL, limit=64, split_bytes=split_bytes, batch_rows=3, batch_bytes=20)
    assert parts == whole
    rows = [row.rstrip(b"\r").strip() for row in newline.join(lines).split(b"\n")]
    assert whole.rows == sum(bool(row) for row in rows) or whole.reasons == [(-1, "empty_file")]


def test_compressed_lines_read_as_plain_ones(tmp_path: Path) -> None:
    body = b"\xef\xbb\xbf" + b"".join(line(f"k{i}", f"글 {i}") + b"\r\n\n" for i in range(2000))
    half = len(body) // 2
    (tmp_path / "a.jsonl").write_bytes(body)
    (tmp_path / "a.jsonl.gz").write_bytes(
        gzip.compress(body[:half]) + gzip.compress(body[half:]) + b"\0" * 512
    )
    zst = zstandard.ZstdCompressor()
    (tmp_path / "a.jsonl.zst").write_bytes(zst.compress(body[:half]) + zst.compress(body[half:]))
    plain = read(tmp_path / "a.jsonl", JSONL, split_bytes=1000)
    assert plain.rows == 2000
    assert plain.documents[7] == {"doc_id": id_of("k7"), "row": 7, "text": "글 7", "language": None}
    assert plain.bytes == len(body)
    assert read(tmp_path / "a.jsonl.gz", JSONL) == plain
    assert read(tmp_path / "a.jsonl.zst", JSONL) == plain


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_whole_rows_before_the_break_of_an_archive_are_documents(tmp_path: Path, ending: str) -> None:
    body = b"".join(line(f"k{i}", f"{i} " + str(hash((i, "글")))) + b"\n" for i in range(40_000))
    packed = gzip.compress(body) if ending == ".gz" else zstandard.ZstdCompressor().compress(body)
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(packed[: len(packed) // 2])
    cut = read(path, JSONL)
    assert 1000 < len(cut.documents) < 40_000
    assert cut.reasons == [(-1, "truncated")]
    whole = b"".join(body.splitlines(keepends=True)[: len(cut.documents)])
    assert cut.quarantine[0]["offset"] == len(whole)
    assert [document["row"] for document in cut.documents] == list(range(len(cut.documents)))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_an_archive_that_is_none_is_one_entry(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(line("k", "plain text under a false name"))
    assert read(path, JSONL).reasons == [(-1, "unreadable")]


@pytest.mark.parametrize(
    ("bad", "reason", "field"),
    [
        (b'{"id": "b", "text": "\xb1\xdb"}', "invalid_encoding", None),
        (b'{"id": "b", "text": "\\ud800"}', "invalid_encoding", None),
        (b'["id", "b"]', "not_an_object", None),
        (b'"text"', "not_an_object", None),
        (b'{"id": "b", "text": ', "invalid_json", None),
        (b'{"id": "b", "text": NaN}', "invalid_json", None),
        (b"[" * 5000, "invalid_json", None),
        (b'{"id": "b", "text": "\0"}', "invalid_json", None),
        (b'{"id": "b"}', "missing_column", "text"),
        (b'{"id": "b", "text": null}', "missing_value", "text"),
        (b'{"id": "", "text": "x"}', "missing_value", "id"),
        (b'{"id": "b", "text": 7}', "wrong_type", "text"),
        (b'{"id": true, "text": "x"}', "wrong_type", "id"),
    ],
)
def test_a_bad_line_goes_to_quarantine_and_its_neighbours_do_not(
    tmp_path: Path, bad: bytes, reason: str, field: str | None
) -> None:
    first = line("a", "앞")
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([first, bad, line("c", "뒤"), b""]))
    found = read(tmp_path / "a.jsonl", JSONL)
    assert found.texts == ["앞", "뒤"]
    assert found.quarantine[0]["field"] == field
    assert found.reasons == [(1, reason)]
    if field is None:
        assert found.quarantine[0]["offset"] == len(first) + 1


def test_an_escaped_nul_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "a", "text": "x\\u0000y"}\n')
    assert read(tmp_path / "a.jsonl", JSONL).texts == ["x\0y"]


def test_a_last_line_cut_off_is_told_from_one_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(line("a", "x") + b'\n{"id": "b", "te')
    assert read(tmp_path / "a.jsonl", JSONL).reasons == [(1, "truncated")]
    (tmp_path / "a.jsonl").write_bytes(line("a", "x") + b"\n" + line("b", "y"))
    assert read(tmp_path / "a.jsonl", JSONL).texts == ["x", "y"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf"])
def test_an_empty_file_is_one_entry(tmp_path: Path, name: str, body: bytes) -> None:
    pack = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
    (tmp_path / name).write_bytes(pack.get(Path(name).suffix, bytes)(body))
    assert read(tmp_path / name, JSONL).reasons == [(-1, "empty_file")]
    (tmp_path / name).write_bytes(b"")
    assert read(tmp_path / name, JSONL).reasons == [(-1, "empty_file")]


def test_lists_of_turns_join_and_versions_and_languages_are_read(tmp_path: Path) -> None:
    wanted = data_set(
        Format.JSONL,
        (
            column("no", Role.KEY, kind="integer"),
            column("revised", Role.VERSION, required=False),
            column("rev_date", Role.VERSION, required=False, kind="date"),
            column("lang", Role.LANGUAGE, required=False),
            column("title", Role.TEXT, required=False),
            column("turns.text", Role.TEXT),
        ),
    )
    rows = [
        {
            "no": 1,
            "revised": "2020-01-02",
            "lang": "KO-kr",
            "turns": [{"text": "하나"}, {"text": ""}, {"text": "둘"}],
        },
        {"no": 2, "rev_date": "2021-01-01", "lang": "한국어", "title": "제목", "turns": []},
        {"no": 3, "turns": None},
        {"no": 4, "turns": [{"text": 5}]},
        {"no": 5, "title": "", "turns": [{"role": "user"}]},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    found = read(tmp_path / "a.jsonl", wanted)
    assert found.texts == ["하나\n둘", "제목", ""]
    assert [d["language"] for d in found.documents] == ["ko", None, None]
    assert [d["doc_id"] for d in found.documents] == [
        id_of("1", "2020-01-02"),
        id_of("2", "2021-01-01"),
        id_of("5", ""),
    ]
    assert found.reasons == [(2, "missing_value"), (3, "wrong_type")]
    assert found.quarantine[1]["field"] == "turns.text"


def talk(file_format: Format = Format.JSONL, *, listed: tuple[str, ...] = (), **changes: object) -> DataSet:
    who = replace(column("turns.who", Role.SPEAKER, required=False), limits=Limits(enum=listed))
    columns = (column("id", Role.KEY), column("turns.text", Role.TEXT, required=False), who)
    return replace(data_set(file_format, columns), **{"kind": Kind.DIALOGUE, **changes})


SAID = [
    {"who": "봄", "text": "첫 줄\n둘째 줄"},
    {"who": "가을", "text": ""},
    {"who": "가을", "text": "그래😀"},
    {"text": "누가?"},
    None,
    {"who": "봄", "text": "나"},
]


def test_turns_are_known_where_they_are_still_apart(tmp_path: Path) -> None:
    rows = {"id": "1", "turns": SAID}, {"id": "2", "turns": 5}, {"id": "3"}
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read(tmp_path / "a.jsonl", talk(join=" / "))
    assert found.texts == ["첫 줄\n둘째 줄 / 그래😀 / 누가? / 나", ""]
    first, nobody = (document["turns"] for document in found.documents)
    data = found.texts[0].encode()
    assert [data[turn["start"] : turn["end"]].decode() for turn in first] == [
        said["text"] for said in SAID if said and said["text"]
    ]
    assert [turn["place"] for turn in first] == [0, 2, 3, 5]
    assert [turn["speaker"] for turn in first] == ["#1", "#2", None, "#1"]
    assert nobody == []
    listed = read(tmp_path / "a.jsonl", talk(listed=("가을", "봄"))).documents[0]["turns"]
    assert [turn["speaker"] for turn in listed] == ["봄", "가을", None, "봄"]
    assert "turns" not in read(tmp_path / "a.jsonl", talk(kind=Kind.DOCUMENT)).documents[0]


def test_all_formats_tell_the_same_turns(tmp_path: Path) -> None:
    rows = [{"id": str(number), "turns": SAID[number:]} for number in range(3)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    cells = [(row["id"], json.dumps(row["turns"])) for row in rows]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "turns"), *cells])
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    expected = read(tmp_path / "a.jsonl", talk()).documents
    assert read(tmp_path / "a.csv", talk(Format.CSV)).documents == expected
    assert read(tmp_path / "a.parquet", talk(Format.PARQUET)).documents == expected


def test_several_columns_of_a_dialogue_are_turns_in_every_format(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "ask": "무엇을\n할까?", "answer": "읽자"},
        {"id": "2", "ask": "", "answer": "혼잣말"},
        {"id": "3", "ask": None, "answer": "혼잣말"},
    ]
    texts = (column(name, Role.TEXT, required=False) for name in ("ask", "answer"))
    columns = (column("id", Role.KEY), *texts)
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    found = [
        read(tmp_path / f"a.{name}", replace(data_set(form, columns), kind=Kind.DIALOGUE)).documents
        for name, form in (("jsonl", Format.JSONL), ("parquet", Format.PARQUET))
    ]
    assert found[0] == found[1]
    places = [[(turn["start"], turn["place"]) for turn in document["turns"]] for document in found[0]]
    assert places == [[(0, 0), (len("무엇을\n할까?\n".encode()), 1)], [(0, 1)], [(0, 1)]]


@pytest.mark.parametrize(("over", "reasons"), [(0, []), (1, [(1, "row_too_long")])])
def test_the_line_end_does_not_count_towards_the_limit(
    tmp_path: Path, over: int, reasons: list[tuple[int, str]]
) -> None:
    limit = (1 << 20) + 10  # the CR comes in with the second piece
    text = "x" * (limit - len(line("a", "")) + over)
    (tmp_path / "a.jsonl").write_bytes(line("b", "y") + b"\r\n" + line("a", text) + b"\r\n")
    found = read(tmp_path / "a.jsonl", JSONL, limit=limit)
    assert found.reasons == reasons
    assert found.texts[0] == "y"
    assert len(found.texts) == 2 - over


def test_rows_without_a_key_are_named_by_file_and_row(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\n{"text": "x"}\n{"text": "x"}\n')
    wanted = data_set(Format.JSONL, PLAIN[1:])
    found = read(tmp_path / "a.jsonl", wanted)
    plan = plan_file(tmp_path, DropFile("posts", "a.jsonl"), wanted, partner="p", split_bytes=99)
    assert [d["doc_id"] for d in found.documents] == [id_of(plan.sha256, "0"), id_of(plan.sha256, "1")]


@pytest.mark.slow
def test_a_line_of_200_mb_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(line("a", "앞") + b'\n{"id": "b", "text": "')
        for _ in range(200):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n' + line("c", "뒤") + b"\n")
    plan = plan_file(tmp_path, DropFile("posts", path.name), JSONL, partner="p", split_bytes=16 << 20)
    # Once before counting: modules that are imported on first use are not what is measured here.
    assert len(list(read_split(tmp_path, plan.splits[0], JSONL, max_row_bytes=1 << 20))) > 0
    tracemalloc.start()
    batches = [b for s in plan.splits for b in read_split(tmp_path, s, JSONL, max_row_bytes=8 << 20)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [text for b in batches for text in b.documents["text"].to_pylist()] == ["앞", "뒤"]
    assert [e["reason"] for b in batches for e in b.quarantine.to_pylist()] == ["row_too_long"]
    assert peak < 24 << 20
