"""What the build's readers refuse, the row checks refuse, with the same row numbers and counts."""

from __future__ import annotations

import gzip
import json
import random
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake.checks import check_file
from pipelines.intake.contracts import load_contract
from pipelines.intake.drops import discover
from pipelines.intake.splits import plan_file
from schemas.contract import DataSet, DeliveredAs, Format
from tests.intake.checks.checking import Role, check, col, data_set
from tests.intake.readers.reading import read

PARTNERS = ("a_dot", "fortytwodot", "krafton", "liner", "selectstar", "snu_kaist")
COLUMNS = (
    col("id", role=Role.KEY, required=True),
    col("text", role=Role.TEXT, required=True),
    col("more", role=Role.TEXT),
    col("n", "integer", role=Role.VERSION),
)
LIMIT = 300


def agree(path: Path, wanted: DataSet, limit: int = LIMIT) -> None:
    theirs = read(path, wanted, limit=limit)
    ours = check(path, wanted, limit=limit)
    assert ours.rows == theirs.rows
    assert ours.refused >= {entry["row"] for entry in theirs.quarantine}
    known = {(entry["row"], entry["reason"]) for entry in theirs.quarantine}
    assert {(row, reason) for row, _, _, reason in ours.told} >= known
    numbers = {row["row"] for row in ours.table}
    assert numbers >= {document["row"] for document in theirs.documents}


@pytest.mark.parametrize("partner", PARTNERS)
def test_the_handed_drops(handed: Path, repository: Path, partner: str) -> None:
    contract = load_contract(repository / "data_contracts" / f"{partner}.yaml")
    drop = handed / partner
    for file in discover(drop, contract).files:
        wanted = contract.data_set(file.data_set)
        pseudonymised = contract.delivered_as is DeliveredAs.PSEUDONYMISED
        batches = list(check_file(drop, file, wanted, max_row_bytes=64 << 20, pseudonymised=pseudonymised))
        theirs = read(drop / file.path, wanted, limit=64 << 20)
        assert sum(batch.rows for batch in batches) == theirs.rows
        refused = {row for batch in batches for row in batch.faults["row"].to_pylist()}
        assert refused >= {entry["row"] for entry in theirs.quarantine}
        plan = plan_file(drop, file, wanted, partner=partner, split_bytes=1 << 30)
        assert batches[-1].sha256 == plan.sha256


LINES = st.one_of(
    st.tuples(st.sampled_from(["k", "", None, 5]), st.text(max_size=9) | st.none() | st.integers()).map(
        lambda pair: json.dumps({"id": pair[0], "text": pair[1], "n": 1}, ensure_ascii=False).encode(
            "utf-8", "ignore"
        )
    ),
    st.sampled_from(
        [
            b"",
            b" ",
            b"\x0b",
            b"[1]",
            b"{",
            b'{"id":"a"}',
            b"\xff\xfe",
            b"\0",
            b'{"id":"l","text":"' + b"x" * 400 + b'"}',
        ]
    ),
    st.binary(max_size=12),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(LINES, max_size=10), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans())
def test_json_lines(lines: list[bytes], newline: bytes, ended: bool, mark: bool) -> None:
    body = (b"\xef\xbb\xbf" if mark else b"") + newline.join(lines) + (newline if ended else b"")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "posts.jsonl")
        path.write_bytes(body)
        agree(path, data_set(Format.JSONL, COLUMNS))
        path.write_bytes(body)
        agree(path, data_set(Format.JSONL, COLUMNS, encoding="cp949"))


CSV = st.lists(st.sampled_from([*'ab,;"\n\r 1가', "\n", "k1,t,,1\n", '"', "k2,글,x,\n"]), max_size=60).map(
    "".join
)


