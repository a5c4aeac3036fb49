from __future__ import annotations

import json

from tests.laws.builds import malmoi

TEXT = "비밀번호: gaon7788!! 그리고 010-0123-4567로"
ROW = json.dumps({"id": "1", "text": TEXT}).encode()
CLASSES = "entities=CREDENTIAL,PHONE_NUMBER"


def tried(*words, stdin: bytes = ROW):
    return malmoi("try", "pii", "--option", CLASSES, *words, stdin=stdin)


def test_spans_come_with_class_score_and_evidence_and_without_values(tmp_path):
    done = tried("--looks", tmp_path / "looks.jsonl")
    (row,) = map(json.loads, done.stdout.splitlines())
    assert [span["label"] for span in row["spans"]] == ["CREDENTIAL", "PHONE_NUMBER"]
    assert all(span["evidence"] and 0.5 <= span["score"] <= 1 for span in row["spans"])
    assert b"gaon7788" not in done.stdout
    assert not (tmp_path / "looks.jsonl").exists()


def test_values_are_shown_once_it_is_written_down_who_looks(tmp_path):
    looks = tmp_path / "a" / "looks.jsonl"
    for _ in range(2):
        (row,) = map(json.loads, tried("--show", "--looks", looks).stdout.splitlines())
        assert [span["value"] for span in row["spans"]] == ["gaon7788!!", "010-0123-4567"]
    lines = [json.loads(line) for line in looks.read_text().splitlines()]
    assert len(lines) == 2
    assert lines[0]["shown"] == {"CREDENTIAL": 1, "PHONE_NUMBER": 1}
    assert {"at", "who", "command", "of", "shown"} == set(lines[0])
    assert "gaon" not in looks.read_text()
    assert looks.stat().st_mode & 0o77 == 0


def test_nothing_is_shown_where_it_cannot_be_written_down(tmp_path):
    done = tried("--show", "--looks", tmp_path)  # a directory
    assert done.returncode == 2
    assert done.stdout == b""


def test_other_stages_have_nothing_to_show():
    assert malmoi("try", "quality", "--show", stdin=ROW).returncode == 2
