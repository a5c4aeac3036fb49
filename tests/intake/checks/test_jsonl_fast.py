"""The compiled way over JSON lines says, of any bytes, what the careful way says."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.intake.checks.checker import Checker
from pipelines.intake.checks.fields import Names, read_fields
from pipelines.intake.checks.json_kernels import is_utf8
from pipelines.intake.checks.jsonl import LineChecker
from pipelines.intake.checks.lines import Block
from tests.intake.checks.checking import Format, Policy, Role, col, data_set

COLUMNS = (
    col("id", role=Role.KEY, required=True, pattern="[a-z]+"),
    col("text", role=Role.TEXT, required=True, min_length=1, max_length=20),
    col("n", "integer", minimum=0, maximum=9),
    col("x", "number", multiple_of=0.5),
    col("ok", "boolean", required=True),
    col("day", "date", minimum="2020-01-01"),
    col("tags", "array", role=Role.TEXT, max_items=2),
    col("extra", "object"),
    col("turns.text", role=Role.TEXT, required=True),
    col("turns.by", enum=("a", "b")),
    col("secret", policy=Policy.FORBID),
)
NAMES = [
    "id",
    "text",
    "n",
    "x",
    "ok",
    "day",
    "tags",
    "extra",
    "turns",
    "secret",
    "other",
    "글",
    "i\\u0064",
    'te\\"xt',
]
NUMBERS = [
    "0", "-0", "7", "-3", "01", "1.5", "-0.5", "2.", ".5", "1e5", "1E-7", "1e400", "0e", "1e+",
    "12345678901234567890", "9223372036854775807", "999999999999999999",
    "1" * 60, "0." + "1" * 60, "-", "NaN", "Infinity", "+1",
]  # fmt: skip
STRINGS = [
    '""', '"가나다"', '"abc"', '"\\u00e9\\n\\"\\\\\\/\\b\\f\\r\\t"', '"\\ud83d\\ude00"', '"\\ud83d"',
    '"\\ude00"',
    '"\\ud83d\\u0041"', '"\\x"', '"\\u12g4"', '"\\u00"', '"2024-02-29"', '"2023-02-29"', '"a\tb"',
    '"😀' + "x" * 30 + '"',
    '"unfinished', '"\x7f\u2028"', '"' + "글" * 40 + '\\u0000"',
]  # fmt: skip
WORDS = [
    "true",
    "false",
    "null",
    "tru",
    "nulL",
    "[]",
    "{}",
    "[",
    "}",
    "[1,]",
    '{"a"}',
    '["a","b"]',
    '["a",1]',
    "",
]
NESTED = [
    '[{"text":"x","by":"a"}]', '[{"text":null}]', '[{}]', '{"text":"x","by":"c"}', '[{"text":1}]', '[1]',
    '[[{"text":"y"}]]',
    "[" * 70 + "]" * 70,
    '{"a":' * 300 + "1" + "}" * 300, "[" * 1100 + "]" * 1100, '{"a":{"a":[{"b":[]}]},"c":[[],{}]}',
    '[{"text":["a"]}]',
    '{"a":1,"a":2}',
]  # fmt: skip
VALUES = st.sampled_from([*NUMBERS, *STRINGS, *WORDS, *NESTED])
WHITE = st.sampled_from(["", "", "", " ", "\t", "\r", "  \t "])


@st.composite
def line(draw: Any) -> bytes:
    fields = draw(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8))
    w = [draw(WHITE) for _ in range(3)]
    inside = f"{w[0]},{w[1]}".join(f'"{name}"{w[2]}:{w[0]}{value}' for name, value in fields)
    return f"{w[1]}{{{inside}{w[2]}}}{draw(WHITE)}".encode()


ANY = st.one_of(
    line(),
    line(),
    line(),
    st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"")),
    st.sampled_from(
        [
            b"",
            b" ",
            b"\x0b",
            b"\x0c\r",
            b"[1]",
            b'"text"',
            b"null",
            b"{",
            b"\xef\xbb\xbf{}",
            b'{"id":"\xff"}',
            b"{}{}",
        ]
    ),
)


def checker(encoding: str = "utf-8", limit: int = 4000) -> LineChecker:
    wanted = data_set(Format.JSONL, COLUMNS, encoding=encoding)
    return LineChecker(Checker("posts.jsonl", wanted, pseudonymised=False), wanted, limit)


def said(batch: Any) -> dict[str, Any]:
    table = batch.table.to_pylist()
    columns = {name for row in table for name, value in row.items() if value is not None}
    return {
        "table": [{name: row[name] for name in row if name in columns} for row in table],
        "types": {field.name: field.type for field in batch.table.schema},
        "faults": batch.faults.to_pylist(),
        "rows": batch.rows,
        "bytes": batch.bytes,
        "unnamed": batch.unnamed,
        "lines": batch.lines.tolist(),
        "offsets": batch.offsets.tolist(),
    }


def both_ways(data: bytes, *, encoding: str = "utf-8", offset: int = 0, limit: int = 4000) -> None:
    ways = checker(encoding, limit)
    block = Block(data, offset, 5)
    fast, careful = said(ways.check(block)), said(ways.carefully(block))
    assert fast == careful


@settings(deadline=None, max_examples=400)
@given(st.lists(ANY, max_size=8), st.sampled_from([0, 17]), st.sampled_from([40, 4000]))
@example([b'{"id":"a"}', b'\xef\xbb\xbf{"id":"b"}'], 0, 4000)
@example([b'\xef\xbb\xbf{"id":"a","n":-0}'], 0, 4000)
@example([b'{"id":"a","id":1,"id":"b"}', b'{"id":"a","n":-0.0}'], 0, 4000)
def test_generated_lines(lines: list[bytes], offset: int, limit: int) -> None:
    both_ways(b"".join(one + b"\n" for one in lines), offset=offset, limit=limit)


SOUND = [
    {
        "id": "abc",
        "text": "가나다 라마 éà 😀",
        "n": 3,
        "x": -2.5,
        "ok": True,
        "day": "2024-02-29",
        "tags": ["a", "b"],
    },
    {
        "id": "abd",
        "text": 'quote " and \\ and \n',
        "n": 0,
        "x": 10,
        "ok": False,
        "extra": {"a": [1, {"b": None}]},
    },
    {
        "id": "x",
        "text": "t",
        "ok": True,
        "turns": [{"text": "hello", "by": "a"}, {"text": "그래"}],
        "other": [1.5e3],
    },
]


@settings(deadline=None, max_examples=400)
@given(
    st.lists(
        st.tuples(st.integers(0, 600), st.integers(0, 255), st.sampled_from("xid")), min_size=1, max_size=4
    ),
    st.booleans(),
)
def test_mutated_bytes(changes: list[tuple[int, int, str]], escaped: bool) -> None:
    data = bytearray(b"".join(json.dumps(row, ensure_ascii=escaped).encode() + b"\n" for row in SOUND))
    for place, byte, what in changes:
        at = place % len(data)
        if what == "x":
            data[at] = byte
        elif what == "i":
            data.insert(at, byte)
        else:
            del data[at]
    both_ways(bytes(data).rstrip(b"\n") + b"\n")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), min_size=1, max_size=5),
    st.binary(max_size=4),
)
def test_other_encodings(texts: list[str], junk: bytes) -> None:
    rows = [json.dumps({"id": "a", "text": text}, ensure_ascii=False) for text in texts]
    data = b"".join(row.encode("cp949", "replace") + b"\n" for row in rows)
    both_ways(data, encoding="cp949")
    both_ways(data + junk.replace(b"\n", b"") + b"\n", encoding="cp949", limit=30)
    both_ways(data + junk.replace(b"\n", b"") + b"\n", encoding="utf-8")


def test_no_line_that_orjson_refuses_is_a_row() -> None:
    draw = random.Random(11)
    pool = [*NUMBERS, *STRINGS, *WORDS, *NESTED]
    names = Names(["id", "text"])
    for _ in range(3000):
        one = f'{{"{draw.choice(NAMES)}": {draw.choice(pool)}, "id":{draw.choice(pool)}}}'.encode()
        if b"\n" in one:
            continue
        fields = read_fields(one + b"\n", names, limit=1 << 20)
        if len(fields.lines):
            assert isinstance(orjson.loads(one), dict)


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(st.binary(max_size=24), st.text(max_size=8).map(lambda t: t.encode("utf-8", "surrogatepass")))
)
@example(b"\xf4\x8f\xbf\xbf")
@example(b"\xf4\x90\x80\x80")
@example(b"\xe0\x9f\xbf")
@example(b"\xed\xa0\x80")
@example(b"abc\xc3")
def test_valid_utf8_is_what_python_decodes(data: bytes) -> None:
    try:
        data.decode()
        valid = True
    except UnicodeDecodeError:
        valid = False
    assert is_utf8(np.frombuffer(data + b"\n", np.uint8)) == valid


def test_unnamed_columns_are_told_of_every_row() -> None:
    rows = [{"id": f"k{i}", f"c{i % 200}": i} for i in range(2000)]
    block = Block(b"".join(orjson.dumps(row) + b"\n" for row in rows), 0, 1)
    assert checker().check(block).unnamed == tuple(sorted(f"c{i}" for i in range(200)))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_blocks_of_blank_lines_hold_no_row(count: int) -> None:
    both_ways(b" \r\n" * count)


ITEM = st.fixed_dictionaries(
    {},
    optional={
        "text": st.sampled_from(["", "글", 'a"\\\n', "x" * 20, None, 1]),
        "n": st.sampled_from([0, -5, 2**53, 1.5, None, "1"]),
        "x": st.sampled_from([0.5, 3, None]),
        "ok": st.sampled_from([True, False, None]),
        "other": st.sampled_from([[], {"text": "in"}, "y"]),
        "secret": st.sampled_from([None, "s"]),
    },
)
INSIDE = (
    COLUMNS[0],
    col("turns.text", role=Role.TEXT, required=True, max_length=5),
    col("turns.n", "integer", minimum=0),
    col("turns.x", "number"),
    col("turns.ok", "boolean"),
    col("turns.secret", policy=Policy.FORBID),
)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.lists(ITEM | st.none(), max_size=3)
        | st.lists(st.lists(ITEM, max_size=2), max_size=1)
        | ITEM
        | st.none(),
        max_size=5,
    )
)
@example([[{"text": "a", "n": 1}], [], None, [{"text": "b"}, None, {"text": "c", "secret": "s"}]])
def test_lists_of_objects(cells: list[Any]) -> None:
    wanted = data_set(Format.JSONL, INSIDE)
    ways = LineChecker(Checker("posts.jsonl", wanted, pseudonymised=False), wanted, 4000)
    rows = [orjson.dumps({"id": "a", "turns": cell}) + b"\n" for cell in cells]
    block = Block(b"".join([*rows, b'{"id":"a"}\n']), 0, 1)
    assert said(ways.check(block)) == said(ways.carefully(block))
