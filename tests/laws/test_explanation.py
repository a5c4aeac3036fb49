"""Laws of explanation and of likeness: every drop names its cause, and try, dedup and explain agree."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from schemas.reasons import REASON_WORDING, REFUSAL_WORDING, Reason, Refusal, Stage
from tests.laws.builds import Finished, malmoi


def test_every_dropped_document_names_stage_reason_and_winner(built: Finished):
    rows = pl.read_parquet(built.build / "ledger" / "*.parquet")
    dropped = rows.filter(~pl.col("kept"))
    assert len(dropped)
    assert set(dropped["stage"]) <= set(Stage)
    assert set(dropped["reason"]) <= set(Reason)
    duplicates = dropped.filter(pl.col("stage") == Stage.DEDUP.value)
    assert len(duplicates)
    assert duplicates["duplicate_of"].null_count() == 0
    assert duplicates["similarity"].min() >= 0.8
    kept = set(rows.filter("kept")["doc_id"])
    assert set(duplicates.filter(pl.col("reason") != "repeated_key")["duplicate_of"]) <= kept


def test_every_reason_has_its_wording():
    assert set(REASON_WORDING) == set(Reason)
    assert set(REFUSAL_WORDING) == set(Refusal)


def lines(done) -> list[dict]:
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def stdin(rows: list[dict]) -> bytes:
    return b"\n".join(json.dumps(row, ensure_ascii=False).encode() for row in rows)


def test_try_pii_gives_spans_of_the_input_and_the_replaced_text():
    text = "연락처는 test.user@malmoi-shop.example으로 주세요"
    (row,) = lines(malmoi("try", "pii", "--kind", "dialogue", stdin=stdin([{"id": "1", "text": text}])))
    (span,) = row["spans"]
    assert text[span["start"] : span["end"]] == "test.user@malmoi-shop.example"
    assert "test.user" not in row["text"]
    assert row["text"].endswith("으로 주세요")


def test_try_gives_every_row_back_in_order_with_its_reason():
    rows = [
        {"id": "a", "text": "오늘 본 영화는 정말 재미있었어요. 배우들 연기가 좋았습니다."},
        {"id": "b", "text": "ㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋ"},
        {"id": "c", "text": "다시 보고 싶은 작품이에요. 음악도 훌륭했습니다."},
    ]
    found = lines(malmoi("try", "quality", "--kind", "short_post", "--languages", "ko", stdin=stdin(rows)))
    assert [row["id"] for row in found] == ["a", "b", "c"]
    assert [row["kept"] for row in found] == [True, False, True]
    assert found[1]["reason"]


def test_dedup_explains_one_row_with_the_bands_that_met():
    rows = [
        {"id": "a", "text": "말모이는 우리말을 모아 엮은 첫 사전의 이름이다."},
        {"id": "b", "text": "말모이는 우리말을 모아  엮은 첫 사전의 이름이다."},
    ]
    options = ("--shingles", "words", "--size", "2", "--bands", "3", "--rows", "2")
    done = malmoi("dedup", *options, "--explain", "b", stdin=stdin(rows))
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == {
        "id": "b",
        "kept": False,
        "duplicate_of": "a",
        "similarity": 1.0,
        "edges": [{"id": "a", "similarity": 1.0, "bands": [0, 1, 2], "equal_text": True}],
        "stands_for": [],
    }
    assert malmoi("dedup", "--explain", "c", stdin=stdin(rows)).returncode == 2


def test_dedup_names_the_kept_document_and_the_similarity():
    text = "말모이는 우리말을 모은다는 뜻의 순우리말 사전 이름으로, 여러 사람이 함께 낱말을 모았습니다."
    rows = [{"id": "2", "text": text}, {"id": "1", "text": text}, {"id": "3", "text": "전혀 다른 글입니다."}]
    found = lines(malmoi("dedup", stdin=stdin(rows)))
    assert [(r["id"], r["kept"], r["duplicate_of"], r["similarity"]) for r in found] == [
        ("2", False, "1", 1.0),
        ("1", True, None, None),
        ("3", True, None, None),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("try", "nothing"), "no stage"),
        (("try", "pii", "--option", "nothing=1"), "nothing"),
        (("trace", "nowhere", "--doc", "0" * 32), "manifest"),
        (("build", "nowhere.yaml", "-o", "x"), "no such file"),
    ],
)
def test_wrong_use_is_one_sentence_and_no_traceback(words: tuple[str, ...], said: str, tmp_path: Path):
    done = malmoi(*words)
    assert done.returncode in {1, 2}
    error = done.stderr.decode()
    assert said in error
    assert "Traceback" not in error


def test_explain_decides_as_the_build_did(built: Finished, example: Path, repository: Path, tmp_path: Path):
    drops = repository / "examples" / "drops" / "krafton" / "game_chat.jsonl"
    rows = []
    for line in drops.read_bytes().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        rows.append(row)
    decided = pl.read_parquet(built.build / "ledger" / "*.parquet").filter(
        (pl.col("file") == "game_chat.jsonl") & (pl.col("stage").is_null() | (pl.col("stage") != "dedup"))
    )
    for entry in [
        *decided.filter("kept").head(3).to_dicts(),
        *decided.filter(~pl.col("kept")).head(3).to_dicts(),
    ]:
        text = tmp_path / "text"
        text.write_text(rows[entry["row"]]["msg"])
        done = malmoi("explain", example, text, "--data-set", "krafton/game_chat", "--json")
        steps = json.loads(done.stdout)
        assert steps[-1]["kept"] == entry["kept"]
        if not entry["kept"]:
            assert (steps[-1]["stage"], steps[-1]["reason"]) == (entry["stage"], entry["reason"])
