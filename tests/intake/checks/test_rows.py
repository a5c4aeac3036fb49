"""Every fault of every row, with its place, in every format."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines.intake.checks import check_file
from pipelines.intake.drops import DropFile
from schemas.errors import InputUnreadable, UsageError
from tests.intake.checks.checking import Checking, Format, Policy, Role, check, col, data_set, file_of

POSTS = (
    col("id", role=Role.KEY, required=True, pattern="[a-z]+[0-9]+"),
    col("text", role=Role.TEXT, required=True, min_length=2),
    col("stars", "integer", minimum=1, maximum=5, multiple_of=2),
    col("day", "date"),
)
ROWS: list[dict[str, Any]] = [
    {"id": "a1", "text": "좋아요", "stars": 4, "day": "2024-02-29"},
    {"id": "A", "text": "x", "stars": 9, "day": "2024-02-30"},
    {"id": None, "text": "둘째", "stars": None, "day": None},
    {"id": "a4", "text": "넷째", "stars": 2, "day": "2024-01-01"},
]
TOLD = [
    (1, "day", "format", "invalid_date"),
    (1, "id", "pattern", "pattern_mismatch"),
    (1, "stars", "maximum", "out_of_range"),
    (1, "stars", "multipleOf", "invalid_value"),
    (1, "text", "minLength", "wrong_length"),
    (2, "id", "required", "missing_value"),
]


def jsonl(rows: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(row, ensure_ascii=False).encode() for row in rows]


def write(folder: Path, form: str, rows: list[dict[str, Any]]) -> tuple[Path, Format]:
    if form == "csv.gz":
        lines = [",".join("" if row[name] is None else str(row[name]) for name in row) for row in rows]
        body = "\n".join([",".join(rows[0]), *lines]) + "\n"
        path = folder / "posts.csv.gz"
        path.write_bytes(gzip.compress(body.encode()))
        return path, Format.CSV
    if form in ("parquet", "arrow"):
        table, path = pa.Table.from_pylist(rows), folder / f"posts.{form}"
        if form == "parquet":
            pq.write_table(table, path)
            return path, Format.PARQUET
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        return path, Format.ARROW
    body = b"".join(line + b"\n" for line in jsonl(rows))
    packed = {
        "jsonl": body,
        "jsonl.gz": gzip.compress(body),
        "jsonl.zst": zstandard.ZstdCompressor().compress(body),
    }
    path = folder / f"posts.{form}"
    path.write_bytes(packed[form])
    return path, Format.JSONL


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "jsonl.zst", "csv.gz", "parquet", "arrow"])
def test_every_fault_of_every_row_is_told_in_every_format(tmp_path: Path, form: str) -> None:
    path, file_format = write(tmp_path, form, ROWS)
    found = check(path, data_set(file_format, POSTS))
    assert found.told == TOLD
    assert found.rows == 4
    assert found.table == [
        {"row": 0, "id": "a1", "text": "좋아요", "stars": 4, "day": "2024-02-29"},
        {"row": 1, "id": None, "text": None, "stars": None, "day": None},
        {"row": 2, "id": None, "text": "둘째", "stars": None, "day": None},
        {"row": 3, "id": "a4", "text": "넷째", "stars": 2, "day": "2024-01-01"},
    ]
    assert found.batches[-1].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_fault_has_its_line_and_its_byte(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"id":"a1","text":"ab"}',
        b"",
        b'{"id":"A","text":"ab"}',
        b"not json",
        b'{"id":1,"text":"ab"}',
    ]
    found = check(file_of(tmp_path, lines), data_set(Format.JSONL, POSTS))
    starts = [sum(len(line) + 1 for line in lines[:i]) for i in range(5)]
    assert found.places == [(1, 3, starts[2]), (2, 4, starts[3]), (3, 5, starts[4])]
    assert [reason for *_, reason in found.told] == ["pattern_mismatch", "invalid_json", "wrong_type"]


def test_a_csv_row_over_lines_has_its_first_line(tmp_path: Path) -> None:
    body = 'id,text\na1,"one\ntwo"\n\nA,"three\n\nfour"\na3,x,y\nb,"open\n'
    path = tmp_path / "posts.csv"
    path.write_bytes(body.encode())
    found = check(path, data_set(Format.CSV, POSTS[:2]))
    place = {
        name: (body[:at].count("\n") + 1, at)
        for name, at in (("A", body.index("A,")), ("a3", body.index("a3,")))
    }
    assert found.places[:2] == [(1, *place["A"]), (2, *place["a3"])]
    assert found.told[1][3] == "wrong_field_count"
    assert found.told[2][3] == "broken_quotes"


def test_a_column_that_is_not_there_and_a_value_that_is_not_there_are_two_things(tmp_path: Path) -> None:
    rows = jsonl([{"id": "a1"}, {"id": "a2", "text": None}, {"text": "ab", "id": ""}])
    found = check(file_of(tmp_path, rows), data_set(Format.JSONL, POSTS))
    assert found.told == [
        (0, "text", "required", "missing_column"),
        (1, "text", "required", "missing_value"),
        (2, "id", "pattern", "pattern_mismatch"),
        (2, "id", "required", "missing_value"),
    ]
    (tmp_path / "p.csv").write_text("id\na1\na2\n")
    assert [told[3] for told in check(tmp_path / "p.csv", data_set(Format.CSV, POSTS)).told] == [
        "missing_column"
    ] * 2


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["", "1"], [1, True, [], {}, 1.5]),
        ("integer", [0, -5, 2**62], [1.0, "1", True, 2**64, 2**63, 1e3]),
        ("number", [0, -1.5, 1e-7], ["1", False, None.__class__.__name__]),
        ("boolean", [True, False], [0, "true"]),
        ("date", ["2024-01-01"], [20240101, True]),
        ("array", [[], [1, "a"]], [{}, "[]", 1]),
        ("object", [{}, {"a": [1]}], [[], "{}", 1]),
    ],
)
def test_types_of_json(tmp_path: Path, kind: str, good: list[Any], bad: list[Any]) -> None:
    wanted = data_set(Format.JSONL, (*POSTS[:2], col("v", kind)))
    rows = [{"id": f"a{i}", "text": "ab", "v": value} for i, value in enumerate([*good, None, *bad])]
    found = check(file_of(tmp_path, jsonl(rows)), wanted)
    first = len(good) + 1
    assert found.told == [(row, "v", "type", "wrong_type") for row in range(first, first + len(bad))]


def test_types_of_csv_are_read_from_text(tmp_path: Path) -> None:
    columns = (
        POSTS[0],
        POSTS[1],
        col("n", "integer"),
        col("x", "number"),
        col("b", "boolean"),
        col("l", "array"),
    )
    body = "id,text,n,x,b,l\na1,ab,007,-1.5e3,TRUE,[1]\na2,ab,1.0,1e,yes,x\na3,ab,9999999999999999999,,,\n"
    (tmp_path / "posts.csv").write_text(body)
    found = check(tmp_path / "posts.csv", data_set(Format.CSV, columns))
    assert [(row, field) for row, field, *_ in found.told] == [
        (1, "b"),
        (1, "l"),
        (1, "n"),
        (1, "x"),
        (2, "n"),
    ]
    assert found.table[0] == {"row": 0, "id": "a1", "text": "ab", "n": 7, "x": -1500.0, "b": True, "l": "[1]"}


NESTED = (
    POSTS[0],
    col("turns.text", role=Role.TEXT, required=True, min_length=2),
    col("turns.by", enum=("user", "model")),
    col("turns.nick", policy=Policy.FORBID),
)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_columns_inside_lists_of_objects(tmp_path: Path, form: str) -> None:
    def turn(text: Any, by: str | None = "user", nick: str | None = None) -> dict[str, Any]:
        return {"text": text, "by": by, "nick": nick}

    turns = [
        [turn("hello"), turn("그래", "model")],
        [turn("x", "bot")],
        None,
        [],
        [turn(None, nick="N")],
        [turn("ok"), turn("y"), turn("z")],
    ]
    path, file_format = write(tmp_path, form, [{"id": f"a{i}", "turns": one} for i, one in enumerate(turns)])
    found = check(path, data_set(file_format, NESTED))
    assert found.told == [
        (1, "turns.by", "enum", "not_in_enum"),
        (1, "turns.text", "minLength", "wrong_length"),
        (2, "turns.text", "required", "missing_value"),
        (4, "turns.nick", "policy", "forbidden_column"),
        (4, "turns.text", "required", "missing_value"),
        (5, "turns.text", "minLength", "wrong_length"),
    ]
    assert found.table[0]["turns"] == [{"text": "hello", "by": "user"}, {"text": "그래", "by": "model"}]


def test_what_stands_where_a_list_of_objects_belongs(tmp_path: Path) -> None:
    cells = ["text", [1], {"text": "one"}, [[{"text": "in"}]], [{"text": 5}], [{"by": "user"}], None]
    rows = [{"id": f"a{i}", "turns": cell} for i, cell in enumerate(cells)] + [{"id": "a7"}]
    found = check(file_of(tmp_path, jsonl(rows)), data_set(Format.JSONL, NESTED[:3]))
    assert [(row, field, reason) for row, field, _, reason in found.told] == [
        (0, "turns", "wrong_type"),
        (1, "turns", "wrong_type"),
        (4, "turns.text", "wrong_type"),
        (5, "turns.text", "missing_column"),
        (6, "turns.text", "missing_value"),
        (7, "turns.text", "missing_column"),
    ]


KEYED = "k1:" + "0123456789abcdef" * 2
POLICIES = (
    POSTS[0],
    POSTS[1],
    col("nick", policy=Policy.DROP),
    col("room", "integer", policy=Policy.KEY, minimum=5),
    col("person", role=Role.SUBJECT, policy=Policy.KEY),
    col("lat", "number", policy=Policy.GENERALISE, grid=0.01),
    col("at", "timestamp", policy=Policy.GENERALISE, clock="hour", date_format="yy.MM.dd HH:mm"),
    col("since", "date", policy=Policy.GENERALISE, clock="month"),
    col("phone", policy=Policy.FORBID),
)


def test_policies_of_a_pseudonymised_delivery(tmp_path: Path) -> None:
    sound = {
        "id": "a1", "text": "ab", "nick": None, "room": KEYED, "person": KEYED, "lat": 37.56,
        "at": "2026-03-01T14:00", "since": "2026-03-01",
    }  # fmt: skip
    clear = {
        "id": "a2", "text": "ab", "nick": "N", "room": 12, "person": KEYED.upper(), "lat": 37.561,
        "at": "2026-03-01T14:05:00+09:00", "since": "2026-03-02", "phone": "0",
    }  # fmt: skip
    found = check(
        file_of(tmp_path, jsonl([sound, clear])), data_set(Format.JSONL, POLICIES), pseudonymised=True
    )
    assert found.told == [
        (1, "at", "policy", "not_generalised"),
        (1, "lat", "policy", "not_generalised"),
        (1, "nick", "policy", "forbidden_column"),
        (1, "person", "policy", "not_keyed"),
        (1, "phone", "policy", "forbidden_column"),
        (1, "room", "policy", "not_keyed"),
        (1, "room", "type", "wrong_type"),
        (1, "since", "policy", "not_generalised"),
    ]
    assert "nick" not in found.table[0]


def test_of_a_raw_delivery_dropped_columns_are_not_read_and_forbidden_ones_are(tmp_path: Path) -> None:
    row = {
        "id": "a1",
        "text": "ab",
        "nick": 5,
        "room": 12,
        "person": "p",
        "lat": 37.5612,
        "at": "26.03.01 14:05",
    }
    found = check(file_of(tmp_path, jsonl([row, {**row, "phone": False}])), data_set(Format.JSONL, POLICIES))
    assert found.told == [(1, "phone", "policy", "forbidden_column")]
    assert "nick" not in found.table[0]
    assert found.table[0]["room"] == 12


def test_licences_and_origins_of_rows(tmp_path: Path) -> None:
    columns = (POSTS[0], POSTS[1], col("licence", role=Role.LICENCE), col("made", role=Role.ORIGIN))
    wanted = replace(data_set(Format.JSONL, columns), row_licences=("CC-BY-4.0", "CC0-1.0"))
    said = [
        ("CC-BY-4.0", "people"),
        ("GPL-2.0-only", "machine:some-model"),
        (None, "robot"),
        ("cc0-1.0", None),
    ]
    rows = [{"id": f"a{i}", "text": "ab", "licence": a, "made": b} for i, (a, b) in enumerate(said)]
    assert check(file_of(tmp_path, jsonl(rows)), wanted).told == [
        (1, "licence", "rowLicences", "licence_not_allowed"),
        (2, "made", "origin", "invalid_value"),
        (3, "licence", "rowLicences", "licence_not_allowed"),
    ]


@pytest.mark.parametrize("kind", ["boolean", "string", "integer"])
def test_a_row_that_takes_its_key_back_needs_nothing_but_the_key(tmp_path: Path, kind: str) -> None:
    yes, no = {"boolean": (True, False), "string": ("yes", "no"), "integer": (1, 0)}[kind]
    columns = (*POSTS[:2], col("gone", kind, role=Role.TOMBSTONE))
    rows = [
        {"id": "a1", "gone": yes},
        {"id": "a2", "gone": no},
        {"gone": yes},
        {"id": "a3", "text": None, "gone": yes},
    ]
    found = check(file_of(tmp_path, jsonl(rows)), data_set(Format.JSONL, columns))
    assert found.told == [(1, "text", "required", "missing_column"), (2, "id", "required", "missing_column")]


def test_columns_that_the_contract_does_not_name_are_named_and_not_read(tmp_path: Path) -> None:
    rows = jsonl([{"id": "a1", "text": "ab", "more": 1}, {"id": "a2", "text": "ab", "글": 2, "more": 1}])
    found = check(file_of(tmp_path, rows), data_set(Format.JSONL, POSTS))
    assert found.unnamed == ["more", "글"]
    assert set(found.table[0]) == {"row", "id", "text"}
    for form in ("csv.gz", "parquet", "arrow"):
        path, file_format = write(tmp_path, form, [{"id": "a1", "more": 1, "text": "ab"}])
        assert check(path, data_set(file_format, POSTS)).unnamed == ["more"]


def test_text_of_a_table_longer_than_a_row_may_be_is_refused(tmp_path: Path) -> None:
    columns = (POSTS[0], col("a", role=Role.TEXT), col("b", role=Role.TEXT))
    rows = [
        {"id": "a1", "a": "x" * 60, "b": "y" * 30},
        {"id": "a2", "a": "x" * 60, "b": "y" * 40},
        {"id": "a3", "a": None, "b": "z" * 101},
    ]
    path, file_format = write(tmp_path, "parquet", rows)
    found = check(path, data_set(file_format, columns), limit=100)
    assert [(row, reason) for row, _, _, reason in found.told] == [(1, "row_too_long"), (2, "row_too_long")]


def test_text_that_is_no_utf8_costs_its_row_of_a_table(tmp_path: Path) -> None:
    texts = pa.StringArray.from_buffers(
        2, pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0"), pa.py_buffer(b"ab\xff\xfe")
    )
    pq.write_table(pa.table({"id": ["a1", "a2"], "text": texts}), tmp_path / "posts.parquet")
    found = check(tmp_path / "posts.parquet", data_set(Format.PARQUET, POSTS))
    assert found.told == [(1, "text", "readable", "invalid_encoding")]


def test_a_file_that_changes_while_it_is_read_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "posts.parquet"
    pq.write_table(
        pa.table({"id": [f"a{i}" for i in range(20_000)], "text": ["ab"] * 20_000}), path, row_group_size=5000
    )
    batches = check_file(
        tmp_path, DropFile("posts", path.name), data_set(Format.PARQUET, POSTS), max_row_bytes=1000
    )
    next(batches)
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputUnreadable, match="changed while it was read"):
        list(batches)


def test_an_encoding_that_is_not_known_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="encoding"):
        check(file_of(tmp_path, []), data_set(Format.JSONL, POSTS, encoding="klingon"))


def test_several_keys_of_which_one_has_to_be_there(tmp_path: Path) -> None:
    columns = (col("a", role=Role.KEY), col("b", role=Role.KEY), POSTS[1])
    rows = jsonl([{"a": "x", "text": "ab"}, {"a": "", "b": None, "text": "ab"}, {"text": "ab"}])
    found = check(file_of(tmp_path, rows), data_set(Format.JSONL, columns))
    assert found.told == [(row, "a", "required", "missing_value") for row in (1, 2)]


def told_of(path: Path, limit: int = 1000) -> Checking:
    return check(path, data_set(Format.JSONL, POSTS[:1]), limit=limit)


def test_a_line_of_many_megabytes_is_let_go(tmp_path: Path) -> None:
    long = b'{"id":"' + b"x" * (9 << 20) + b'"}'
    path = file_of(tmp_path, [b'{"id":"a1"}', long, b" " * (9 << 20), b'{"id":"a2"}', long])
    found = told_of(path)
    assert found.told == [(1, None, "readable", "row_too_long"), (3, None, "readable", "row_too_long")]
    assert found.places[0] == (1, 2, 12)
    assert found.rows == 4
    assert [row["row"] for row in found.table] == [0, 2]
