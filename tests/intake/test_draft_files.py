"""Contract init over the files of a folder: how they are grouped, how much is read, what cannot be read."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.draft import draft
from pipelines.intake.draft_sample import SAMPLE_ROWS
from pipelines.intake.draft_writing import encoding_of
from schemas.admission import Verdict
from schemas.errors import InputUnreadable
from tests.drafts import admit_under, decided, loaded, some_posts, write_csv, write_file, write_jsonl


def test_files_of_one_shape_and_name_are_one_data_set_and_no_file_is_of_two(tmp_path: Path):
    drop = tmp_path / "drop"
    write_csv(drop / "reviews_1.csv.gz", some_posts(30))
    write_csv(drop / "reviews_2.csv.gz", some_posts(30, first="q"))
    write_csv(drop / "reviews_old_cp949.csv.gz", some_posts(30), encoding="cp949", delimiter=";")
    write_jsonl(drop / "2026-10-01" / "chat.jsonl", some_posts(20))
    write_jsonl(
        drop / "2026-10-02" / "chat.jsonl",
        [dict(row, post_id=f"r-{n}") for n, row in enumerate(some_posts(20))],
    )
    contract = loaded(drop, tmp_path)
    found = {item.name: item for item in contract.data_sets}
    assert found["reviews"].files == ("reviews_[0-9]*.csv.gz",)
    assert (found["reviews"].encoding, found["reviews"].delimiter) == ("utf-8", ",")
    assert found["reviews_old"].files == ("reviews_old*.csv.gz",)
    assert (found["reviews_old"].encoding, found["reviews_old"].delimiter) == ("cp949", ";")
    assert found["chat"].files == ("*/chat*.jsonl",)
    assert admit_under(tmp_path / "p.yaml", drop).receipt["not_named_by_contract"] == []


def test_rows_that_cannot_be_taken_set_the_share_that_may_be_refused(tmp_path: Path):
    drop = tmp_path / "drop"
    good = b"".join(orjson.dumps(row) + b"\n" for row in some_posts(98))
    write_file(drop / "posts.jsonl", good + b'["no", "object"]\n{"post_id": "cut')
    (posts,) = loaded(drop, tmp_path).data_sets
    assert posts.max_quarantined == 0.03
    contract = decided(drop, "p", tmp_path / "decided.yaml")
    assert admit_under(contract, drop).verdict is Verdict.ADMITTED_WITH_QUARANTINE


def test_a_file_is_sampled_and_not_read_whole(tmp_path: Path):
    drop = tmp_path / "drop"
    rows = some_posts(SAMPLE_ROWS) + [{"broken": n} for n in range(20_000)]
    write_jsonl(drop / "posts.jsonl", rows)
    text = draft(drop, partner="p")
    assert f"{SAMPLE_ROWS:,} rows sampled of about 40,000" in text
    assert '"broken"' not in text
    assert "maxQuarantined, value: 0.01" in text  # what a sample has not seen


@pytest.mark.parametrize("form", ["file", "stream", "parquet"])
def test_of_a_large_table_the_beginning_is_sampled_and_the_rest_estimated(tmp_path: Path, form: str):
    drop = tmp_path / "drop"
    drop.mkdir()
    table = pa.Table.from_pylist(some_posts(60_000))
    if form == "parquet":
        pq.write_table(table, drop / "posts.parquet", row_group_size=4000)
    else:
        new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
        with new(drop / "posts.arrow", table.schema) as writer:
            writer.write_table(table, max_chunksize=4000)
    text = draft(drop, partner="p")
    sampled, about = re.search(r"([\d,]+) rows sampled of about ([\d,]+)", text).groups()
    assert SAMPLE_ROWS <= int(sampled.replace(",", "")) <= SAMPLE_ROWS + 1024
    assert abs(int(about.replace(",", "")) - 60_000) < 3000


def test_many_files_that_are_named_alike_are_one_data_set_of_which_a_few_are_sampled(tmp_path: Path):
    drop = tmp_path / "drop"
    for part in range(60):
        write_jsonl(
            drop / f"part-{part:03}.jsonl",
            [dict(row, post_id=f"{part}-{n}") for n, row in enumerate(some_posts(5))],
        )
    (posts,) = loaded(drop, tmp_path).data_sets
    assert admit_under(tmp_path / "p.yaml", drop).receipt["not_named_by_contract"] == []
    assert abs(posts.rows_expected.most - 600) < 30


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("notes.docx", b"PK\x03\x04", "ending is none of"),
        ("empty.jsonl", b"", "it is empty"),
        ("array.json", b'[\n{"a": 1},\n{"a": 2}\n]', "one object a line"),
        ("broken.parquet", b"PAR1 and no more", "cannot be read as parquet"),
        (
            "headless.csv",
            "1,안녕하세요 반갑습니다 오늘 날씨가 참 좋네요 그렇죠\n2,네\n".encode(),
            "add a header",
        ),
        ("odd.csv", b"\xff\xfe\x00\x01,\x81\n\xff\xff,\xff\n", "none of utf-8"),
    ],
)
def test_a_file_that_cannot_be_drafted_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes, why: str
):
    drop = tmp_path / "drop"
    write_file(drop / name, content)
    with pytest.raises(InputUnreadable, match=why):
        draft(drop, partner="p")
    write_jsonl(drop / "posts.jsonl", some_posts(20))
    text = draft(drop, partner="p")
    assert f'# Not covered: "{name}"' in text
    assert "안녕하세요" not in text


@pytest.mark.parametrize(
    "name", ["글 모음.jsonl", "[draft] a*b?.jsonl", "9.jsonl", "ＡＢＣ.jsonl", "a'b\"c.jsonl"]
)
def test_any_file_name_gives_a_glob_that_takes_the_file(tmp_path: Path, name: str):
    drop = tmp_path / "drop"
    write_jsonl(drop / name, some_posts(20))
    loaded(drop, tmp_path)
    receipt = admit_under(tmp_path / "p.yaml", drop).receipt
    assert receipt["not_named_by_contract"] == []
    assert [file["rows_arrived"] for file in receipt["files"]] == [20]


@pytest.mark.parametrize(
    "name", ["no", "null", "1", "a: b", "# c", "- d", '"', "\\", "é\u0085", "\U0001f600", "{x}", "TODO"]
)
def test_any_column_name_gives_valid_yaml(tmp_path: Path, name: str):
    drop = tmp_path / "drop"
    write_jsonl(drop / "posts.jsonl", [{**row, name: n % 7} for n, row in enumerate(some_posts(30))])
    (posts,) = loaded(drop, tmp_path).data_sets
    named = {column.name for column in posts.columns}
    assert name in named or name in (
        "TODO",
        "é\u0085",
    )  # the word that waits for a person; white space at an end


@given(st.lists(st.text(alphabet="가나다라마바사아자차카타파하힣 a1", min_size=4), min_size=3))
@settings(max_examples=60)
def test_korean_text_is_told_as_utf_8_or_cp949(texts: list[str]):
    texts = [f"{text} 그리고 우리는 학교에 갔다" for text in texts]
    for encoding in ("utf-8", "cp949"):
        assert encoding_of([text.encode(encoding) for text in texts]) == encoding
    assert encoding_of([b"plain", b"ascii"]) == "utf-8"