@settings(deadline=None, max_examples=150)
@given(CSV, st.sampled_from(["utf-8", "cp949"]), st.sampled_from([20, LIMIT]))
def test_csv(body: str, encoding: str, limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "posts.csv")
        path.write_bytes(b"id,text,more,n\n" + body.encode(encoding))
        agree(path, data_set(Format.CSV, COLUMNS, encoding=encoding), limit)
        path.write_bytes(body.encode(encoding))
        agree(path, data_set(Format.CSV, COLUMNS, encoding=encoding), limit)


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst", "csv.gz"])
@pytest.mark.parametrize("cut", [0.0, 0.3, 0.99])
def test_archives_that_are_cut_off_or_spoilt(tmp_path: Path, ending: str, cut: float) -> None:
    draw = random.Random(7)
    rows = [(f"k{i}", "글" * draw.randrange(30) + str(draw.random()), i) for i in range(6000)]
    if ending == "csv.gz":
        body = "id,text,n\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    else:
        body = "".join(
            json.dumps({"id": a, "text": b, "n": c}, ensure_ascii=False) + "\n" for a, b, c in rows
        )
    packed = (
        zstandard.ZstdCompressor().compress(body.encode())
        if ending.endswith("zst")
        else gzip.compress(body.encode())
    )
    wanted = data_set(Format.CSV if ending == "csv.gz" else Format.JSONL, COLUMNS)
    path = tmp_path / f"posts.{ending}"
    path.write_bytes(packed[: int(len(packed) * cut)])
    agree(path, wanted)
    spoilt = bytearray(packed)
    spoilt[len(packed) // 2 : len(packed) // 2 + 40] = b"\xff" * 40
    path.write_bytes(spoilt)
    agree(path, wanted)
    path.write_bytes(packed + packed)
    agree(path, wanted)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 1 << 30),
    st.integers(0, 255),
    st.sampled_from(["parquet", "arrow", "stream"]),
    st.booleans(),
)
def test_tables_with_a_spoilt_byte_or_cut_off(place: int, byte: int, form: str, cut: bool) -> None:
    count = 300
    table = pa.table(
        {
            "id": [f"k{i}" for i in range(count)],
            "text": pa.array([None if i % 50 == 7 else "글" * (i % 120) for i in range(count)]),
            "n": pa.array(range(count), pa.int32()),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"posts.{form}")
        if form == "parquet":
            pq.write_table(table, path, row_group_size=100)
        else:
            make = pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream
            with pa.OSFile(str(path), "wb") as file, make(file, table.schema) as writer:
                writer.write_table(table, max_chunksize=100)
        data = bytearray(path.read_bytes())
        data[place % len(data)] = byte
        path.write_bytes(data[: place % len(data)] if cut else data)
        agree(path, data_set(Format.PARQUET if form == "parquet" else Format.ARROW, COLUMNS))


def record(kind: str, body: bytes, url: str = "https://a.example/") -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(["page", "404", "info", "bare", "binary"]), max_size=6),
    st.integers(0, 1 << 20),
    st.booleans(),
)
def test_warc(kinds: list[str], place: int, packed: bool) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>\xea\xb8\x80</p>"
    made = {
        "page": record("response", page),
        "404": record("response", page.replace(b"200 OK", b"404 No")),
        "info": record("warcinfo", b"software: none"),
        "bare": record("response", b"<p>no head</p>"),
        "binary": record("response", page.replace(b"text/html", b"image/png")),
    }
    body = b"".join(gzip.compress(made[kind]) if packed else made[kind] for kind in kinds)
    spoilt = bytearray(body)
    if body:
        spoilt[place % len(body)] ^= 0x5A
    columns = (col("url", role=Role.KEY, required=True), col("html", role=Role.TEXT, required=True))
    with tempfile.TemporaryDirectory() as folder:
        for data in (body, bytes(spoilt), body[: place % (len(body) + 1)]):
            path = Path(folder, "crawl.warc.gz" if packed else "crawl.warc")
            path.write_bytes(data)
            agree(path, data_set(Format.WARC, columns))
