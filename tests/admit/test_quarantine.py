"""Refused rows: put aside masked, mended, handed in again, let go."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from fastwarc.warc import ArchiveIterator
from hypothesis import given
from hypothesis import strategies as st

from pipelines.admit import admit_drop
from pipelines.admit.masks import Placeholders
from pipelines.intake.contracts import load_contract
from pipelines.intake.mending import export
from pipelines.intake.quarantine import Spool, clean, read_quarantine
from pipelines.intake.registry import Registry
from schemas.contract import Column, Role
from schemas.errors import UsageError
from schemas.registry import Looked
from tests.admit.posts import TODAY, Agreement, post, write_drop
from tests.intake.test_quality_rules import data_set
from tests.laws.builds import malmoi

RRN = 3001013123456  # nobody's: born in 2030
SHAPES = [
    "{}",
    "제 주민등록번호는 {}이고",
    "{}입니다",
    "주문 {} 번",
    "\n{}\n",
]
WRITTEN = [
    "300101-3123456",
    "3001013123456",
    "300101 - 3123456",
    "３００１０１－３１２３４５６",
    "300101–1234567",
    "800229-2999999",  # of a day that does not exist
]


@given(shape=st.sampled_from(SHAPES), written=st.sampled_from(WRITTEN))
def test_a_resident_number_is_never_kept_however_it_is_written(shape, written):
    text = Placeholders().text(shape.format(written))
    assert text == shape.format("[KR_RRN]")


def test_a_column_is_masked_as_its_texts_are_one_by_one():
    texts = [None, "", "아무것도 없다", "010-0123-4567", "a@b.example", f"{RRN}", "2024-01-01 12:00"]
    one_by_one = [None if text is None else Placeholders().text(text) for text in texts]
    changed = Placeholders().changed(pa.array(texts, pa.string()))
    assert [changed.get(row, text) for row, text in enumerate(texts)] == one_by_one
    assert all(changed[row] != texts[row] for row in changed)


AWKWARD = st.text(st.sampled_from('",\\\n\t\x01{}[]%가a'), max_size=6)
NUMBERS = st.floats(-9, 9) | st.sampled_from(
    [float(RRN), -float(RRN), 4_111_111_111_111_111.0, 12.5, math.nan]
)
CELLS = st.tuples(st.none() | AWKWARD, st.none() | NUMBERS)


@given(pieces=st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=3))
def test_rows_come_out_of_the_spool_as_they_went_in_whatever_their_texts_hold(pieces):
    columns = (
        Column("word", Role.TEXT, "string", False, ("word",)),
        Column('odd%d"', Role.OTHER, "number", False, ('odd%d"',)),
    )
    cells = [cell for piece in pieces for cell in piece]
    with TemporaryDirectory() as home:
        spool = Spool(Path(home), mask=Placeholders(), secret=b"s")
        at = 0
        for piece in pieces:
            words, numbers = zip(*piece, strict=True)
            rows = {"row": range(at, at + len(piece)), "word": words, 'odd%d"': numbers}
            schema = pa.schema({"row": pa.int64(), "word": pa.string(), 'odd%d"': pa.float64()})
            table = pa.RecordBatch.from_pydict(rows, schema=schema)
            spool.add("a.jsonl", replace(data_set(), columns=columns), table)
            at += len(piece)
        told = [tuple(row.values()) for batch in spool.rows("a.jsonl") for row in batch.to_pylist()]
    assert [row for row, _, _ in told] == list(range(len(cells)))
    for (_, key, data), (word, number) in zip(told, cells, strict=True):
        written = None if number is None else pa.scalar(number).cast(pa.string()).as_py()
        shown = None if number is None or math.isnan(number) else number
        # The digits of a fraction are nobody's; those of a large number are masked as a text's are.
        if written is not None and abs(number) >= 10 and Placeholders().text(written) != written:
            shown = Placeholders().text(written)
        expected = {"word": None if word is None else Placeholders().text(word), 'odd%d"': shown}
        assert key == b"null"
        assert json.loads(data) == expected


def refused(home: Path, rows: list[Any], agreement: Agreement | None = None) -> list[dict[str, Any]]:
    drop = write_drop(home / "drop", {"posts.jsonl": rows})
    target = home / "receipt"
    target.mkdir(exist_ok=True)
    contract = load_contract((agreement or Agreement()).write(home))
    admit_drop(contract, drop, today=TODAY, quarantine_to=target, secret=b"s" * 32)
    return list(read_quarantine(target))


def test_no_identifier_is_kept_in_text_number_key_or_a_field_that_is_not_named(tmp_path):
    rows = [
        post(1, stars=9, text=f"번호는 {RRN}, 전화는 010-0123-4567", phone=RRN, secret=f"{RRN}"),
        post(2, stars=9, id="u-300101-3123456"),
        post(3, text="300101-3123456"),
        json.dumps(post(4, stars="x")).encode()[:-1],
    ]
    refused(tmp_path, rows)
    content = (tmp_path / "receipt" / "quarantine.jsonl").read_text()
    for value in ("3123456", "0123-4567", "secret"):
        assert value not in content
    lines = [json.loads(line) for line in content.splitlines()]
    assert lines[0]["data"] == {
        "id": "p1",
        "text": "번호는 [KR_RRN], 전화는 [PHONE_NUMBER]",
        "stars": None,
        "phone": "[KR_RRN]",
    }
    assert lines[1]["data"]["id"] == "u-[KR_RRN]"
    assert lines[2]["faults"] == [
        {"field": "text", "rule": "malmoi.uniqueIdentifiers", "reason": "unique_identifier"}
    ]
    assert lines[3]["data"] is None
    assert {line["expires"] for line in lines} == {"2026-12-08"}


def test_a_key_is_told_as_a_digest_that_only_the_secret_makes(tmp_path):
    [first, second] = refused(tmp_path, [post(1, stars=9), post(1, stars=8), post(2)])
    assert first["key"] == second["key"]
    assert len(first["key"]) == 32


def test_with_no_days_of_keeping_no_data_is_kept(tmp_path):
    agreement = Agreement()
    agreement.custom("malmoi.quarantineDays", 0)
    [line] = refused(tmp_path, [post(1, stars=9), post(2)], agreement)
    assert line["data"] is None


def test_rows_are_mended_and_handed_in_again_through_the_command_line(tmp_path):
    registry = tmp_path / "registry"
    Registry.open(registry, create=True)
    agreement = Agreement()
    agreement.document["slaProperties"].append(
        {"property": "malmoi.rows", "element": "posts", "value": 5, "valueExt": 100}
    )
    contract = agreement.write(tmp_path)
    rows = [post(n, stars=9 if n in (2, 5) else 1) for n in range(8)]
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": rows})
    told = malmoi("admit", contract, drop, "--registry", registry, "--today", TODAY, "--json")
    there = Path(json.loads(told.stdout)["registry"]["directory"])
    mended = tmp_path / "mended"
    looks = tmp_path / "looks.jsonl"
    done = malmoi("quarantine", "export", contract, there, "-o", mended, "--looks", looks)
    assert done.returncode == 0, done.stderr.decode()
    lines = [json.loads(line) for line in (mended / "posts.jsonl").read_bytes().splitlines()]
    assert [line["id"] for line in lines] == ["p2", "p5"]
    (look,) = [event.body for event in Registry.open(registry).events() if isinstance(event.body, Looked)]
    assert (look.command, look.of) == ("quarantine export", f"gaon/{there.name}")
    assert look.rows == ("posts.jsonl:2,5",)
    assert look.why == "refused rows to be mended"
    assert json.loads(looks.read_text())["shown"] == {"posts.jsonl": 2}
    write_drop(mended, {"posts.jsonl": [{**line, "stars": 5} for line in lines]})
    words = ("admit", contract, mended, "--registry", registry, "--today", TODAY, "--json")
    again = malmoi(*words, "--mends", there.name)
    result = json.loads(again.stdout)
    assert (again.returncode, result["verdict"]) == (0, "admitted")
    assert [file["documents"] for file in result["files"]] == [2]


@pytest.mark.parametrize("name", ["posts.jsonl", "posts.jsonl.gz", "posts.jsonl.zst"])
def test_rows_come_back_in_the_compression_they_came_in(name, tmp_path):
    refused(tmp_path, [post(1, stars=9), post(2)])
    lines = list(read_quarantine(tmp_path / "receipt"))
    (tmp_path / "receipt" / "quarantine.jsonl").write_text(json.dumps({**lines[0], "file": name}) + "\n")
    contract = load_contract(tmp_path / "gaon.yaml")
    assert export(tmp_path / "receipt", contract, tmp_path / "out") == {name: 1}
    content = (tmp_path / "out" / name).read_bytes()
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    if name.endswith(".zst"):
        content = zstandard.decompress(content)
    assert json.loads(content)["id"] == "p1"


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow"])
def test_rows_come_back_in_the_format_of_their_data_set(form, tmp_path):
    agreement = Agreement()
    agreement.custom("malmoi.format", form, of=agreement.posts)
    agreement.custom("malmoi.files", [f"posts*.{form}"], of=agreement.posts)
    contract = load_contract(agreement.write(tmp_path))
    drop = tmp_path / "drop"
    drop.mkdir()
    rows = [post(1, stars=9, text='쉼표, "따옴표"\n줄'), post(2, stars=None)]
    if form == "csv":
        cells = [[row["id"], row["text"].replace('"', '""'), row["stars"] or ""] for row in rows]
        lines = ["id,text,stars", *(f'{a},"{b}",{c}' for a, b, c in cells)]
        (drop / "posts.csv").write_text("\n".join(lines) + "\n")
    else:
        table = pa.Table.from_pylist(rows)
        if form == "parquet":
            pq.write_table(table, drop / "posts.parquet")
        else:
            with pa.ipc.new_file(str(drop / "posts.arrow"), table.schema) as writer:
                writer.write_table(table)
    receipt = tmp_path / "receipt"
    receipt.mkdir()
    first = admit_drop(contract, drop, today=TODAY, without_drop_json=True, quarantine_to=receipt)
    assert [f["reason"] for f in first.faults.to_pylist()] == ["out_of_range"]
    assert export(receipt, contract, tmp_path / "out") == {f"posts.{form}": 1}
    again = admit_drop(contract, tmp_path / "out", today=TODAY, without_drop_json=True, mends=True)
    assert (again.verdict, again.receipt["files"][0]["documents"]) == ("admitted", 1)


PAGE = '<html><head><meta charset="euc-kr"></head><body>{}</body></html>'


def response(url: str, page: bytes, *, status: int = 200, day: str = "2026-10-01T00:00:00Z") -> bytes:
    http = f"HTTP/1.1 {status} X\r\nContent-Type: text/html\r\n\r\n".encode() + page
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: {day}\r\n"
    head += "Content-Type: application/http; msgtype=response\r\n"
    return f"{head}Content-Length: {len(http)}\r\n\r\n".encode() + http + b"\r\n\r\n"


def warc_agreement() -> Agreement:
    agreement = Agreement()
    for name, value in (("kind", "web"), ("format", "warc"), ("markup", "html"), ("files", ["pages*"])):
        agreement.custom(f"malmoi.{name}", value, of=agreement.posts)
    roles = {"url": "key", "date": "version", "html": "text"}
    agreement.posts["properties"] = [
        {
            "name": name,
            "logicalType": "timestamp" if name == "date" else "string",
            "physicalType": "string",
            "required": name == "url",
            **({"primaryKey": True} if role == "key" else {}),
            "customProperties": [{"property": "malmoi.role", "value": role}],
        }
        for name, role in roles.items()
    ]
    agreement.posts["properties"][0]["logicalTypeOptions"] = {"pattern": "^https://.+$"}
    agreement.posts.pop("quality", None)
    return agreement


@pytest.mark.parametrize("name", ["pages.warc", "pages.warc.gz"])
def test_pages_of_a_warc_file_are_mended_and_handed_in_again(name, tmp_path):
    """Pages of wrong addresses come back as records that a WARC reader reads; a 404 has nothing to mend."""
    contract = load_contract(warc_agreement().write(tmp_path))
    drop, receipt = tmp_path / "drop", tmp_path / "receipt"
    drop.mkdir()
    receipt.mkdir()
    records = [
        response("ftp://one.example/", PAGE.format("사전 010-0123-4567").encode("euc-kr")),
        response("https://two.example/", PAGE.format("말모이").encode("euc-kr")),
        response("https://three.example/", b"", status=404),
        response("four.example", b"", day="2026-02-30T00:00:00Z"),
    ]
    pack = gzip.compress if name.endswith(".gz") else bytes
    (drop / name).write_bytes(b"".join(map(pack, records)))
    admit_drop(contract, drop, today=TODAY, without_drop_json=True, quarantine_to=receipt)
    assert export(receipt, contract, tmp_path / "out") == {name: 2}
    with (tmp_path / "out" / name).open("rb") as file:
        read = [(r.headers.get("WARC-Target-URI"), r.reader.read().decode()) for r in ArchiveIterator(file)]
    # What was at fault in a row is not held: a person says it.
    assert read == [(None, PAGE.format("사전 [PHONE_NUMBER]")), (None, "")]
    content = (tmp_path / "out" / name).read_bytes()
    plain = gzip.decompress(content) if name.endswith(".gz") else content
    first, *rest = plain.split(b"WARC-Type: response\r\n")
    head = b"WARC-Type: response\r\nWARC-Target-URI: https://%d.example/\r\n"
    named = [head % number + record for number, record in enumerate(rest)]
    (tmp_path / "out" / name).write_bytes(pack(first + b"".join(named)))
    again = admit_drop(contract, tmp_path / "out", today=TODAY, without_drop_json=True, mends=True)
    assert (again.verdict, again.receipt["files"][0]["documents"]) == ("admitted", 2)


def test_nothing_is_exported_over_something_or_from_nothing(tmp_path):
    refused(tmp_path, [post(1, stars=9), post(2)])
    contract = load_contract(tmp_path / "gaon.yaml")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(UsageError, match="not empty"):
        export(tmp_path / "receipt", contract, tmp_path / "full")
    with pytest.raises(UsageError, match="no quarantine"):
        export(tmp_path / "full", contract, tmp_path / "new")


def test_rows_are_let_go_the_day_after_their_last(tmp_path):
    refused(tmp_path, [post(1, stars=9), post(2)])
    there = tmp_path / "registry" / "drops" / "gaon" / "0123456789abcdef"
    there.parent.mkdir(parents=True)
    (tmp_path / "receipt").rename(there)
    assert clean(tmp_path / "registry", on="2026-12-08") == []
    assert clean(tmp_path / "registry", on="2026-12-09") == [there / "quarantine.jsonl"]
    assert (there / "faults.parquet").exists()
    assert not (there / "quarantine.jsonl").exists()
